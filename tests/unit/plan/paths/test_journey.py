"""What two words of a user's mean, and what is out of reach whatever the rules say."""

from ipaddress import IPv4Network

import pytest
from msgspec.structs import replace

from bastide.model.faults import Conflict, Invalid, NotFound
from bastide.model.network import VpcState
from bastide.plan.paths.journey import Journey, find_journey
from bastide.plan.paths.words import Packets
from tests.assignments import ENI
from tests.vpcs import open_vpcs

POOL = IPv4Network("198.18.7.0/24")
WEB, DATABASE, STRANGER = ("a" * 32, "b" * 32, "c" * 32)
ENIS = {
    WEB: replace(ENI, id="eni-web", vpc_id="vpc-1", private_ip="172.31.0.4", public_ip="198.18.7.4"),
    DATABASE: replace(ENI, id="eni-db", vpc_id="vpc-1", private_ip="172.31.0.5", mac="0a:00:00:00:00:02"),
    STRANGER: replace(ENI, id="eni-other", vpc_id="vpc-2", private_ip="172.31.0.4"),
}
STATES = open_vpcs(ENIS)


def journey(source: str, target: str, *, port: int = 80, states: dict[str, VpcState] = STATES) -> Journey:
    return find_journey(states, source, target, Packets("", "", 6, port), pool=POOL)


@pytest.mark.parametrize("word", [WEB, WEB[:8], f"arn:aws:ecs:us-east-1:1:task/default/{WEB}", "eni-web"])
def test_a_task_is_known_by_many_names(word: str) -> None:
    found = journey(word, "eni-db")
    assert found.source.interface and found.source.interface.id == "eni-web"
    assert found.is_open
    assert "within a subnet no network ACL is asked" in " ".join(step.text for step in found.steps)


def test_an_address_is_looked_for_in_the_senders_own_vpc() -> None:
    assert journey("eni-db", "172.31.0.4").target.vpc_id == "vpc-1"
    with pytest.raises(Conflict, match=r"172\.31\.0\.4 means more than one: .*vpc-1.*vpc-2"):
        journey("172.31.0.4", "eni-db")


@pytest.mark.parametrize("word", ["nobody", "eni-0", "task/x/y"])
def test_a_word_that_names_nothing(word: str) -> None:
    with pytest.raises(NotFound, match="names no task"):
        journey(word, "eni-db")


def test_two_places_outside_have_no_way_here() -> None:
    with pytest.raises(Invalid, match="Neither internet nor host"):
        journey("internet", "host")


@pytest.mark.parametrize(
    ("target", "port", "is_open", "why"),
    [
        ("172.31.0.2", 53, True, "answers look-ups"),
        ("169.254.169.253", 80, False, "answers look-ups"),
        ("169.254.169.254", 80, False, "no instance metadata"),
        ("169.254.170.3", 443, True, "the API answers TCP"),
        ("169.254.170.2", 80, True, "the task endpoint answers"),
        ("169.254.170.2", 81, False, "the task endpoint answers"),
        ("198.18.7.4", 80, False, "reach each other by private ones"),
        ("eni-other", 80, False, "never meet"),
        ("172.31.9.9", 80, False, "nobody in vpc-1 has the address"),
    ],
)
def test_what_no_rule_decides(target: str, port: int, is_open: bool, why: str) -> None:
    found = journey("eni-db", target, port=port)
    assert found.is_open is is_open
    assert why in found.steps[0].text


def test_from_outside_a_public_address_is_needed_and_a_group_that_lets_in() -> None:
    assert journey("host", "eni-web").is_open
    assert "bastide publish" in journey("internet", "eni-web").steps[0].text
    assert "has no public address" in journey("internet", "eni-db").steps[-1].text
    shut = replace(STATES["vpc-1"], rules={})
    stopped = journey("host", "eni-web", states={"vpc-1": shut})
    assert not stopped.is_open
    assert "no rule allows TCP 80 from" in stopped.steps[-1].text


def test_an_interface_that_is_no_tasks_is_deaf() -> None:
    state = STATES["vpc-1"]
    idle = replace(state.interfaces["eni-db"], task_id="")
    found = journey(
        "eni-web", "eni-db", states={"vpc-1": replace(state, interfaces={**state.interfaces, "eni-db": idle})}
    )
    assert not found.is_open
    assert "no task's interface" in found.steps[0].text

"""What interfaces put into a VPC's sets and maps, and that a plan applied leaves nothing to plan."""

from collections.abc import Iterable
from ipaddress import IPv4Network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bastide.model.network import HostGuard, Port
from bastide.plan.firewall import (
    Command,
    elements_of,
    plan_port,
    plan_removal,
    render_added,
    render_host_table,
    render_removed,
    render_vpc_table,
)

PORT = Port(link="eni1", mac="0a:00:00:00:00:01", private_ip="10.0.0.4", public_ip="198.18.0.2")
QUIET = Port(link="eni2", mac="0a:00:00:00:00:02", private_ip="10.0.0.5")
ports = st.builds(
    Port,
    link=st.sampled_from(["eni1", "eni2", "eni3"]),
    mac=st.sampled_from(["0a:00:00:00:00:01", "0a:00:00:00:00:02"]),
    private_ip=st.sampled_from(["10.0.0.4", "10.0.0.5"]),
    public_ip=st.sampled_from([None, "198.18.0.2", "198.18.0.3"]),
)


def applied(present: dict[str, list[Any]], commands: Iterable[Command]) -> dict[str, list[Any]]:
    """As nft would: a key added twice with another value, or deleted when it is not there, is refused."""
    after = {name: list(held) for name, held in present.items()}
    for command in commands:
        ((verb, what),) = command.items()
        held = after.setdefault(what["element"]["name"], [])
        for element in what["element"]["elem"]:
            same = [one for one in held if key_of(one) == key_of(element)]
            if verb == "delete":
                assert same, "not there"
                held.remove(same[0])
            elif element not in held:
                assert not same, "there with another value"
                held.append(element)
    return {name: held for name, held in after.items() if held}


def key_of(element: Any) -> Any:
    return element[0] if isinstance(element, list) else element


def test_a_port_in_and_out_again_leaves_nothing() -> None:
    there = applied({}, render_added(PORT))
    assert there == elements_of(PORT)
    assert applied(there, render_removed(PORT)) == {}


def test_a_port_without_a_public_address_has_no_translation() -> None:
    assert set(elements_of(QUIET)) == {"sources", "egress", "ingress"}


def test_removing_one_port_keeps_the_other() -> None:
    both = applied(applied({}, render_added(PORT)), render_added(QUIET))
    assert applied(both, plan_removal(both, PORT)) == elements_of(QUIET)


def test_an_address_moves_to_its_new_owner() -> None:
    heir = Port(link="eni9", mac="0a:00:00:00:00:09", private_ip="10.0.0.9", public_ip=PORT.public_ip)
    there = applied({}, render_added(PORT))
    after = applied(there, plan_port(there, heir))
    assert after["public_to_private"] == [["198.18.0.2", "10.0.0.9"]]


@given(st.lists(ports, max_size=4), ports)
def test_a_plan_applied_leaves_nothing_to_plan(others: list[Port], port: Port) -> None:
    there: dict[str, list[Any]] = {}
    for other in others:
        there = applied(there, plan_port(there, other))
    there = applied(there, plan_port(there, port))
    assert plan_port(there, port) == []
    gone = applied(there, plan_removal(there, port))
    assert plan_removal(gone, port) == []


def test_every_hook_of_a_vpc_that_judges_denies_by_default() -> None:
    chains = [
        c["add"]["chain"] for c in render_vpc_table(IPv4Network("10.0.0.0/16")) if "chain" in c.get("add", {})
    ]
    policies = {chain["name"]: chain.get("policy") for chain in chains if "hook" in chain}
    assert policies["antispoof"] == policies["input"] == policies["forward"] == "drop"


def test_the_hosts_table_never_decides_for_others() -> None:
    """Its hooks accept by default, and each of its rules names a link or an address of the instance."""
    guard = HostGuard(
        table="bastide-x",
        links="bt1234",
        all_links="bt",
        pool=IPv4Network("198.18.7.0/24"),
        uplinks=("eth0",),
        closed=("eth0",),
    )
    commands = render_host_table(guard)
    chains = [c["add"]["chain"] for c in commands if "chain" in c.get("add", {})]
    assert {chain["policy"] for chain in chains if "hook" in chain} == {"accept"}
    hooks = {chain["name"] for chain in chains if "hook" in chain}
    rules = [c["add"]["rule"] for c in commands if "rule" in c.get("add", {})]
    for rule in (rule for rule in rules if rule["chain"] in hooks):
        assert any(own in str(rule) for own in ("bt1234*", "198.18.7.0", "@closed")), rule

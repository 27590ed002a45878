"""Hosts and addresses, chosen as values."""

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bastide.plan.placement import Host, Wait, choose_address, choose_host, count_usable, order_subnets

NET = IPv4Network("10.0.0.0/28")


def host(name: str = "h", **members: int) -> Host:
    return Host(**{"id": name, "cpu_units": 2048, "memory_mib": 4096, **members})  # type: ignore[arg-type]


def choose(*hosts: Host, cpu: int = 256, memory: int = 512, overcommit: float = 4) -> Host | Wait:
    return choose_host(hosts, cpu_units=cpu, memory_mib=memory, cpu_overcommit=overcommit)


def test_without_a_host_a_task_waits() -> None:
    assert choose() is Wait.NO_HOST


def test_a_task_larger_than_every_host_is_refused() -> None:
    assert choose(host(), host(), memory=4097) is Wait.TOO_LARGE
    assert choose(host(), cpu=8193) is Wait.TOO_LARGE


def test_a_task_that_would_fit_an_empty_host_waits() -> None:
    assert choose(host(used_memory_mib=3585)) is Wait.NO_ROOM
    assert choose(host(used_cpu_units=8000)) is Wait.NO_ROOM


def test_memory_is_filled_to_the_last_mib_and_cpu_beyond() -> None:
    full = host(used_memory_mib=3584, used_cpu_units=7936)
    assert choose(full) == full


def test_the_emptiest_host_is_taken() -> None:
    empty = host("a", used_memory_mib=100)
    assert choose(host("b", used_memory_mib=200), empty, host("c", used_memory_mib=300)) == empty


def test_subnets_are_tried_from_the_promised_one() -> None:
    assert order_subnets(["a", "b", "c"], first="b") == ["b", "c", "a"]
    assert order_subnets(["a", "b"], first="gone") == ["a", "b"]


@pytest.mark.parametrize(
    ("prefix", "usable"), [(28, 11), (24, 251), (20, 4091), (16, 65531), (30, 0), (31, 0)]
)
def test_five_addresses_of_a_subnet_are_not_given_away(prefix: int, usable: int) -> None:
    assert count_usable(IPv4Network(f"10.0.0.0/{prefix}")) == usable


@given(st.text(), st.sets(st.integers(0, 10)))
def test_an_address_is_free_and_never_a_reserved_one(seed: str, offsets: set[int]) -> None:
    taken = {NET.network_address + 4 + offset for offset in offsets}
    found = choose_address(NET, seed, lambda address: address not in taken)
    free = {NET.network_address + 4 + offset for offset in range(11)} - taken
    assert found in free if free else found is None


def test_a_full_subnet_gives_nothing() -> None:
    assert choose_address(NET, "s", lambda _: False) is None
    assert choose_address(IPv4Network("10.0.0.0/30"), "s", lambda _: True) is None


def test_every_address_is_given_once() -> None:
    taken: set[IPv4Address] = set()
    for number in range(11):
        found = choose_address(NET, str(number), lambda address: address not in taken)
        assert found is not None
        taken.add(found)
    assert len(taken) == 11

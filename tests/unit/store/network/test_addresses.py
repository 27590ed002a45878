"""Addresses, chosen as values."""

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bastide.store.network.addresses import choose_address, count_usable

NET = IPv4Network("10.0.0.0/28")


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

"""Derived addresses and names."""

from ipaddress import IPv4Address, IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from bastide.model.network import (
    POOLS,
    host_address,
    mac_of,
    private_dns_name,
    public_addresses,
    public_pool,
    reserved_addresses,
    subnet_router,
    usable_addresses,
)


@given(st.text(min_size=1))
def test_an_instance_has_one_pool_of_its_own_range(instance: str) -> None:
    pool = public_pool(instance)
    assert pool == public_pool(instance)
    assert pool.prefixlen == 24
    assert pool.subnet_of(POOLS)


def test_a_configured_pool_is_taken_as_it_is() -> None:
    assert public_pool("bastide", "10.9.0.0/20") == IPv4Network("10.9.0.0/20")


@given(st.integers(min_value=16, max_value=28))
def test_a_subnet_gives_away_all_but_five(prefix: int) -> None:
    subnet = IPv4Network(("10.0.0.0", prefix))
    reserved, usable = reserved_addresses(subnet), list(usable_addresses(subnet))
    assert len(reserved) == 5
    assert len(usable) == subnet.num_addresses - 5
    assert reserved.isdisjoint(usable)
    assert subnet_router(subnet) in reserved


def test_the_hosts_address_is_nobody_elses() -> None:
    pool = IPv4Network("198.18.7.0/24")
    assert host_address(pool) == IPv4Address("198.18.7.1")
    assert host_address(pool) not in set(public_addresses(pool))
    assert len(list(public_addresses(pool))) == 253


@given(st.text(min_size=1))
def test_a_mac_is_local_and_for_one_receiver(eni_id: str) -> None:
    first = int(mac_of(eni_id).split(":")[0], 16)
    assert first & 0b11 == 0b10
    assert len(mac_of(eni_id)) == 17


def test_macs_differ() -> None:
    assert len({mac_of(f"eni-{number}") for number in range(1000)}) == 1000


def test_host_names_are_the_regions() -> None:
    assert private_dns_name("172.31.0.4", "eu-west-1") == "ip-172-31-0-4.eu-west-1.compute.internal"
    assert private_dns_name("172.31.0.4", "us-east-1") == "ip-172-31-0-4.ec2.internal"

"""Whose addresses an instance would take: wider routes and our own links do not count."""

from ipaddress import IPv4Network

import pytest

from bastide.cli.processes.neighbours import find_route_within

POOL = IPv4Network("198.18.7.0/24")


@pytest.mark.parametrize(
    ("route", "is_taken"),
    [
        ({"dst": "198.18.7.9", "dev": "btaaaa12345678"}, True),
        ({"dst": "198.18.7.0/24", "dev": "eth1"}, True),
        ({"dst": "198.18.7.128/25", "dev": "eth1"}, True),
        ({"dst": "198.18.7.9", "dev": "btffff12345678"}, False),
        ({"dst": "198.18.0.0/15", "dev": "eth1"}, False),
        ({"dst": "198.18.8.9", "dev": "eth1"}, False),
        ({"dst": "default", "dev": "eth0"}, False),
        ({"dst": "198.18.7.9", "type": "blackhole"}, False),
    ],
)
def test_only_what_leads_into_the_pool_by_others_links_takes_it(
    route: dict[str, str], is_taken: bool
) -> None:
    found = find_route_within(POOL, [route], "btffff")
    assert (found == route) is is_taken

"""The host's own table."""

from ipaddress import IPv4Network

from bastide.model.network import HostGuard
from bastide.plan.firewall import plan_host

GUARD = HostGuard(
    table="bastide-x",
    links="bt1234",
    all_links="bt",
    pool=IPv4Network("198.18.7.0/24"),
    uplinks=("eth0",),
    closed=("eth0",),
)


def test_it_never_decides_for_others() -> None:
    """Its hooks accept by default, and each of their rules names a link or an address of the instance."""
    hooked = {name: chain for name, chain in plan_host(GUARD).chains.items() if chain.hook}
    assert {chain.hook.policy for chain in hooked.values() if chain.hook} == {"accept"}
    for rule in (rule for chain in hooked.values() for rule in chain.rules):
        assert any(own in str(rule) for own in ("bt1234*", "198.18.7.0", "@closed")), rule

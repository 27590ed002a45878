"""The host's guard: what comes out of a VPC reaches the internet, never the host; what comes in has a way.

It only drops and masquerades what is the instance's own, so no other table's verdict changes. Pure.
"""

from bastide.model.network import HostGuard
from bastide.plan.firewall.expressions import (
    ACCEPT,
    DROP,
    LINK_LOCAL,
    REJECT,
    REPLIES,
    Expression,
    contains,
    ct,
    differs,
    equals,
    ip,
    jump,
    meta,
    prefix,
)
from bastide.plan.firewall.table import (
    SOURCE_NAT,
    Chain,
    Command,
    Holder,
    Hook,
    Rule,
    Table,
    render_table,
)

BEFORE_FILTER = -10
_IN, _OUT = meta("iifname"), meta("oifname")
TRANSLATED = contains(ct("status"), "dnat")  # its target was made a task's: a published port


def render_host_table(host: HostGuard) -> list[Command]:
    """The guard whole, in the place of whatever is there. In one transaction."""
    return render_table(plan_host(host))


def plan_host(host: HostGuard) -> Table:
    """The guard as a value."""
    ours, pool = f"{host.links}*", prefix(host.pool)
    masquerade: Expression = {"masquerade": None}
    hooked: dict[str, tuple[Hook, tuple[Rule, ...]]] = {
        "input": (
            Hook("filter", "input", BEFORE_FILTER, "accept"),
            (
                (equals(_IN, ours), equals(ip("saddr"), pool), REPLIES, ACCEPT),
                (equals(_IN, ours), DROP),
            ),
        ),
        "output": (
            Hook("filter", "output", BEFORE_FILTER, "accept"),
            (
                (equals(ip("daddr"), pool), TRANSLATED, ACCEPT),
                # An address no task has now must not leave this machine by the default route.
                (equals(ip("daddr"), pool), differs(_OUT, ours), REJECT),
            ),
        ),
        "forward": (
            Hook("filter", "forward", BEFORE_FILTER, "accept"),
            (
                (equals(_IN, ours), jump("from_vpc")),
                (equals(_OUT, ours), jump("into_vpc")),
                (equals(_IN, "@uplinks"), equals(_OUT, "@closed"), DROP),
            ),
        ),
        "postrouting": (
            Hook("nat", "postrouting", SOURCE_NAT, "accept"),
            ((equals(ip("saddr"), pool), equals(_OUT, "@uplinks"), masquerade),),
        ),
    }
    return Table(
        name=host.table,
        chains={
            "from_vpc": Chain(_from_vpc(host)),
            "into_vpc": Chain(_into_vpc(host)),
            **{name: Chain(rules, hook) for name, (hook, rules) in hooked.items()},
        },
        holders={
            "uplinks": Holder(key=("ifname",), elements=dict.fromkeys(host.uplinks)),
            "closed": Holder(key=("ifname",), elements=dict.fromkeys(host.closed)),
        },
    )


def _from_vpc(host: HostGuard) -> tuple[Rule, ...]:
    return (
        (differs(ip("saddr"), prefix(host.pool)), DROP),
        (TRANSLATED, REPLIES, ACCEPT),
        (equals(ip("daddr"), LINK_LOCAL), DROP),
        (equals(_OUT, f"{host.all_links}*"), DROP),
        (differs(_OUT, "@uplinks"), DROP),
    )


def _into_vpc(host: HostGuard) -> tuple[Rule, ...]:
    """The LAN speaks to public addresses, in its own name; whether it is heard the VPC's rules say."""
    pool = prefix(host.pool)
    return (
        (REPLIES, ACCEPT),
        (TRANSLATED, ACCEPT),
        (equals(_IN, "@uplinks"), equals(ip("daddr"), pool), differs(ip("saddr"), pool), ACCEPT),
        (DROP,),
    )

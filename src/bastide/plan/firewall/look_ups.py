"""What a VPC's router answers itself: its tasks' look-ups, so many a second from each, and the API. Pure.

Whatever security groups and network ACLs say, as on AWS with what is the platform's own. Where nobody listens
the kernel refuses, so that a look-up fails at once.
"""

from bastide.model.network import API_IP, ENI_LINKS
from bastide.model.network.names import LOOK_UPS_PER_S
from bastide.plan.firewall.expressions import ACCEPT, DROP, Expression, equals, ip, meta, payload
from bastide.plan.firewall.table import Holder, Rule

LOOK_UPS = "look-ups"  # who asks, and how often just now
COUNTED = Holder(key=("ifname",), forgets_after_s=60)
_BEYOND: Expression = {
    "limit": {"rate": LOOK_UPS_PER_S, "per": "second", "burst": LOOK_UPS_PER_S, "inv": True}
}
_COUNT: Expression = {
    "set": {"op": "update", "elem": meta("iifname"), "set": f"@{LOOK_UPS}", "stmt": [_BEYOND]}
}
INPUT: tuple[Rule, ...] = (
    (equals(meta("iifname"), "lo"), ACCEPT),
    *(
        rule
        for asked in (
            (equals(meta("iifname"), f"{ENI_LINKS}*"), equals(payload(protocol, "dport"), 53))
            for protocol in ("udp", "tcp")
        )
        for rule in ((*asked, _COUNT, DROP), (*asked, ACCEPT))
    ),
)
API_CALLS: tuple[Rule, ...] = (
    (
        equals(meta("iifname"), f"{ENI_LINKS}*"),
        equals(ip("daddr"), API_IP),
        equals(meta("l4proto"), "tcp"),
        ACCEPT,
    ),
)

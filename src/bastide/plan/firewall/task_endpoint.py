"""What a VPC's router answers itself: what a task asks about itself, at 169.254.170.2, port 80. Pure.

Whatever its security groups say, as on AWS; from interfaces of tasks alone, and so many new connections a
second from each. Who sends is checked before (`antispoof`): the address a connection comes from is who asks.
"""

from bastide.model.network import ENI_LINKS, METADATA_IP
from bastide.plan.firewall.expressions import ACCEPT, DROP, Expression, ct, equals, ip, meta, payload
from bastide.plan.firewall.table import Holder, Rule

CALLS = "task-calls"  # who connects, and how often just now
CALLS_PER_S = 100
PORT = 80
COUNTED = Holder(key=("ifname",), forgets_after_s=60)
_BEYOND: Expression = {"limit": {"rate": CALLS_PER_S, "per": "second", "burst": 2 * CALLS_PER_S, "inv": True}}
_COUNT: Expression = {"set": {"op": "update", "elem": meta("iifname"), "set": f"@{CALLS}", "stmt": [_BEYOND]}}
_CALL = (
    equals(meta("iifname"), f"{ENI_LINKS}*"),
    equals(ip("daddr"), METADATA_IP),
    equals(payload("tcp", "dport"), PORT),
)
INPUT: tuple[Rule, ...] = (
    (*_CALL, equals(ct("state"), "new"), _COUNT, DROP),
    (*_CALL, ACCEPT),
)

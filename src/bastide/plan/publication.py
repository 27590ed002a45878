"""nft's commands for the host's ports that are published. Pure; host/network applies them.

A table of its own: it only changes where packets go, and the host's guard (plan/firewall) lets those pass
whose target was changed. Traffic that is not for the host itself, or comes out of a VPC, is left alone.
"""

from collections.abc import Sequence
from typing import Any

from bastide.model.network.publication import Publication

Command = dict[str, Any]
DESTINATION_NAT = -100  # netfilter's own priority
LOOPBACK = {"prefix": {"addr": "127.0.0.0", "len": 8}}


def render_published(table: str, publications: Sequence[Publication], *, links: str) -> list[Command]:
    """The whole table, replaced in one transaction; `links` is how every VPC's transit links begin."""
    at = {"family": "inet", "table": table}
    commands: list[Command] = [
        {"add": {"table": {"family": "inet", "name": table}}},
        {"flush": {"table": {"family": "inet", "name": table}}},
    ]
    outside = _match("!=", {"meta": {"key": "iifname"}}, f"{links}*")
    # What the host itself sends to its loopback cannot leave it again.
    own = _match("!=", _payload("ip", "daddr"), LOOPBACK)
    for hook, where in (("prerouting", outside), ("output", own)):
        chain = {**at, "name": hook, "type": "nat", "hook": hook, "prio": DESTINATION_NAT, "policy": "accept"}
        commands.append({"add": {"chain": chain}})
        for each in sorted(publications):
            to = {"dnat": {"family": "ip", "addr": each.address, "port": each.port}}
            port = _match("==", _payload(each.host.protocol, "dport"), each.host.port)
            rule = {**at, "chain": hook, "expr": [where, _FOR_THIS_HOST, port, to]}
            commands.append({"add": {"rule": rule}})
    return commands


def _match(op: str, left: Any, right: Any) -> Any:
    return {"match": {"op": op, "left": left, "right": right}}


def _payload(protocol: str, field: str) -> Any:
    return {"payload": {"protocol": protocol, "field": field}}


_FOR_THIS_HOST = _match("==", {"fib": {"result": "type", "flags": "daddr"}}, "local")

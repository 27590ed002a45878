"""nft's JSON expressions, as far as the firewall uses them."""

from ipaddress import IPv4Network
from typing import Any

Expression = dict[str, Any]

ACCEPT: Expression = {"accept": None}
DROP: Expression = {"drop": None}
RETURN: Expression = {"return": None}
REJECT: Expression = {"reject": {"type": "icmp", "expr": "net-unreachable"}}
LINK_LOCAL = {"prefix": {"addr": "169.254.0.0", "len": 16}}


def meta(key: str) -> Expression:
    """What the kernel knows of the packet: `iifname`, `oifname`, `l4proto` …"""
    return {"meta": {"key": key}}


def ct(key: str) -> Expression:
    """What connection tracking knows of it."""
    return {"ct": {"key": key}}


def payload(protocol: str, field: str) -> Expression:
    """A field of a header."""
    return {"payload": {"protocol": protocol, "field": field}}


def ip(field: str) -> Expression:
    """A field of the IPv4 header."""
    return payload("ip", field)


def prefix(network: IPv4Network | str) -> Any:
    """A CIDR; an address where it has but one."""
    block = IPv4Network(network)
    if block.prefixlen == block.max_prefixlen:
        return str(block.network_address)
    return {"prefix": {"addr": str(block.network_address), "len": block.prefixlen}}


def equals(left: Any, right: Any) -> Expression:
    """A match; a right side that begins with @ names a set."""
    return {"match": {"op": "==", "left": left, "right": right}}


def differs(left: Any, right: Any) -> Expression:
    """The opposite match."""
    return {"match": {"op": "!=", "left": left, "right": right}}


def contains(left: Any, right: Any) -> Expression:
    """A match of flags."""
    return {"match": {"op": "in", "left": left, "right": right}}


def look_up(key: Any, name: str) -> Expression:
    """The verdict that a map has for the key; without one the next rule is tried."""
    return {"vmap": {"key": key, "data": f"@{name}"}}


def jump(chain: str) -> Expression:
    """Come back after the chain."""
    return {"jump": {"target": chain}}


def goto(chain: str) -> Expression:
    """Do not come back."""
    return {"goto": {"target": chain}}


REPLIES = contains(ct("state"), ["established", "related"])
VERDICT_BY_STATE: Expression = {
    "vmap": {
        "key": ct("state"),
        "data": {"set": [["established", ACCEPT], ["related", ACCEPT], ["invalid", DROP]]},
    }
}

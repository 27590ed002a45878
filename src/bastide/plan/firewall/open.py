"""A VPC's router that lets every interface talk to every other: nft's JSON commands.

A VPC's table has the shape that security groups need: an anti-spoof set, NAT maps, and a verdict map of
each direction keyed by link, default deny. Until there are groups every link's verdict is "open". A
change of one interface is one element of each set or map, never a rule. Pure; `host/nft.py` applies it.
"""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from bastide.model.network import Port

Command = dict[str, Any]
Elements = Mapping[str, Sequence[Any]]  # by set or map name, as nft's JSON has them

VPC_TABLE = "vpc"
UPLINK = "up"  # the router's end of the transit pair: the internet gateway
LINK_LOCAL = {"prefix": {"addr": "169.254.0.0", "len": 16}}
RAW, MANGLE, DESTINATION_NAT, FILTER, SOURCE_NAT = -300, -150, -100, 0, 100  # netfilter's own priorities
BEFORE_FILTER = -10


def render_vpc_table(cidr: IPv4Network) -> list[Command]:
    """The whole table of a VPC's router but its elements; applied again it keeps them. In one transaction."""
    build = _Table(VPC_TABLE)
    build.add_set("sources", ["ifname", "ether_addr", "ipv4_addr"])
    build.add_set("public_sources", ["ipv4_addr"])
    build.add_map("public_to_private", "ipv4_addr", "ipv4_addr")
    build.add_map("private_to_public", "ipv4_addr", "ipv4_addr")
    build.add_map("egress", "ifname", "verdict")
    build.add_map("ingress", "ifname", "verdict")
    for chain in ("open", "to_internet", "from_internet"):
        build.add_chain(chain)
    build.add_hook("antispoof", "filter", "prerouting", RAW, policy="drop")
    build.add_hook("mss", "filter", "forward", MANGLE, policy="accept")
    build.add_hook("dnat", "nat", "prerouting", DESTINATION_NAT, policy="accept")
    build.add_hook("snat", "nat", "postrouting", SOURCE_NAT, policy="accept")
    build.add_hook("input", "filter", "input", FILTER, policy="drop")
    build.add_hook("forward", "filter", "forward", FILTER, policy="drop")
    _add_antispoof(build, cidr)
    _add_translation(build)
    _add_input(build)
    _add_forward(build)
    uplink = {"egress": [[UPLINK, _jump("from_internet")]], "ingress": [[UPLINK, _jump("to_internet")]]}
    build.elements(uplink)
    return build.commands()


def _add_antispoof(build: "_Table", cidr: IPv4Network) -> None:
    """An interface's frames carry its own MAC and address; nobody outside claims an inner address."""
    build.rule("antispoof", _is(_meta("iifname"), "lo"), _ACCEPT)
    build.rule("antispoof", _is(_meta("iifname"), UPLINK), _is(_ip("saddr"), _prefix(cidr)), _DROP)
    build.rule("antispoof", _is(_meta("iifname"), UPLINK), _is(_meta("nfproto"), "ipv4"), _ACCEPT)
    sender = {"concat": [_meta("iifname"), _payload("ether", "saddr"), _ip("saddr")]}
    build.rule("antispoof", _is(sender, "@sources"), _ACCEPT)


def _add_translation(build: "_Table") -> None:
    """Public to private addresses and back, one to one, at the uplink."""
    # The task announces segments of its own MTU; the internet's side is narrower.
    syn = {"match": {"op": "in", "left": _payload("tcp", "flags"), "right": "syn"}}
    size = {"tcp option": {"name": "maxseg", "field": "size"}}
    clamp = {"mangle": {"key": size, "value": {"rt": {"key": "mtu"}}}}
    build.rule("mss", _is(_meta("oifname"), UPLINK), syn, clamp)
    to_private = {"map": {"key": _ip("daddr"), "data": "@public_to_private"}}
    to_public = {"map": {"key": _ip("saddr"), "data": "@private_to_public"}}
    build.rule("dnat", _is(_meta("iifname"), UPLINK), {"dnat": {"family": "ip", "addr": to_private}})
    build.rule("snat", _is(_meta("oifname"), UPLINK), {"snat": {"family": "ip", "addr": to_public}})


def _add_input(build: "_Table") -> None:
    """The router itself answers nobody. No resolver yet: refused, a look-up fails at once."""
    build.rule("input", _is(_meta("iifname"), "lo"), _ACCEPT)
    refused = {"reject": {"type": "icmp", "expr": "port-unreachable"}}
    for protocol in ("udp", "tcp"):
        build.rule("input", _is(_payload(protocol, "dport"), 53), refused)


def _add_forward(build: "_Table") -> None:
    """Known flows pass; a new one needs both its sender's and its receiver's word."""
    # Refused and not dropped: an SDK that looks for instance metadata gives up at once.
    build.rule("forward", _is(_ip("daddr"), LINK_LOCAL), _REJECT)
    build.rule("forward", _VERDICT_BY_STATE)
    build.rule("forward", {"vmap": {"key": _meta("iifname"), "data": "@egress"}})
    build.rule("forward", {"vmap": {"key": _meta("oifname"), "data": "@ingress"}})
    build.rule("to_internet", _is(_ip("saddr"), "@public_sources"), _ACCEPT)
    build.rule("to_internet", _DROP)
    translated = {"match": {"op": "in", "left": {"ct": {"key": "status"}}, "right": "dnat"}}
    build.rule("from_internet", translated, {"return": None})
    build.rule("from_internet", _DROP)


def elements_of(port: Port) -> dict[str, list[Any]]:
    """What the table holds for one interface."""
    elements: dict[str, list[Any]] = {
        "sources": [{"concat": [port.link, port.mac, port.private_ip]}],
        "egress": [[port.link, _jump("open")]],
        "ingress": [[port.link, {"accept": None}]],
    }
    if port.public_ip:
        elements["public_sources"] = [port.private_ip]
        elements["public_to_private"] = [[port.public_ip, port.private_ip]]
        elements["private_to_public"] = [[port.private_ip, port.public_ip]]
    return elements


def render_added(port: Port) -> list[Command]:
    """The interface in; refused as a whole when one of its addresses is somebody else's."""
    return _added(elements_of(port))


def render_removed(port: Port) -> list[Command]:
    """The interface out; refused as a whole when not all of it is there."""
    return _removed(elements_of(port))


def plan_port(present: Elements, port: Port) -> list[Command]:
    """From what the table holds to this interface as it should be: what is stale out, what misses in."""
    wanted = elements_of(port)
    mine = _held_by(present, port)
    stale = {name: [one for one in held if one not in wanted.get(name, [])] for name, held in mine.items()}
    missing = {name: [one for one in new if one not in mine.get(name, [])] for name, new in wanted.items()}
    return _removed(stale) + _added(missing)


def plan_removal(present: Elements, port: Port) -> list[Command]:
    """Everything out that is there and the interface's."""
    return _removed(_held_by(present, port))


def _added(elements: Elements) -> list[Command]:
    return [_element("add", name, listed) for name, listed in elements.items() if listed]


def _removed(elements: Elements) -> list[Command]:
    keys = {name: [_key(one) for one in listed] for name, listed in elements.items() if listed}
    return [_element("delete", name, listed) for name, listed in keys.items()]


def _held_by(present: Elements, port: Port) -> dict[str, list[Any]]:
    keys = {port.link, port.private_ip, port.public_ip} - {None}
    held: dict[str, list[Any]] = {}
    for name, listed in present.items():
        mine = [one for one in listed if not keys.isdisjoint(_leaves(_key(one)))]
        if mine:
            held[name] = mine
    return held


def _key(element: Any) -> Any:
    return element[0] if isinstance(element, list) else element


def _leaves(key: Any) -> Iterable[str]:
    return key["concat"] if isinstance(key, dict) else [key]


class _Table:
    """Commands in the order nft needs: what is named before what names it, chains emptied before rules."""

    def __init__(self, name: str) -> None:
        self._at = {"family": "inet", "table": name}
        self._objects: list[Command] = [{"add": {"table": {"family": "inet", "name": name}}}]
        self._rules: list[Command] = []

    def add_set(self, name: str, types: list[str]) -> None:
        kind = types if len(types) > 1 else types[0]
        self._objects.append({"add": {"set": {**self._at, "name": name, "type": kind}}})

    def add_map(self, name: str, key: str, value: str) -> None:
        self._objects.append({"add": {"map": {**self._at, "name": name, "type": key, "map": value}}})

    def flush_set(self, name: str) -> None:
        self._objects.append({"flush": {"set": {**self._at, "name": name}}})

    def add_chain(self, name: str, **hook: Any) -> None:
        chain = {**self._at, "name": name}
        self._objects += [{"add": {"chain": {**chain, **hook}}}, {"flush": {"chain": chain}}]

    def add_hook(self, name: str, kind: str, hook: str, priority: int, *, policy: str) -> None:
        self.add_chain(name, type=kind, hook=hook, prio=priority, policy=policy)

    def rule(self, chain: str, *expressions: Any) -> None:
        self._rules.append({"add": {"rule": {**self._at, "chain": chain, "expr": list(expressions)}}})

    def elements(self, elements: Elements) -> None:
        for name, listed in elements.items():
            if listed:
                added = {**self._at, "name": name, "elem": list(listed)}
                self._rules.append({"add": {"element": added}})

    def commands(self) -> list[Command]:
        return self._objects + self._rules


def _element(verb: str, name: str, listed: Sequence[Any]) -> Command:
    return {verb: {"element": {"family": "inet", "table": VPC_TABLE, "name": name, "elem": list(listed)}}}


def _meta(key: str) -> Any:
    return {"meta": {"key": key}}


def _payload(protocol: str, field: str) -> Any:
    return {"payload": {"protocol": protocol, "field": field}}


def _ip(field: str) -> Any:
    return _payload("ip", field)


def _prefix(network: IPv4Network) -> Any:
    return {"prefix": {"addr": str(network.network_address), "len": network.prefixlen}}


def _is(left: Any, right: Any) -> Any:
    return {"match": {"op": "==", "left": left, "right": right}}


def _not(left: Any, right: Any) -> Any:
    return {"match": {"op": "!=", "left": left, "right": right}}


def _jump(chain: str) -> Any:
    return {"jump": {"target": chain}}


_ACCEPT: Any = {"accept": None}
_DROP: Any = {"drop": None}
_REJECT: Any = {"reject": {"type": "icmp", "expr": "net-unreachable"}}
_CT_STATE: Any = {"ct": {"key": "state"}}
_REPLIES: Any = {"match": {"op": "in", "left": _CT_STATE, "right": ["established", "related"]}}
_VERDICT_BY_STATE: Any = {
    "vmap": {
        "key": _CT_STATE,
        "data": {"set": [["established", _ACCEPT], ["related", _ACCEPT], ["invalid", _DROP]]},
    }
}

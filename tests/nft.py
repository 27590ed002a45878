"""nft's JSON commands applied in memory, and a packet judged by what they made: the kernel in short.

It refuses what the kernel refuses: a key added twice with another value, an interval over another, what is
not there taken away, what is still named deleted. tests/contract/network holds it to the real one.
"""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from bastide.plan.firewall import Command

Packet = Mapping[str, Any]  # by field: `iifname`, `ip saddr`, `tcp dport`, `ct state` …
FINAL = ("accept", "drop", "reject")


class Nft:
    """One table."""

    def __init__(self) -> None:
        self.chains: dict[str, list[list[Any]]] = {}
        self.hooks: dict[str, dict[str, Any]] = {}
        self.holders: dict[str, dict[str, Any]] = {}
        self.elements: dict[str, dict[Any, Any]] = {}

    def apply(self, commands: Iterable[Command]) -> "Nft":
        """One transaction; AssertionError where the kernel would refuse it."""
        for command in commands:
            ((verb, what),) = command.items()
            ((noun, body),) = what.items()
            getattr(self, f"_{verb}_{noun}")(body)
        for name in self._named():
            assert name in self.chains, f"no chain {name}"
        return self

    def judge(self, packet: Packet, chain: str) -> tuple[str, dict[str, Any]]:
        """The verdict of a base chain, and what its rules noted of the packet."""
        notes: dict[str, Any] = {}
        verdict = self._walk(packet, chain, notes) or self.hooks[chain]["policy"]
        return verdict, notes

    def state(self) -> Any:
        """All that is in the table, to be compared."""
        return self.chains, self.hooks, self.holders, self.elements

    def _walk(self, packet: Packet, chain: str, notes: dict[str, Any]) -> str | None:
        """The final verdict; None: back to where it came from."""
        for rule in self.chains[chain]:
            verdict = self._meet(packet, rule, notes)
            if verdict is None:
                continue
            ((word, target),) = verdict.items()
            if word in FINAL:
                return str(word)
            if word == "return":
                return None
            found = self._walk(packet, target["target"], notes)
            if found or word == "goto":
                return found
        return None

    def _meet(self, packet: Packet, rule: list[Any], notes: dict[str, Any]) -> dict[str, Any] | None:
        """The verdict of the rule; None where it does not match or has none."""
        for expression in rule:
            ((word, body),) = expression.items()
            if word == "match":
                if not self._matches(packet, body):
                    return None
            elif word == "vmap":
                data = self.elements[body["data"][1:]] if isinstance(body["data"], str) else body["data"]
                found = self._find(packet, body["key"], data)
                if found is not None:
                    return dict(found)
            elif word == "mangle":
                notes[" ".join(_words(body["key"]))] = body["value"]
            elif word in ("dnat", "snat"):
                mapped = body["addr"]["map"]
                address = self._find(packet, mapped["key"], self.elements[mapped["data"][1:]])
                if address is None:
                    return None
                notes[word] = address
                return {"accept": None}
            else:
                return dict(expression)
        return None

    def _matches(self, packet: Packet, body: Mapping[str, Any]) -> bool:
        value, right = self._value(packet, body["left"]), body["right"]
        if value is None:
            return False
        if body["op"] == "in":
            return value in (right if isinstance(right, list) else [right])
        if isinstance(right, str) and right.startswith("@"):
            return (_lookup(self.elements[right[1:]], value) is not None) is (body["op"] == "==")
        wanted = right["set"] if isinstance(right, dict) and "set" in right else [right]
        return any(_covers(one, value) for one in wanted) is (body["op"] == "==")

    def _find(self, packet: Packet, key: Any, data: Any) -> Any:
        value = self._value(packet, key)
        if value is None:
            return None
        if isinstance(data, dict) and "set" in data:
            return next((verdict for one, verdict in data["set"] if _covers(one, value)), None)
        return _lookup(data, value)

    def _value(self, packet: Packet, expression: Any) -> Any:
        if "concat" in expression:
            parts = [self._value(packet, part) for part in expression["concat"]]
            return None if None in parts else tuple(parts)
        return packet.get(" ".join(_words(expression)))

    def _named(self) -> Iterable[str]:
        for rules in self.chains.values():
            for rule in rules:
                yield from (x[w]["target"] for x in rule for w in ("jump", "goto") if w in x)
        for name, held in self.elements.items():
            if self.holders[name].get("map") == "verdict":
                yield from (v[w]["target"] for v in held.values() for w in ("jump", "goto") if w in v)

    def _add_table(self, body: Any) -> None:
        pass

    def _delete_table(self, body: Any) -> None:
        self.__init__()  # type: ignore[misc]

    def _add_chain(self, body: Any) -> None:
        assert body["name"] not in self.chains
        self.chains[body["name"]] = []
        self.hooks[body["name"]] = {k: v for k, v in body.items() if k in ("type", "hook", "prio", "policy")}

    def _flush_chain(self, body: Any) -> None:
        self.chains[body["name"]].clear()

    def _delete_chain(self, body: Any) -> None:
        assert not self.chains.pop(body["name"]), "a chain with rules"
        del self.hooks[body["name"]]
        assert body["name"] not in set(self._named()), "a chain that is named"

    def _add_set(self, body: Any) -> None:
        assert body["name"] not in self.holders
        self.holders[body["name"]] = {k: v for k, v in body.items() if k in ("type", "map", "flags")}
        self.elements[body["name"]] = {}

    _add_map = _add_set

    def _delete_set(self, body: Any) -> None:
        name = f"'@{body['name']}'"
        assert not any(name in str(rule) for rules in self.chains.values() for rule in rules), "in use"
        del self.holders[body["name"]], self.elements[body["name"]]

    _delete_map = _delete_set

    def _add_element(self, body: Any) -> None:
        held, holder = self.elements[body["name"]], self.holders[body["name"]]
        for one in body["elem"]:
            shown, value = one if "map" in holder else (one, True)
            key = _key(shown)
            assert held.get(key, value) == value, f"{key} is there with another value"
            if "flags" in holder:
                assert not any(key != other and _overlap(key, other) for other in held), f"{key} overlaps"
            held[key] = value

    def _delete_element(self, body: Any) -> None:
        for one in body["elem"]:
            del self.elements[body["name"]][_key(one)]

    def _add_rule(self, body: Any) -> None:
        names = [one["match"]["right"] for one in body["expr"] if "match" in one]
        for name in (one for one in names if isinstance(one, str) and one.startswith("@")):
            assert name[1:] in self.holders, f"no set {name}"
        self.chains[body["chain"]].append(body["expr"])


def _words(expression: Mapping[str, Any]) -> list[str]:
    ((word, body),) = expression.items()
    if word == "payload":
        return [body["protocol"], body["field"]]
    return [body["key"]] if word == "meta" else [word, body.get("key") or body.get("name")]


def _key(shown: Any) -> Any:
    if isinstance(shown, dict) and "concat" in shown:
        return tuple(shown["concat"])
    if isinstance(shown, dict):
        return IPv4Network((shown["prefix"]["addr"], shown["prefix"]["len"]))
    return shown


def _overlap(one: Any, other: Any) -> bool:
    return IPv4Network(one).overlaps(IPv4Network(other))


def _lookup(held: Mapping[Any, Any], value: Any) -> Any:
    found = held.get(value, held.get(str(value)))
    if found is None and isinstance(value, str) and value[:1].isdigit():
        blocks = (key for key in held if isinstance(key, IPv4Network))
        found = next((held[block] for block in blocks if IPv4Address(value) in block), None)
    return found


def _covers(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, dict) and "range" in wanted:
        return bool(wanted["range"][0] <= value <= wanted["range"][1])
    if isinstance(wanted, dict):
        return IPv4Address(value) in _key(wanted)
    if isinstance(wanted, str) and wanted.endswith("*"):
        return str(value).startswith(wanted[:-1])
    return bool(wanted == value)

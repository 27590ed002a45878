"""A whole nft table as one value, and the commands from one such value to another.

Invariant: the commands of a change are one transaction, and change no more than what differs: single elements
of sets and maps, whole chains (nft names no rule but by a handle only the kernel knows). Pure.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from bastide.plan.firewall.expressions import Expression, prefix

RAW, DESTINATION_NAT, FILTER, SOURCE_NAT = -300, -100, 0, 100  # netfilter's own priorities

Command = dict[str, Any]
Rule = tuple[Expression, ...]
Key = str | tuple[str, ...]  # one field, or several of a concatenation
Value = str | tuple[str, str] | None  # data, a verdict and its chain, or that of a set: nothing


class Hook(msgspec.Struct, frozen=True):
    """Where packets enter a chain."""

    kind: str
    hook: str
    priority: int
    policy: str


class Chain(msgspec.Struct, frozen=True):
    """Rules in order."""

    rules: tuple[Rule, ...] = ()
    hook: Hook | None = None


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """A named set, or a map where it has a type of values. One of intervals has CIDRs for keys."""

    key: tuple[str, ...]  # nft's types
    value: str = ""
    is_interval: bool = False
    forgets_after_s: int = 0  # rules fill it, and what no packet renews goes again
    size: int = 0  # most elements, where it is limited
    elements: Mapping[Key, Value] = {}

    def empty(self) -> "Holder":
        """The same set with nothing in it."""
        return msgspec.structs.replace(self, elements={})


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table of family inet."""

    name: str
    chains: Mapping[str, Chain] = {}
    holders: Mapping[str, Holder] = {}


def render_table(table: Table) -> list[Command]:
    """The table whole, in the place of whatever there is under its name. In one transaction."""
    named = {"table": {"family": "inet", "name": table.name}}
    return [{"add": named}, {"delete": named}, {"add": named}, *plan_table(Table(name=table.name), table)]


def plan_table(old: Table, new: Table) -> list[Command]:
    """From what is there to what should be; the whole table anew where nft cannot get there otherwise.

    Preconditions: the kernel's table is `old`.
    """
    if not _is_reachable(old, new):
        return render_table(new)
    return list(_Change(old, new).commands())


def _is_reachable(old: Table, new: Table) -> bool:
    chains = ((old.chains[name], new.chains[name]) for name in old.chains.keys() & new.chains.keys())
    holders = ((old.holders[name], new.holders[name]) for name in old.holders.keys() & new.holders.keys())
    return all(before.hook == after.hook for before, after in chains) and all(
        before.empty() == after.empty() and not (before.is_interval and _moves(before, after))
        for before, after in holders
    )


def _moves(before: Holder, after: Holder) -> bool:
    """Whether an interval takes another one's place, which nft refuses within one transaction."""
    return bool(_gone(before, after) and _new(before, after))


class _Change:
    """Commands in the order nft needs: what is named before what names it, and gone after it."""

    def __init__(self, old: Table, new: Table) -> None:
        self._at = {"family": "inet", "table": new.name}
        self._old, self._new = old, new
        self._rewritten = [name for name, chain in new.chains.items() if old.chains.get(name) != chain]

    def commands(self) -> Iterator[Command]:
        old, new = self._old, self._new
        for name in _only(new.chains, old.chains):
            yield self._do("add", "chain", name, _hooked(new.chains[name].hook))
        for name in _only(new.holders, old.holders):
            yield self._do(
                "add", "map" if new.holders[name].value else "set", name, _typed(new.holders[name])
            )
        for name in _both(new.holders, old.holders):
            yield from self._elements("delete", name, _gone(old.holders[name], new.holders[name]))
        for name in (*_only(old.chains, new.chains), *self._rewritten):
            if name in old.chains and old.chains[name].rules:
                yield self._do("flush", "chain", name)
        for name, holder in new.holders.items():
            yield from self._elements("add", name, _new(old.holders.get(name, holder.empty()), holder))
        for name in self._rewritten:
            for rule in new.chains[name].rules:
                yield {"add": {"rule": {**self._at, "chain": name, "expr": list(rule)}}}
        for name in _only(old.holders, new.holders):
            yield self._do("delete", "map" if old.holders[name].value else "set", name)
        for name in _only(old.chains, new.chains):
            yield self._do("delete", "chain", name)

    def _do(self, verb: str, noun: str, name: str, more: Mapping[str, Any] | None = None) -> Command:
        return {verb: {noun: {**self._at, "name": name, **(more or {})}}}

    def _elements(self, verb: str, name: str, elements: Mapping[Key, Value]) -> Iterator[Command]:
        if elements:
            holder = self._new.holders[name]
            listed = [_element(holder, key, value, verb) for key, value in elements.items()]
            yield self._do(verb, "element", name, {"elem": listed})


def _gone(before: Holder, after: Holder) -> dict[Key, Value]:
    there = after.elements
    return {k: v for k, v in before.elements.items() if k not in there or there[k] != v}


def _new(before: Holder, after: Holder) -> dict[Key, Value]:
    return _gone(after, before)


def _only(these: Mapping[str, Any], those: Mapping[str, Any]) -> list[str]:
    return [name for name in these if name not in those]


def _both(these: Mapping[str, Any], those: Mapping[str, Any]) -> Iterable[str]:
    return [name for name in these if name in those]


def _hooked(hook: Hook | None) -> dict[str, Any]:
    if hook is None:
        return {}
    return {"type": hook.kind, "hook": hook.hook, "prio": hook.priority, "policy": hook.policy}


def _typed(holder: Holder) -> dict[str, Any]:
    typed: dict[str, Any] = {"type": list(holder.key) if len(holder.key) > 1 else holder.key[0]}
    if holder.value:
        typed["map"] = holder.value
    if holder.is_interval:
        typed["flags"] = ["interval"]
    if holder.forgets_after_s:
        typed |= {"flags": ["timeout"], "timeout": holder.forgets_after_s}
    if holder.size:
        typed["size"] = holder.size
    return typed


def _element(holder: Holder, key: Key, value: Value, verb: str) -> Any:
    shown: Any = {"concat": list(key)} if isinstance(key, tuple) else key
    if holder.is_interval and isinstance(key, str):
        shown = prefix(key)
    if value is None or verb == "delete":
        return shown
    return [
        shown,
        {value[0]: {"target": value[1]} if value[1] else None} if isinstance(value, tuple) else value,
    ]

"""The models' rules for values, compiled into closures: required, enum, length, pattern, range.

A shape under which nothing is ruled compiles to None and costs nothing. All violations are collected, up
to a limit, in the words AWS's services use. Values of sensitive members never reach a message.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bastide.wire.codec.patterns import pattern_check
from bastide.wire.malformed import Constraint, Violation
from bastide.wire.models import Shape

VIOLATIONS_MAX = 20  # a message with more helps nobody
SHOWN_MAX = 256  # characters of a value in a message

At = tuple[Any, ...] | None  # (parent's At, own name): a path that costs a tuple until it is needed
Check = Callable[[Any, At, list[Violation]], None]
Rule = tuple[Constraint, Callable[[Any], bool], str]


def path_of(at: At) -> str:
    """`containerDefinitions.1.member.name` from the linked tuples."""
    parts: list[str] = []
    while at:
        at, name = at
        parts.append(name)
    return ".".join(reversed(parts))


def _is_hidden(shape: Shape) -> bool:
    """Whether values of this shape stay out of messages: sensitive ones, and whole structures."""
    parts = _parts_of(shape)
    return any(part.metadata.get("sensitive") or part.type_name == "structure" for part in parts)


def _parts_of(shape: Shape) -> tuple[Shape, ...]:
    if shape.type_name == "list":
        return (shape, *_parts_of(shape.member))
    return (shape, shape.key, *_parts_of(shape.value)) if shape.type_name == "map" else (shape,)


def _shown(value: Any, *, is_hidden: bool) -> str:
    """A value as messages quote it, in Java's notation; nothing when it must not be shown."""
    if is_hidden:
        return ""
    if isinstance(value, list):
        text = "[" + ", ".join(str(item) for item in value[:SHOWN_MAX]) + "]"
    elif isinstance(value, dict):
        text = "{" + ", ".join(f"{key}={item}" for key, item in list(value.items())[:SHOWN_MAX]) + "}"
    else:
        text = str(value)
    return f"'{text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + '...'}'"


def _bounds(shape: Shape, measure: Callable[[Any], Any], kind: Constraint, word: str) -> list[Rule]:
    rules: list[Rule] = []
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None:
        text = f"Member must have {word} greater than or equal to {low}"
        rules.append((kind, lambda value: bool(measure(value) >= low), text))
    if high is not None:
        text = f"Member must have {word} less than or equal to {high}"
        rules.append((kind, lambda value: bool(measure(value) <= high), text))
    return rules


def _rules(shape: Shape) -> list[Rule]:
    """The rules a value of this shape obeys by itself, its parts left aside."""
    if shape.type_name in ("integer", "long", "float", "double"):
        return _bounds(shape, lambda value: value, Constraint.RANGE, "value")
    if shape.type_name not in ("string", "blob", "list", "map"):
        return []
    rules = _bounds(shape, len, Constraint.LENGTH, "length")
    if allowed := shape.metadata.get("enum"):
        text = f"Member must satisfy enum value set: [{', '.join(allowed)}]"
        rules.append((Constraint.ENUM, frozenset(allowed).__contains__, text))
    if matches := pattern_check(shape.metadata.get("pattern", "")):
        text = f"Member must satisfy regular expression pattern: {shape.metadata['pattern']}"
        rules.append((Constraint.PATTERN, matches, text))
    return rules


class Checks:
    """Compiles the checks of one service's shapes."""

    def __init__(self) -> None:
        self._structures: dict[str, Check | None] = {}

    def check(self, shape: Shape) -> Check | None:
        """What holds a value of `shape` to the model, or None when the model rules nothing."""
        if shape.type_name == "structure":
            if shape.name not in self._structures:
                self._structures[shape.name] = self._structure(shape)
            return self._structures[shape.name]
        own = _leaf(shape, _rules(shape))
        if shape.type_name == "list":
            return _both(own, self._items(shape))
        if shape.type_name == "map":
            return _both(own, self._entries(shape))
        return own

    def _structure(self, shape: Shape) -> Check | None:
        # A recursive shape finds this forwarder; it stands for the check that is being compiled.
        self._structures[shape.name] = lambda value, at, found: forward[0](value, at, found)
        required = tuple(shape.metadata.get("required", ()))
        checks = {
            name: check for name, member in shape.members.items() if (check := self.check(member)) is not None
        }
        compiled = _structure_check(required, checks)
        forward: list[Check] = [compiled]
        return compiled if required or checks else None

    def _items(self, shape: Shape) -> Check | None:
        if shape.member.type_name in ("structure", "list", "map"):
            inner = self.check(shape.member)
            return None if inner is None else _each_item(inner)
        return _each_scalar(shape, _rules(shape.member), "Member", iter)

    def _entries(self, shape: Shape) -> Check | None:
        keys = _each_scalar(shape, _rules(shape.key), "Map keys", iter)
        if shape.value.type_name in ("structure", "list", "map"):
            inner = self.check(shape.value)
            return _both(keys, None if inner is None else _each_value(inner))
        return _both(
            keys, _each_scalar(shape, _rules(shape.value), "Map value", lambda value: value.values())
        )


def _report(found: list[Violation], constraint: Constraint, at: At, value: str, rule: str) -> None:
    if len(found) < VIOLATIONS_MAX:
        found.append(Violation(constraint, path_of(at), value, rule))


def _leaf(shape: Shape, rules: Sequence[Rule]) -> Check | None:
    if not rules:
        return None
    is_hidden = _is_hidden(shape)

    def check(value: Any, at: At, found: list[Violation]) -> None:
        for constraint, holds, text in rules:
            if not holds(value):
                _report(found, constraint, at, _shown(value, is_hidden=is_hidden), text)

    return check


def _both(first: Check | None, second: Check | None) -> Check | None:
    if first is None or second is None:
        return first or second

    def check(value: Any, at: At, found: list[Violation]) -> None:
        first(value, at, found)
        second(value, at, found)

    return check


def _structure_check(required: Sequence[str], checks: Mapping[str, Check]) -> Check:
    needed = [(name, _camel(name)) for name in required]
    find = {name: (_camel(name), check) for name, check in checks.items()}.get

    def check(value: Any, at: At, found: list[Violation]) -> None:
        for name, shown in needed:
            if name not in value:
                _report(found, Constraint.REQUIRED, (at, shown), "null", "Member must not be null")
        for name, item in value.items():
            if (inner := find(name)) is not None:
                inner[1](item, (at, inner[0]), found)

    return check


def _camel(name: str) -> str:
    """Messages name members as the services' own code does, whatever the model's case."""
    return name[:1].lower() + name[1:]


def _each_item(inner: Check) -> Check:
    def check(value: Any, at: At, found: list[Violation]) -> None:
        for index, item in enumerate(value, 1):
            inner(item, ((at, str(index)), "member"), found)

    return check


def _each_value(inner: Check) -> Check:
    def check(value: Any, at: At, found: list[Violation]) -> None:
        for key, item in value.items():
            inner(item, ((at, key), "member"), found)

    return check


def _each_scalar(shape: Shape, rules: Sequence[Rule], word: str, parts: Callable[[Any], Any]) -> Check | None:
    """Scalars inside a list or map: AWS names the whole value and all the rules its parts obey."""
    if not rules:
        return None
    text = f"{word} must satisfy constraint: [{', '.join(rule for _, _, rule in rules)}]"
    is_hidden = _is_hidden(shape)

    def check(value: Any, at: At, found: list[Violation]) -> None:
        for part in parts(value):
            for constraint, holds, _ in rules:
                if not holds(part):
                    _report(found, constraint, at, _shown(value, is_hidden=is_hidden), text)
                    return

    return check

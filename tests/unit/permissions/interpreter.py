"""A second reading of IAM's rules, as plainly as they can be written: nothing is compiled, nothing is clever.

Shares no code with what it checks. Times are of one form, and there are no networks but /0 to /32 of IPv4.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Keys = Mapping[str, Any]


def is_like(pattern: str, text: str) -> bool:
    """Wildcards, by trying everything; characters of the private area stand for plain ones."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(is_like(pattern[1:], text[skipped:]) for skipped in range(len(text) + 1))
    if not text:
        return False
    wanted = {"\ue000": "*", "\ue001": "?", "\ue002": "$"}.get(pattern[0], pattern[0])
    return (pattern[0] == "?" or wanted == text[0]) and is_like(pattern[1:], text[1:])


def substitute(text: str, keys: Keys, *, new: bool) -> str | None:
    """Variables replaced by values, whose wildcards are hidden; None when one has no value."""
    if not new:
        return text
    while "${" in text:
        start = text.index("${")
        end = text.index("}", start)
        name, comma, default = text[start + 2 : end].partition(",")
        name = name.strip().lower()
        if name in ("*", "?", "$"):
            value = name
        elif isinstance(keys.get(name), str):
            value = keys[name]
        elif comma:
            value = default.strip().strip("'")
        else:
            return None
        hidden = value.replace("*", "\ue000").replace("?", "\ue001").replace("$", "\ue002")
        text = text[:start] + hidden + text[end + 1 :]
    return text


def shown(text: str) -> str:
    """Hidden characters as themselves."""
    return text.replace("\ue000", "*").replace("\ue001", "?").replace("\ue002", "$")


def is_arn_like(pattern: str, arn: str) -> bool:
    """Field by field."""
    if pattern == "*":
        return True
    fields, parts = pattern.split(":", 5), arn.split(":", 5)
    if len(fields) != 6 or len(parts) != 6:
        return False
    return all(is_like(field, part) for field, part in zip(fields, parts, strict=True))


def address(text: str) -> int:
    """An IPv4 address as a number."""
    number = 0
    for part in text.split("."):
        number = number * 256 + int(part)
    return number


def is_within(network: str, text: str) -> bool:
    """Whether an address is in a range."""
    base, _, bits = network.partition("/")
    shift = 32 - int(bits or 32)
    return address(base) >> shift == address(text) >> shift


def compare(operator: str, wanted: str, given: str, keys: Keys, *, new: bool) -> bool:
    """One value of the policy with one of the request; `operator` without Not."""
    if operator.startswith("Numeric") or operator.startswith("Date"):
        kind = operator.removeprefix("Numeric").removeprefix("Date")
        if operator.startswith("Numeric"):
            return ordered(kind, float(given), float(wanted))
        return ordered(kind, given, wanted)
    if operator == "Bool":
        return given.lower() == wanted.lower() and wanted.lower() in ("true", "false")
    if operator == "IpAddress":
        return is_within(wanted, given)
    filled = substitute(wanted, keys, new=new)
    if filled is None:
        return False
    if operator == "StringEquals":
        return given == shown(filled)
    if operator == "StringEqualsIgnoreCase":
        return given.lower() == shown(filled).lower()
    if operator == "StringLike":
        return is_like(filled, given)
    return is_arn_like(filled, given)


def ordered(kind: str, given: Any, wanted: Any) -> bool:
    """Equals, LessThan and their kin."""
    if kind == "Equals":
        return bool(given == wanted)
    if kind.endswith("Equals") and given == wanted:
        return True
    return bool(given < wanted) if kind.startswith("Less") else bool(given > wanted)


def holds(name: str, key: str, wanted: Sequence[str], keys: Keys, *, new: bool) -> bool:
    """One condition."""
    values = keys.get(key.lower(), ())
    values = (values,) if isinstance(values, str) else tuple(values)
    if name == "Null":
        return any((not values) == (value == "true") for value in wanted)
    quantity, _, operator = name.rpartition(":")
    if_exists = operator.endswith("IfExists")
    operator = operator.removesuffix("IfExists")
    negated = "Not" in operator
    operator = operator.replace("Not", "")

    def matches(value: str) -> bool:
        return any(compare(operator, each, value, keys, new=new) for each in wanted)

    if quantity == "ForAllValues":
        return all(matches(value) != negated for value in values)
    if quantity == "ForAnyValue":
        return any(matches(value) != negated for value in values) if values else if_exists
    if not values:
        return negated or if_exists
    return any(matches(value) for value in values) != negated


def listed(value: Any) -> list[Any]:
    """A list of what may be one or many."""
    return value if isinstance(value, list) else [value]


def applies(statement: Mapping[str, Any], action: str, resource: str, keys: Keys, *, new: bool) -> bool:
    """Whether a statement is about this request."""
    actions = listed(statement.get("Action", statement.get("NotAction")))
    named = any(is_like(pattern.lower(), action.lower()) for pattern in actions)
    if named == ("NotAction" in statement):
        return False
    found = False
    for pattern in listed(statement.get("Resource", statement.get("NotResource"))):
        filled = substitute(pattern, keys, new=new)
        if filled is not None:
            missing = 5 - filled.count(":")
            full = filled if filled == "*" or missing <= 0 else filled + ":*" * missing
            found = found or is_arn_like(full, resource)
    if found == ("NotResource" in statement):
        return False
    return all(
        holds(name, key, listed(wanted), keys, new=new)
        for name, by_key in statement.get("Condition", {}).items()
        for key, wanted in by_key.items()
    )


def effects(policy: Mapping[str, Any], action: str, resource: str, keys: Keys) -> set[str]:
    """The effects of the statements that apply."""
    new = policy.get("Version") == "2012-10-17"
    return {
        statement["Effect"]
        for statement in listed(policy["Statement"])
        if applies(statement, action, resource, keys, new=new)
    }


def decide(
    policies: Mapping[str, Sequence[Mapping[str, Any]]], action: str, resource: str, keys: Keys
) -> str:
    """`allowed`, or what refuses: kind of policy, and whether by a statement."""
    found = {
        kind: [effects(policy, action, resource, keys) for policy in listed_policies]
        for kind, listed_policies in policies.items()
    }
    for kind, each in found.items():
        if any("Deny" in one for one in each):
            return f"explicit {kind}"
    for kind, each in found.items():
        if not any("Allow" in one for one in each):
            return f"no {kind}"
    return "allowed"

"""A statement's Condition as one test of a request's keys: everything in it must hold.

Facts: IAM user guide, "Condition operators" and "Multivalued context keys". A key that is missing, or has no
value, holds for negated operators, for …IfExists and for ForAllValues, never for ForAnyValue. An empty text
is no value either where sets are compared, and for Null. An operator's name is read in any case, as AWS's own
examples write it.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from bastide.permissions.documents import SYNTAX, refused
from bastide.permissions.operators import NULL, OPERATORS
from bastide.permissions.patterns import Keys, Match, Values

Holds = Callable[[Keys], bool]
_IF_EXISTS = "ifexists"
_ABSENCE = {"true": True, "false": False}  # what Null asks for
_OPERATORS = {name.lower(): name for name in OPERATORS}


class Quantity(StrEnum):
    """How many of a key's values must fulfil the condition."""

    SINGLE = ""
    ALL = "ForAllValues"
    ANY = "ForAnyValue"


_QUANTITIES = {f"{each.lower()}:" if each else "": each for each in Quantity}


class Name(NamedTuple):
    """An operator's name in its parts."""

    quantity: Quantity
    operator: str
    is_if_exists: bool


def parse_name(text: str) -> Name | None:
    """`ForAnyValue:StringLikeIfExists` in its parts; None when there is no such operator."""
    head, colon, rest = text.lower().rpartition(":")
    quantity = _QUANTITIES.get(head + colon)
    bare = rest.removesuffix(_IF_EXISTS)
    operator = _OPERATORS.get(bare)
    if quantity is None or operator is None or (operator == NULL and bare != rest):
        return None
    return Name(quantity, operator, bare != rest)


def compile_conditions(
    conditions: Mapping[str, Mapping[str, Sequence[str]]], *, has_variables: bool
) -> tuple[Holds, ...]:
    """One test for every operator and key; raises Invalid for an operator there is not."""
    return tuple(
        _compile_one(text, key.lower(), values, has_variables=has_variables)
        for text, by_key in conditions.items()
        for key, values in by_key.items()
    )


def _compile_one(text: str, key: str, values: Sequence[str], *, has_variables: bool) -> Holds:
    name = parse_name(text)
    if name is None:
        raise refused(SYNTAX)
    if name.operator == NULL:
        wanted = {_ABSENCE[value.lower()] for value in values if value.lower() in _ABSENCE}
        return lambda keys: (not _has_value(keys.get(key))) in wanted
    build, is_negated = OPERATORS[name.operator]
    match = build(values, has_variables)
    if name.quantity is Quantity.ALL:
        return _for_all(key, match, is_negated)
    if name.quantity is Quantity.ANY:
        return _for_any(key, match, is_negated, when_missing=name.is_if_exists)
    return _for_one(key, match, is_negated, when_missing=is_negated or name.is_if_exists)


def _has_value(value: Values | None) -> bool:
    return bool(value) and value != ("",)


def _for_one(key: str, match: Match, is_negated: bool, *, when_missing: bool) -> Holds:
    def test(keys: Keys) -> bool:
        value = keys.get(key)
        if type(value) is str:
            return match(value, keys) is not is_negated
        if not value:
            return when_missing
        return any(match(each, keys) for each in value) is not is_negated

    return test


def _for_all(key: str, match: Match, is_negated: bool) -> Holds:
    def test(keys: Keys) -> bool:
        return all(match(each, keys) is not is_negated for each in _listed(keys.get(key)))

    return test


def _for_any(key: str, match: Match, is_negated: bool, *, when_missing: bool) -> Holds:
    def test(keys: Keys) -> bool:
        values = _listed(keys.get(key))
        if not values:
            return when_missing
        return any(match(each, keys) is not is_negated for each in values)

    return test


def _listed(value: Values | None) -> tuple[str, ...]:
    if value is None or not _has_value(value):
        return ()
    return (value,) if isinstance(value, str) else value

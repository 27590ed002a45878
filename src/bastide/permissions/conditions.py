"""A statement's Condition as one test of a request's keys: everything in it must hold.

Facts: IAM user guide, "Condition operators" and "Multivalued context keys". A key that is missing, or has no
value, holds for negated operators, for …IfExists and for ForAllValues, never for ForAnyValue.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from bastide.permissions.documents import SYNTAX, refused
from bastide.permissions.operators import NULL, OPERATORS
from bastide.permissions.patterns import Keys, Match, Values

Test = Callable[[Keys], bool]
IF_EXISTS = "IfExists"


class Quantity(StrEnum):
    """How many of a key's values must fulfil the condition."""

    SINGLE = ""
    ALL = "ForAllValues"
    ANY = "ForAnyValue"


class Name(NamedTuple):
    """An operator's name in its parts."""

    quantity: Quantity
    operator: str
    is_if_exists: bool


def parse_name(text: str) -> Name | None:
    """`ForAnyValue:StringLikeIfExists` in its parts; None when there is no such operator."""
    head, colon, rest = text.partition(":")
    if colon and head not in (Quantity.ALL, Quantity.ANY):
        return None
    quantity, rest = (Quantity(head), rest) if colon else (Quantity.SINGLE, text)
    operator = rest.removesuffix(IF_EXISTS)
    if operator not in OPERATORS or (operator == NULL and rest != NULL):
        return None
    return Name(quantity, operator, operator != rest)


def compile_conditions(
    conditions: Mapping[str, Mapping[str, Sequence[str]]], *, has_variables: bool
) -> tuple[Test, ...]:
    """One test for every operator and key; raises Invalid for an operator there is not."""
    return tuple(
        _compile_one(text, key.lower(), values, has_variables=has_variables)
        for text, by_key in conditions.items()
        for key, values in by_key.items()
    )


def _compile_one(text: str, key: str, values: Sequence[str], *, has_variables: bool) -> Test:
    name = parse_name(text)
    if name is None:
        raise refused(SYNTAX)
    if name.operator == NULL:
        wanted = {value.lower() == "true" for value in values}
        return lambda keys: (not _is_there(keys.get(key))) in wanted
    build, is_negated = OPERATORS[name.operator]
    match = build(values, has_variables)
    if name.quantity is Quantity.ALL:
        return _for_all(key, match, is_negated)
    if name.quantity is Quantity.ANY:
        return _for_any(key, match, is_negated, when_missing=name.is_if_exists)
    return _for_one(key, match, is_negated, when_missing=is_negated or name.is_if_exists)


def _is_there(value: Values | None) -> bool:
    return value is not None and value != ()


def _for_one(key: str, match: Match, is_negated: bool, *, when_missing: bool) -> Test:
    def test(keys: Keys) -> bool:
        value = keys.get(key)
        if type(value) is str:
            return match(value, keys) is not is_negated
        if not value:
            return when_missing
        return any(match(each, keys) for each in value) is not is_negated

    return test


def _for_all(key: str, match: Match, is_negated: bool) -> Test:
    def test(keys: Keys) -> bool:
        return all(match(each, keys) is not is_negated for each in _listed(keys.get(key)))

    return test


def _for_any(key: str, match: Match, is_negated: bool, *, when_missing: bool) -> Test:
    def test(keys: Keys) -> bool:
        values = _listed(keys.get(key))
        if not values:
            return when_missing
        return any(match(each, keys) is not is_negated for each in values)

    return test


def _listed(value: Values | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value

"""Condition operators: the values of a policy as a test of one value of a request.

One row an operator. A value that is no number, date, address or ARN where one is wanted matches nothing.
Facts: IAM user guide, "IAM JSON policy elements: Condition operators".
"""

import base64
import binascii
import ipaddress
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from bastide.permissions.patterns import (
    Keys,
    Match,
    match_any,
    match_any_arn,
    parse_literal,
    parse_pattern,
)

Build = Callable[[Sequence[str], bool], Match]  # the policy's values, whether they may hold variables
NULL = "Null"
_YEAR_OR_MONTH = re.compile(r"\d{4}(-\d{2})?")
_EPOCH = re.compile(r"-?\d{5,}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)


class Operator(NamedTuple):
    """How values are compared, and whether the condition holds where none of them match."""

    build: Build
    is_negated: bool = False


def _equal(values: Sequence[str], has_variables: bool) -> Match:
    return match_any([parse_literal(value, has_variables=has_variables) for value in values])


def _equal_in_any_case(values: Sequence[str], has_variables: bool) -> Match:
    """Lowered on both sides; a variable's value too, so it is looked up among lowered ones."""
    plain = match_any([parse_literal(value.lower(), has_variables=has_variables) for value in values])
    if not has_variables or not any("${" in value for value in values):
        return lambda text, keys: plain(text.lower(), keys)
    return lambda text, keys: plain(text.lower(), _lowered(keys))


def _lowered(keys: Keys) -> Keys:
    return {key: value.lower() for key, value in keys.items() if isinstance(value, str)}


def _like(values: Sequence[str], has_variables: bool) -> Match:
    return match_any([parse_pattern(value, has_variables=has_variables) for value in values])


def _arn(values: Sequence[str], has_variables: bool) -> Match:
    return match_any_arn([parse_pattern(value, has_variables=has_variables) for value in values])


def _compared(parse: Callable[[str], Any], compare: Callable[[Any, Any], bool]) -> Build:
    """An operator over parsed values: numbers, dates."""

    def build(values: Sequence[str], has_variables: bool) -> Match:
        wanted = [parsed for value in values if (parsed := parse(value)) is not None]

        def matches(text: str, keys: Keys) -> bool:
            given = parse(text)
            if given is not None:
                for each in wanted:
                    if compare(given, each):
                        return True
            return False

        return matches

    return build


@lru_cache(maxsize=4096)
def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


@lru_cache(maxsize=1024)
def _moment(text: str) -> datetime | None:
    """ISO 8601 of any precision, or seconds since 1970."""
    try:
        if _YEAR_OR_MONTH.fullmatch(text):
            year, _, month = text.partition("-")
            return datetime(int(year), int(month or 1), 1, tzinfo=UTC)
        if _EPOCH.fullmatch(text):
            return datetime.fromtimestamp(int(text), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def is_moment(text: str) -> bool:
    """Whether it is a date that a policy can name."""
    return _moment(text) is not None


def _flag(values: Sequence[str], has_variables: bool) -> Match:
    wanted = frozenset(value.lower() for value in values) & {"true", "false"}
    return lambda text, keys: text.lower() in wanted


def _binary(values: Sequence[str], has_variables: bool) -> Match:
    wanted = {decoded for value in values if (decoded := _decoded(value)) is not None}
    return lambda text, keys: _decoded(text) in wanted


def is_binary(text: str) -> bool:
    """Whether it is in base64, as BinaryEquals compares it."""
    return _decoded(text) is not None


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _address(values: Sequence[str], has_variables: bool) -> Match:
    networks = [network for value in values if (network := parse_network(value)) is not None]
    masks = [(each.version, int(each.network_address), int(each.netmask)) for each in networks]

    def matches(text: str, keys: Keys) -> bool:
        given = _parsed_address(text)
        if given is None:
            return False
        version, number = given
        return any(family == version and number & mask == base for family, base, mask in masks)

    return matches


def parse_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """An address or a CIDR range; None for anything else."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _parsed_address(text: str) -> tuple[int, int] | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return address.version, int(address)


def _never(values: Sequence[str], has_variables: bool) -> Match:
    """Null asks for no value: conditions.py answers it."""
    return lambda text, keys: False


OPERATORS: Mapping[str, Operator] = {
    "ArnEquals": Operator(_arn),
    "ArnLike": Operator(_arn),
    "ArnNotEquals": Operator(_arn, True),
    "ArnNotLike": Operator(_arn, True),
    "BinaryEquals": Operator(_binary),
    "Bool": Operator(_flag),
    "DateEquals": Operator(_compared(_moment, operator.eq)),
    "DateGreaterThan": Operator(_compared(_moment, operator.gt)),
    "DateGreaterThanEquals": Operator(_compared(_moment, operator.ge)),
    "DateLessThan": Operator(_compared(_moment, operator.lt)),
    "DateLessThanEquals": Operator(_compared(_moment, operator.le)),
    "DateNotEquals": Operator(_compared(_moment, operator.eq), True),
    "IpAddress": Operator(_address),
    "NotIpAddress": Operator(_address, True),
    NULL: Operator(_never),
    "NumericEquals": Operator(_compared(_number, operator.eq)),
    "NumericGreaterThan": Operator(_compared(_number, operator.gt)),
    "NumericGreaterThanEquals": Operator(_compared(_number, operator.ge)),
    "NumericLessThan": Operator(_compared(_number, operator.lt)),
    "NumericLessThanEquals": Operator(_compared(_number, operator.le)),
    "NumericNotEquals": Operator(_compared(_number, operator.eq), True),
    "StringEquals": Operator(_equal),
    "StringEqualsIgnoreCase": Operator(_equal_in_any_case),
    "StringLike": Operator(_like),
    "StringNotEquals": Operator(_equal, True),
    "StringNotEqualsIgnoreCase": Operator(_equal_in_any_case, True),
    "StringNotLike": Operator(_like, True),
}

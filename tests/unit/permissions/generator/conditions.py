"""Conditions of every operator, and the keys of requests they are asked about.

Of each kind of value there are enough that meet, and some that are no values of the kind.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

from tests.unit.permissions.interpreter.texts import Keys

TEXTS: tuple[Any, ...] = (
    True,
    "",
    "a",
    "A",
    "ab",
    "b*",
    "*b",
    "a*b",
    "?",
    "*",
    "d?v",
    "dev",
    "Dev",
    "${aws:username}",
    "${AWS:UserName}n",
    "${aws:none}",
    "${aws:none, 'dev'}",
    "${aws:TagKeys,'a*'}",
    "${$}{x}",
    "a${*}",
    "a${?}",
)
ADDRESSES = (
    "10.0.0.1",
    "10.0.1.1",
    "192.168.0.9",
    "2001:db8::1",
    "2001:DB8:0:0:1::1",
    "::",
    "10.0.0.256",
    "a",
)
RANGES = (
    "10.0.0.0/24",
    "10.0.0.7/8",
    "0.0.0.0/0",
    "192.168.0.9",
    "10.0.1.1/32",
    "2001:db8::/64",
    "2001:0DB8::/32",
    "2001:db8::1",
    "::/0",
    "10.0.0.0/33",
    "a",
)
NUMBERS: tuple[Any, ...] = (
    "1",
    "2",
    "2.0",
    "-3",
    "10",
    "2.",
    "1e1",
    "2.50",
    ".5",
    "1_0",
    "two",
    "",
    "NaN",
    " 2",
)
MOMENTS = (
    "2029",
    "2029-01-15",
    "2029-12",
    "2029-12-31",
    "2030-01-01T00:00Z",
    "2030-01-01T00:00:00Z",
    "2030-01-01T00:00:00.250Z",
    "2030-01-01T01:00:00+01:00",
    "2029-12-31T18:30:00-05:30",
    "2030-01-01T00:00:00",
    "1893456000",
    "1893455999",
    "-86400",
    "soon",
    "123",
    "2030-13",
)
BYTES = ("QQ==", "QUI=", "QUJD", "QR==", "", "QQ", "Q*==", "====")
FLAGS = ("true", "false", "True", "FALSE", "maybe", "1")
ARNS = (
    "arn:aws:ecs:eu-west-1:111122223333:task/dev/0123",
    "arn:aws:ecs:us-east-1:111122223333:task-definition/web:3",
    "arn:aws:iam::111122223333:role/ann/deploy",
    "arn:aws:ecs:eu-west-1:999999999999:store/x:111122223333:task/dev",
    "arn:aws:ecs",
    "task/dev",
)
ARN_PATTERNS = (
    *ARNS,
    "*",
    "arn:*:ecs:*:111122223333:task/*",
    "arn:aws:ecs:*:*:*",
    "arn:aws:*:??-west-1:*:task/dev/*",
    "arn:aws:iam::*:role/${aws:username}/*",
    "arn:aws:iam::*:role/${aws:none, 'ann'}/deploy",
    "arn:aws:ecs:*:*:${aws:none}*",
    "arn:*",
    "*:*:*:*:*:*3",
)
ORDERS = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
# Operator → the values of a policy, the key it is asked about.
OPERATORS: dict[str, tuple[Sequence[Any], str]] = {
    **{
        f"String{order}": (TEXTS, "aws:Text")
        for order in ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")
    },
    **{f"Arn{order}": (ARN_PATTERNS, "aws:Arn") for order in ("Equals", "NotEquals", "Like", "NotLike")},
    **{f"Numeric{order}": ((*NUMBERS, 2, 2.5), "aws:Number") for order in ORDERS},
    **{f"Date{order}": (MOMENTS, "aws:Moment") for order in ORDERS},
    "Bool": ((*FLAGS, True, False), "aws:Flag"),
    "BinaryEquals": (BYTES, "aws:Bytes"),
    "IpAddress": (RANGES, "aws:SourceIp"),
    "NotIpAddress": (RANGES, "aws:SourceIp"),
}
GIVEN: dict[str, Sequence[str]] = {
    "aws:text": (
        "",
        "true",
        "a",
        "a\nb",
        "A",
        "ab",
        "b*",
        "dev",
        "DEV",
        "ann",
        "Ann",
        "${aws:username}",
        "${x}",
        "a*",
        "a?",
        "?",
    ),
    "aws:flag": FLAGS,
    "aws:sourceip": ADDRESSES,
    "aws:arn": ARNS,
    "aws:number": NUMBERS,
    "aws:moment": MOMENTS,
    "aws:bytes": BYTES,
}
QUALIFIERS = ("", "ForAllValues:", "ForAnyValue:")
NULL = "Null"
FORMS = tuple(
    f"{qualifier}{operator}{suffix}"
    for qualifier in QUALIFIERS
    for operator in OPERATORS
    for suffix in ("", "IfExists")
)


def some(chance: Random, values: Sequence[Any], least: int, most: int) -> list[Any]:
    """So many of the values, some perhaps twice."""
    return [chance.choice(values) for _ in range(chance.randint(least, most))]


def in_some_case(chance: Random, text: str) -> str:
    """What is the same in upper and lower case, in one of them."""
    return chance.choice((text, text, text.lower(), text.upper()))


def condition(chance: Random, form: str, keys: Keys) -> tuple[str, dict[str, Any]]:
    """A condition of an operator with its qualifier and suffix; often it names a value the request has."""
    if form.endswith(NULL):
        key, values = chance.choice(sorted(GIVEN)), ("true", "false", True, False, "TRUE", "maybe")
        return form, {in_some_case(chance, key): some(chance, values, 1, 2)}
    pool, key = OPERATORS[form.rpartition(":")[2].removesuffix("IfExists")]
    wanted = some(chance, pool, 0 if chance.random() < 0.1 else 1, 2)
    found = keys.get(key.lower())
    if found and chance.random() < 0.4:
        wanted += [found] if isinstance(found, str) else found
    plain = wanted[0] if len(wanted) == 1 and chance.random() < 0.5 else wanted
    return in_some_case(chance, form), {in_some_case(chance, key): plain}


def conditions(chance: Random, keys: Keys) -> dict[str, Any]:
    """A block of one or two."""
    return dict(condition(chance, form, keys) for form in some(chance, (*FORMS, *[NULL] * 9), 1, 2))


def request_keys(chance: Random) -> dict[str, Any]:
    """Keys of a request: each of one value, of several, of none, empty, or absent."""
    found: dict[str, Any] = {"aws:tagkeys": ("a", "b")}
    if chance.random() < 0.7:
        found["aws:username"] = chance.choice(("ann", "ann", "Ann"))
    if chance.random() < 0.6:
        found["aws:principaltag/team"] = chance.choice(("dev", "red*"))
    return found | {name: value for name in GIVEN if (value := shaped(chance, GIVEN[name])) is not None}


def shaped(chance: Random, values: Sequence[str]) -> Any:
    """A key's value or values."""
    shape = chance.random()
    if shape < 0.15:
        return None
    if shape < 0.6:
        return chance.choice(values)
    return tuple(some(chance, values, 1, 3)) if shape < 0.92 else chance.choice(("", (), ("",)))

"""Any policy and any request: the compiled policies and the plain interpreter decide alike."""

import json
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from bastide.permissions import Policies, Principal, PrincipalKind, Request, compile_policy, evaluate
from bastide.permissions.evaluation import Decision, Source
from tests.unit.permissions import interpreter

CASES = 1000
ME = Principal(kind=PrincipalKind.USER, arn="arn:aws:iam::111122223333:user/ann", account="111122223333")
ACTIONS = ("ecs:RunTask", "ecs:StopTask", "ecr:BatchGetImage", "iam:PassRole")
ACTION_PATTERNS = (
    "*",
    "ecs:*",
    "ECS:runtask",
    "ecs:*Task",
    "ecs:????Task",
    "ecr:*a*e",
    "iam:PassRole",
    "logs:*",
)
RESOURCES = (
    "*",
    "arn:aws:ecs:eu-west-1:111122223333:task/dev/0123",
    "arn:aws:ecs:eu-west-1:111122223333:task/prod/0123",
    "arn:aws:ecs:us-east-1:111122223333:task-definition/web:3",
    "arn:aws:iam::111122223333:role/ann/deploy",
)
RESOURCE_PATTERNS = (
    *RESOURCES,
    "arn:aws:ecs",
    "arn:aws:ecs:*:*:task/dev/*",
    "arn:aws:ecs:*:task/*",
    "arn:*:ecs:eu-*-1:*:*/*/01?3",
    "arn:aws:ecs:*:111122223333:task-definition/web:*",
    "arn:aws:iam::*:role/${aws:username}/*",
    "arn:aws:*:*:*:task/${aws:PrincipalTag/team, 'dev'}/*",
    "arn:aws:ecs:*:*:*${*}*",
)
TEXTS = (
    "",
    "a",
    "A",
    "ab",
    "b*",
    "*b",
    "?",
    "dev",
    "Dev",
    "${aws:username}",
    "${aws:none}",
    "${$}{x}",
    "a${*}",
)
ADDRESSES = ("10.0.0.1", "10.0.1.1", "192.168.0.9")
RANGES = ("10.0.0.0/24", "10.0.0.0/8", "0.0.0.0/0", "192.168.0.9", "10.0.1.1/32")
NUMBERS = ("1", "2", "2.0", "-3", "10")
MOMENTS = ("2029-01-01T00:00:00Z", "2030-01-01T00:00:00Z", "2030-01-01T00:00:01Z")
ARN_PATTERNS = (*(pattern for pattern in RESOURCE_PATTERNS if pattern.count(":") >= 5), "*")
ORDERS = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
# Operator → the values of a policy, the key it is asked about.
OPERATORS: dict[str, tuple[tuple[str, ...], str]] = {
    "StringEquals": (TEXTS, "aws:Text"),
    "StringNotEquals": (TEXTS, "aws:Text"),
    "StringEqualsIgnoreCase": (TEXTS, "aws:Text"),
    "StringNotEqualsIgnoreCase": (TEXTS, "aws:Text"),
    "StringLike": (TEXTS, "aws:Text"),
    "StringNotLike": (TEXTS, "aws:Text"),
    "Bool": (("true", "FALSE", "maybe"), "aws:Flag"),
    "IpAddress": (RANGES, "aws:SourceIp"),
    "NotIpAddress": (RANGES, "aws:SourceIp"),
    "ArnEquals": (ARN_PATTERNS, "aws:Arn"),
    "ArnLike": (ARN_PATTERNS, "aws:Arn"),
    "ArnNotEquals": (ARN_PATTERNS, "aws:Arn"),
    "ArnNotLike": (ARN_PATTERNS, "aws:Arn"),
    **{f"Numeric{order}": (NUMBERS, "aws:Number") for order in ORDERS},
    **{f"Date{order}": (MOMENTS, "aws:Moment") for order in ORDERS},
}
GIVEN: dict[str, tuple[str, ...]] = {
    "aws:text": ("", "a", "A", "ab", "b*", "dev", "ann", "${aws:username}", "${x}", "a*"),
    "aws:flag": ("true", "false", "False"),
    "aws:sourceip": ADDRESSES,
    "aws:arn": RESOURCES[1:],
    "aws:number": NUMBERS,
    "aws:moment": MOMENTS,
}


def some(chance: Random, values: Sequence[Any], least: int, most: int) -> list[Any]:
    """So many of the values, some perhaps twice."""
    return [chance.choice(values) for _ in range(chance.randint(least, most))]


def conditions(chance: Random) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for operator in some(chance, (*OPERATORS, "Null"), 0, 2):
        if operator == "Null":
            found["Null"] = {chance.choice(sorted(GIVEN)): some(chance, ("true", "false"), 1, 2)}
            continue
        values, key = OPERATORS[operator]
        name = chance.choice(("", "ForAllValues:", "ForAnyValue:")) + operator
        name += chance.choice(("", "", "IfExists"))
        found[name] = {key: some(chance, values, 1, 2)}
    return found


def policy(chance: Random) -> dict[str, Any]:
    statements = []
    for _ in range(chance.randint(1, 3)):
        statement: dict[str, Any] = {"Effect": chance.choice(("Allow", "Allow", "Deny"))}
        statement[chance.choice(("Action", "Action", "NotAction"))] = some(chance, ACTION_PATTERNS, 1, 2)
        resources = some(chance, RESOURCE_PATTERNS, 1, 2)
        statement[chance.choice(("Resource", "Resource", "NotResource"))] = resources
        statements.append(statement | {"Condition": conditions(chance)})
    return {"Version": chance.choice(("2012-10-17", "2012-10-17", "2008-10-17")), "Statement": statements}


def keys(chance: Random) -> dict[str, Any]:
    found: dict[str, Any] = {"aws:username": "ann"}
    for name, values in GIVEN.items():
        shape = chance.randrange(4)
        if shape:
            found[name] = tuple(some(chance, values, 0, 2)) if shape == 1 else chance.choice(values)
    return found


KIND = {Source.IDENTITY: "identity", Source.BOUNDARY: "boundary", Source.SESSION: "session"}


def told(decision: Decision) -> str:
    if decision.source is None:
        return "allowed"
    return f"{'explicit' if decision.is_explicit else 'no'} {KIND[decision.source]}"


@pytest.mark.parametrize("seed", range(4))
def test_both_decide_alike(seed: int) -> None:
    chance = Random(seed)
    seen = Counter(decide_both(chance) for _ in range(CASES))
    assert len(seen) == 7, "a kind of answer is never met"


def decide_both(chance: Random) -> str:
    kinds = {
        "identity": [policy(chance) for _ in range(chance.choice((1, 1, 2)))],
        **({"boundary": [policy(chance)]} if chance.random() < 0.3 else {}),
        **({"session": [policy(chance)]} if chance.random() < 0.3 else {}),
    }
    compiled = {name: tuple(compile_policy(json.dumps(each)) for each in kinds[name]) for name in kinds}
    policies = Policies(
        identity=compiled["identity"],
        boundary=compiled.get("boundary", (None,))[0],
        session=compiled.get("session"),
    )
    action, resource, known = chance.choice(ACTIONS), chance.choice(RESOURCES), keys(chance)
    request = Request(action=action, resource=resource, principal=ME, keys=known)
    decision = told(evaluate(request, policies))
    assert decision == interpreter.decide(kinds, action, resource, known), (kinds, action, resource, known)
    return decision

"""Any policy and any request, of few enough words that they meet often: every construct of the language."""

from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

from tests.unit.permissions.asking import ACCOUNT, ECS_TASKS, FEDERATED, ROLE_ARN, ROOT, SESSION, USER
from tests.unit.permissions.generator.conditions import conditions, in_some_case, request_keys, some
from tests.unit.permissions.interpreter.statements import Asked, Who

OTHER_ACCOUNT = "999999999999"
USER_ID, ROLE_ID = "AIDAAAAAAAAAAAAAAAAAA", "AROAAAAAAAAAAAAAAAAAA"
PEOPLE = (
    Who("user", USER.arn, ACCOUNT, id=USER_ID),
    Who("user", f"arn:aws:iam::{ACCOUNT}:user/bob", ACCOUNT),
    Who("role", SESSION.arn, ACCOUNT, ROLE_ARN, f"{ROLE_ID}:ci", ROLE_ID),
    Who("role", f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/cd", ACCOUNT, ROLE_ARN),
    Who("federated", FEDERATED.arn, ACCOUNT, USER.arn, issuer_id=USER_ID),
    Who("federated", FEDERATED.arn, ACCOUNT),  # the root user's
    Who("root", ROOT.arn, ACCOUNT),
    Who("service", ECS_TASKS.arn, ACCOUNT),
)
NAMES = (
    "",
    "*",
    ACCOUNT,
    ROOT.arn,
    OTHER_ACCOUNT,
    f"arn:aws:iam::{OTHER_ACCOUNT}:user/ann",
    USER.arn,
    USER.arn,
    ROLE_ARN,
    ROLE_ARN,
    SESSION.arn,
    SESSION.arn,
    FEDERATED.arn,
    USER_ID,
    ROLE_ID,
    f"{ROLE_ID}:ci",
)
ACTIONS = ("ecs:RunTask", "ecs:StopTask", "ecr:BatchGetImage", "iam:PassRole")
ACTION_PATTERNS = (
    "*",
    "*",
    "ecs:*",
    "ecs:RunTask",
    "ecs:*Task",
    "ecs:????Task",
    "ec?:*a*",
    "iam:PassRole",
    "logs:*",
)
ASSUME = "sts:AssumeRole"
ASSUME_PATTERNS = (ASSUME, "sts:*", "sts:Assume*", "sts:TagSession")
RESOURCES = (
    "*",
    "arn:aws:ecs:eu-west-1:111122223333:task/dev/0123",
    "arn:aws:ecs:eu-west-1:111122223333:task/prod/0123",
    "arn:aws:ecs:us-east-1:111122223333:task-definition/web:3",
    "arn:aws:iam::111122223333:role/ann/deploy",
    "arn:aws:s3:::b/dev/${aws:username}",
    "arn:aws:s3:::b/red*/a",
    "arn:aws:s3:::b/dev/?",
)
RESOURCE_PATTERNS = (
    "*",
    "*",
    *RESOURCES[1:],
    "arn:aws:ecs",
    "arn:aws:ecs:*:*:task/dev/*",
    "arn:aws:ecs:*:task/*",
    "arn:*:ecs:eu-*-1:*:*/*/01?3",
    "arn:aws:ecs:*:111122223333:task-definition/web:?",
    "arn:aws:*:*:*:*",
    "arn:aws:iam::*:role/${aws:username}/*",
    "arn:aws:ecs:*:*:task/${aws:PrincipalTag/team, 'dev'}/*",
    "arn:aws:s3:::b/${aws:PrincipalTag/team,'dev'}*",
    "arn:aws:s3:::?/${ AWS:principaltag/TEAM }/*",
    "arn:aws:s3:::b/*${*}/${aws:TagKeys, 'a'}",
    "arn:aws:s3:::b/dev/${$}{aws:username}",
    "arn:aws:s3:::b/dev/${?}",
)


class Case(NamedTuple):
    """Policies by their kinds, and what is asked; the trust policy where a role is to be assumed."""

    policies: dict[str, list[dict[str, Any]]]
    trust: dict[str, Any] | None
    asked: Asked


def case(chance: Random) -> Case:
    """Somebody asks something, of policies of some of the kinds."""
    asks_for_role = chance.random() < 0.3
    who = chance.choice(PEOPLE)
    asked = Asked(
        ASSUME if asks_for_role else chance.choice(ACTIONS),
        ROLE_ARN if asks_for_role else chance.choice(RESOURCES),
        who,
        request_keys(chance),
    )
    found = {"identity": [policy(chance, "identity", asked) for _ in range(chance.choice((0, 1, 1, 2)))]}
    if not asks_for_role and chance.random() < 0.6:
        found["resource"] = [policy(chance, "resource", asked)]
    if chance.random() < 0.4:
        found["boundary"] = [policy(chance, "boundary", asked)]
    if chance.random() < 0.4:
        found["session"] = [policy(chance, "session", asked) for _ in range(chance.choice((0, 1, 1, 2)))]
    return Case(found, policy(chance, "trust", asked) if asks_for_role else None, asked)


def policy(chance: Random, kind: str, asked: Asked) -> dict[str, Any]:
    """A policy as it would be written where it stands, in either version of the language."""
    statements = [statement(chance, kind, asked) for _ in range(chance.choice((1, 2, 2, 3)))]
    found: dict[str, Any] = {"Statement": statements[0] if len(statements) == 1 else statements}
    version = chance.choice(("2012-10-17", "2012-10-17", "2008-10-17", ""))
    return found | ({"Version": version} if version else {})


def statement(chance: Random, kind: str, asked: Asked) -> dict[str, Any]:
    """One statement: everything may be one value, a list, or the opposite; often about what is asked."""
    found: dict[str, Any] = {"Effect": chance.choice(("Allow", "Allow", "Allow", "Deny"))}
    patterns = ASSUME_PATTERNS if asked.action == ASSUME else ACTION_PATTERNS
    actions = [in_some_case(chance, each) for each in some(chance, (*patterns, asked.action), 1, 2)]
    found[chance.choice(("Action", "Action", "Action", "Action", "NotAction"))] = one_or_many(chance, actions)
    if kind in ("resource", "trust"):
        found |= principals(chance, kind, asked.who)
    if kind != "trust" and (kind != "resource" or chance.random() < 0.6):
        resources = some(chance, (*RESOURCE_PATTERNS, *[asked.resource] * 6), 1, 3)
        found[chance.choice(("Resource", "Resource", "Resource", "NotResource"))] = one_or_many(
            chance, resources
        )
    return found | ({"Condition": conditions(chance, asked.keys)} if chance.random() < 0.4 else {})


def principals(chance: Random, kind: str, who: Who) -> dict[str, Any]:
    """Whom a statement names, or does not; a trust policy cannot do the latter."""
    if kind == "resource" and chance.random() < 0.1:
        return {chance.choice(("Principal", "NotPrincipal")): "*"}
    names = some(chance, (*NAMES, *[who.issuer or who.arn] * 3), 1, 2)
    if chance.random() < 0.2:
        names += [
            chance.choice((ACCOUNT, ROOT.arn)),
            *some(chance, (who.arn, who.issuer or who.arn, who.id or who.arn), 1, 3),
        ]
    found: dict[str, Any] = {"AWS": one_or_many(chance, names)}
    if chance.random() < 0.3:
        found |= {
            "Service": chance.choice(
                (ECS_TASKS.arn, [ECS_TASKS.arn, "ec2.amazonaws.com"], "ec2.amazonaws.com")
            )
        }
    if chance.random() < 0.1:
        found = {"Federated": "accounts.example.com", "Service": ECS_TASKS.arn}
    is_not = kind == "resource" and chance.random() < 0.35
    return {"NotPrincipal" if is_not else "Principal": found}


def one_or_many(chance: Random, values: Sequence[Any]) -> Any:
    """One value may stand without a list."""
    return values[0] if len(values) == 1 and chance.random() < 0.5 else list(values)

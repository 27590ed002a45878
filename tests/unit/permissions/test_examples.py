"""Examples of AWS's documentation, each with requests it allows and requests it refuses.

Every policy is taken when it is written, and the plain interpreter says the same of every request.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from bastide.api.authorization.table import ACTIONS
from bastide.permissions import (
    Policies,
    Policy,
    PolicyKind,
    Request,
    compile_policy,
    evaluate,
    evaluate_trust,
    parse_document,
)
from tests.unit.permissions.asking import ask, policy, statement
from tests.unit.permissions.examples import buckets, ecs, identities, language, limits, stores, tags, trust
from tests.unit.permissions.examples.example import Example, Statements, To
from tests.unit.permissions.interpreter.decisions import ALLOWED, decide, decide_trust
from tests.unit.permissions.interpreter.statements import Asked, Who

MODULES = (buckets, ecs, identities, language, limits, stores, tags, trust)
EXAMPLES = {
    f"{module.__name__.rpartition('.')[2]}: {name}": example
    for module in MODULES
    for name, example in module.EXAMPLES.items()
}
FEWEST = 100


def test_there_are_examples_of_every_guide() -> None:
    assert len(EXAMPLES) >= FEWEST
    assert all(example.allowed and example.refused for example in EXAMPLES.values())


def test_each_condition_key_of_ecs_has_an_example() -> None:
    keys = {
        key
        for (service, _), action in ACTIONS.items()
        if service == "ecs"
        for key in action.keys
        if key.startswith("ecs:") and "/" not in key
    }
    asked = {
        key.lower()
        for example in ecs.EXAMPLES.values()
        for found in example.identity
        for by_key in found.get("Condition", {}).values()
        for key in by_key
    }
    assert keys - asked == set()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_of_the_documentation(name: str) -> None:
    example = EXAMPLES[name]
    assert [case for case in example.allowed if not is_allowed(example, case)] == []
    assert [case for case in example.refused if is_allowed(example, case)] == []


def is_allowed(example: Example, to: To) -> bool:
    """What both say; they do not differ."""
    keys = {name.lower(): value for name, value in to.keys.items()}
    request = Request(action=to.action, resource=to.resource, principal=to.who, keys=keys)
    policies = Policies(
        identity=tuple(compiled(example, each) for each in (example.identity, example.also) if each),
        boundary=None if example.boundary is None else compiled(example, example.boundary),
        session=None if example.session is None else (compiled(example, example.session),),
        resource=None
        if example.resource is None
        else compiled(example, example.resource, PolicyKind.RESOURCE),
    )
    if example.trust is None:
        decision = evaluate(request, policies)
    else:
        trusted = compiled(example, example.trust, PolicyKind.TRUST)
        decision = evaluate_trust(request, policies, trusted)
    assert decision.is_allowed == (plainly(example, to, keys) == ALLOWED), to
    return decision.is_allowed


def plainly(example: Example, to: To, keys: Mapping[str, Any]) -> str:
    asked = Asked(to.action, to.resource, Who(to.who.kind, to.who.arn, to.who.account, to.who.role_arn), keys)
    kinds = {
        "identity": [each for each in (example.identity, example.also) if each],
        "boundary": None if example.boundary is None else [example.boundary],
        "session": None if example.session is None else [example.session],
        "resource": None if example.resource is None else [example.resource],
    }
    policies = {
        kind: [document(example, each) for each in found]
        for kind, found in kinds.items()
        if found is not None
    }
    if example.trust is None:
        return decide(policies, asked)
    return decide_trust(policies, document(example, example.trust), asked)


def document(example: Example, statements: Statements) -> dict[str, Any]:
    version = {"Version": example.version} if example.version else {}
    return {**version, "Statement": list(statements)}


def compiled(example: Example, statements: Statements, kind: PolicyKind = PolicyKind.IDENTITY) -> Policy:
    return checked(json.dumps(document(example, statements)), kind)


@cache
def checked(text: str, kind: PolicyKind) -> Policy:
    """Compiled, and taken when it is written."""
    parse_document(text, kind)
    return compile_policy(text, kind)


def test_the_older_language_has_no_variables() -> None:
    home = statement(resource="arn:aws:s3:::b/${aws:username}/*")
    literal = ask("s3:GetObject", "arn:aws:s3:::b/${aws:username}/x", aws__username="ann")
    named = ask("s3:GetObject", "arn:aws:s3:::b/ann/x", aws__username="ann")
    old = policy(home, version="2008-10-17")
    assert old.allows(literal)
    assert not old.allows(named)


def test_a_policy_tells_the_keys_it_asks_for() -> None:
    asking = statement(
        resource="arn:aws:s3:::b/${aws:username}/${*}/${aws:PrincipalTag/team, 'x'}",
        Condition={"StringLike": {"s3:prefix": ["${aws:userid}/*", "${?}"]}, "Null": {"aws:TagKeys": "true"}},
    )
    in_conditions = {"s3:prefix", "aws:TagKeys"}
    variables = {"aws:username", "aws:PrincipalTag/team", "aws:userid"}
    assert policy(asking).keys == in_conditions | variables
    assert policy(asking, version="2008-10-17").keys == in_conditions


def test_many_stars_cost_no_more_than_a_few() -> None:
    pattern = "arn:aws:s3:::" + "*a" * 60 + "*b"
    found = policy(statement(resource=pattern, Condition={"StringLike": {"aws:x": "*a" * 60 + "*b"}}))
    assert not found.allows(ask("s3:GetObject", "arn:aws:s3:::" + "a" * 2000, aws__x="a" * 2000))

"""The order of the decision, and the sentence a refused caller reads."""

import msgspec
import pytest

from bastide.permissions import (
    Policies,
    Policy,
    PolicyKind,
    Principal,
    evaluate,
    evaluate_trust,
    render_denial,
)
from tests.unit.permissions.asking import (
    ACCOUNT,
    ECS_TASKS,
    FEDERATED,
    ROLE_ARN,
    ROOT,
    SESSION,
    USER,
    ask,
    policy,
    statement,
)

ALL, NONE = policy(statement()), policy(statement(action="s3:*"))
FORBIDS = policy(statement("Deny"))
HEAD = f"User: arn:aws:iam::{ACCOUNT}:user/ann is not authorized to perform: ecs:RunTask on resource: * "


def resource_policy(effect: str, principal: object) -> Policy:
    found = statement(effect, resource=None, Principal=principal)
    return policy(found, kind=PolicyKind.RESOURCE)


CASES: dict[str, tuple[Policies, str]] = {
    "no policy": (Policies(), "because no identity-based policy allows the ecs:RunTask action"),
    "another action": (
        Policies(identity=(NONE,)),
        "because no identity-based policy allows the ecs:RunTask action",
    ),
    "allowed": (Policies(identity=(NONE, ALL)), ""),
    "a denial beats": (
        Policies(identity=(ALL, FORBIDS)),
        "with an explicit deny in an identity-based policy",
    ),
    "outside the boundary": (
        Policies(identity=(ALL,), boundary=NONE),
        "because no permissions boundary allows the ecs:RunTask action",
    ),
    "a boundary grants nothing": (
        Policies(boundary=ALL),
        "because no identity-based policy allows the ecs:RunTask action",
    ),
    "the boundary forbids": (
        Policies(identity=(ALL,), boundary=FORBIDS),
        "with an explicit deny in a permissions boundary",
    ),
    "outside the session's policy": (
        Policies(identity=(ALL,), session=(NONE,)),
        "because no session policy allows the ecs:RunTask action",
    ),
    "one of the session's policies": (Policies(identity=(ALL,), session=(NONE, ALL)), ""),
    "no session policy at all": (
        Policies(identity=(ALL,), session=()),
        "because no session policy allows the ecs:RunTask action",
    ),
    "the session's policy forbids": (
        Policies(identity=(ALL,), session=(FORBIDS,)),
        "with an explicit deny in a session policy",
    ),
    "the resource's policy forbids": (
        Policies(identity=(ALL,), resource=resource_policy("Deny", "*")),
        "with an explicit deny in a resource-based policy",
    ),
    "the resource's policy names the user": (
        Policies(resource=resource_policy("Allow", {"AWS": USER.arn}), boundary=NONE),
        "",
    ),
    "the resource's policy names the account": (
        Policies(resource=resource_policy("Allow", {"AWS": ACCOUNT})),
        "because no identity-based policy allows the ecs:RunTask action",
    ),
    "the resource's policy names somebody else": (
        Policies(resource=resource_policy("Allow", {"AWS": f"arn:aws:iam::{ACCOUNT}:user/bob"})),
        "because no identity-based policy allows the ecs:RunTask action",
    ),
    "a denial beats the resource's policy": (
        Policies(identity=(FORBIDS,), resource=resource_policy("Allow", {"AWS": USER.arn})),
        "with an explicit deny in an identity-based policy",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_kind_of_policy_refuses_in_its_own_words(name: str) -> None:
    policies, why = CASES[name]
    request = ask()
    decision = evaluate(request, policies)
    told = "" if decision.is_allowed else render_denial(request, decision)
    assert told == (HEAD + why if why else "")


def test_s3_alone_quotes_the_resource() -> None:
    for action, told in (("s3:GetObject", '"arn:aws:s3:::b/k"'), ("ecs:RunTask", "arn:aws:s3:::b/k")):
        request = ask(action, "arn:aws:s3:::b/k")
        assert f"{action} on resource: {told} because" in render_denial(
            request, evaluate(request, Policies())
        )


@pytest.mark.parametrize(
    ("principal", "policies", "is_allowed"),
    [
        ({"AWS": ROLE_ARN}, Policies(), True),
        ({"AWS": ROLE_ARN}, Policies(boundary=NONE), False),
        ({"AWS": ROLE_ARN}, Policies(session=(NONE,)), False),
        ({"AWS": SESSION.arn}, Policies(boundary=NONE, session=(NONE,)), True),
        ("*", Policies(boundary=NONE, session=(NONE,)), True),
        ("*", Policies(), True),
    ],
)
def test_a_session_named_itself_needs_less_than_its_role(
    principal: object, policies: Policies, is_allowed: bool
) -> None:
    granting = resource_policy("Allow", principal)
    whole = Policies(boundary=policies.boundary, session=policies.session, resource=granting)
    assert evaluate(ask(principal=SESSION), whole).is_allowed is is_allowed


def test_a_federated_session_without_a_session_policy_has_no_permissions() -> None:
    request = ask(principal=FEDERATED)
    told = evaluate(request, Policies(identity=(ALL,)))
    assert render_denial(request, told).endswith("because no session policy allows the ecs:RunTask action")
    named = Policies(resource=resource_policy("Allow", {"AWS": FEDERATED.arn}))
    assert evaluate(request, named).is_allowed


@pytest.mark.parametrize(
    ("effect", "listed", "who", "applies"),
    [
        ("Deny", [USER.arn], USER, True),
        ("Deny", [USER.arn, ACCOUNT], USER, False),
        ("Deny", [ROLE_ARN, ACCOUNT], SESSION, True),
        ("Deny", [ROLE_ARN, SESSION.arn, f"arn:aws:iam::{ACCOUNT}:root"], SESSION, False),
        ("Deny", [ACCOUNT], ROOT, False),
        ("Allow", [USER.arn], USER, False),
        ("Allow", [ACCOUNT], USER, False),
        ("Allow", [ROLE_ARN], USER, True),
    ],
)
def test_not_principal_spares_who_is_listed(
    effect: str, listed: list[str], who: Principal, applies: bool
) -> None:
    found = {"Effect": effect, "Action": "*", "NotPrincipal": {"AWS": listed}}
    held = policy(found, kind=PolicyKind.RESOURCE)
    request = ask(principal=who)
    assert (held.denies(request) if effect == "Deny" else held.allows(request)) is applies


USER_ID, ROLE_ID = "AIDAAAAAAAAAAAAAAAAAA", "AROAAAAAAAAAAAAAAAAAA"
ANN = msgspec.structs.replace(USER, id=USER_ID)
CI = msgspec.structs.replace(SESSION, id=f"{ROLE_ID}:ci", role_id=ROLE_ID)
LATER = msgspec.structs.replace(SESSION, id="AROABBBBBBBBBBBBBBBBB:ci", role_id="AROABBBBBBBBBBBBBBBBB")


@pytest.mark.parametrize(
    ("listed", "who", "bound", "allowed"),
    [
        (USER_ID, ANN, NONE, True),  # directly: the boundary does not bind
        (USER_ID, USER, ALL, False),
        (CI.id, CI, NONE, True),
        (ROLE_ID, CI, ALL, True),
        (ROLE_ID, CI, NONE, False),
        (ROLE_ID, LATER, ALL, False),
        (CI.id, LATER, ALL, False),
    ],
)
def test_unique_ids_name_as_arns_do(listed: str, who: Principal, bound: Policy, allowed: bool) -> None:
    policies = Policies(resource=resource_policy("Allow", {"AWS": listed}), boundary=bound)
    assert evaluate(ask(principal=who), policies).is_allowed is allowed


def test_not_principal_spares_whose_unique_ids_are_listed() -> None:
    found = {"Effect": "Deny", "Action": "*", "NotPrincipal": {"AWS": [ACCOUNT, ROLE_ID, CI.id]}}
    held = policy(found, kind=PolicyKind.RESOURCE)
    assert not held.denies(ask(principal=CI))
    assert held.denies(ask(principal=LATER))
    assert held.denies(ask(principal=ANN))


def trust(principal: object, **more: object) -> Policy:
    found = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, **more}
    return policy(found, kind=PolicyKind.TRUST)


ASSUMES = policy(statement(action="sts:AssumeRole", resource=ROLE_ARN))
TRUST_CASES = {
    "the user by name": (trust({"AWS": USER.arn}), Policies(), ""),
    "the account, and the user may": (trust({"AWS": ACCOUNT}), Policies(identity=(ASSUMES,)), ""),
    "the account, and the user may not": (
        trust({"AWS": ACCOUNT}),
        Policies(),
        "because no identity-based policy allows the sts:AssumeRole action",
    ),
    "nobody": (
        trust({"Service": "ecs-tasks.amazonaws.com"}),
        Policies(identity=(ALL,)),
        "because no role trust policy allows the sts:AssumeRole action",
    ),
    "the user, who is forbidden": (
        trust({"AWS": USER.arn}),
        Policies(identity=(FORBIDS,)),
        "with an explicit deny in an identity-based policy",
    ),
    "another external id": (
        trust({"AWS": USER.arn}, Condition={"StringEquals": {"sts:ExternalId": "y"}}),
        Policies(),
        "because no role trust policy allows the sts:AssumeRole action",
    ),
    "nobody, in so many words": (
        policy(
            {"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}},
            kind=PolicyKind.TRUST,
        ),
        Policies(identity=(ALL,)),
        "with an explicit deny in the role trust policy",
    ),
}


@pytest.mark.parametrize("name", TRUST_CASES)
def test_a_role_is_assumed_by_whom_it_trusts(name: str) -> None:
    trusted, policies, why = TRUST_CASES[name]
    request = ask("sts:AssumeRole", ROLE_ARN, sts__ExternalId="x")
    decision = evaluate_trust(request, policies, trusted)
    told = "" if decision.is_allowed else render_denial(request, decision)
    assert told.endswith(why)
    assert bool(told) is bool(why)


def test_a_service_is_trusted_by_its_name() -> None:
    request = ask("sts:AssumeRole", ROLE_ARN, principal=ECS_TASKS)
    assert evaluate_trust(request, Policies(), trust({"Service": "ecs-tasks.amazonaws.com"})).is_allowed
    assert not evaluate_trust(request, Policies(), trust({"Service": "ec2.amazonaws.com"})).is_allowed

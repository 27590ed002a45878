"""What a policy that stands at a resource must be, and whether it lets in everybody. at_resources.py."""

import json
from typing import Any

import pytest

from bastide.model.faults import Invalid
from bastide.permissions import PolicyKind, check_at_resource, is_public, parse_document

GOOD: dict[str, Any] = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
ANN = "arn:aws:iam::111122223333:user/ann"


def text(*statements: dict[str, Any]) -> str:
    """The policy of these, each a change of the good one; None takes a member away."""
    changed = [{**GOOD, **each} for each in statements or ({},)]
    return json.dumps(
        {
            "Statement": [
                {name: value for name, value in each.items() if value is not None} for each in changed
            ]
        }
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"Principal": None}, "Missing required field Principal"),
        ({"Principal": {}}, "Missing required field Principal"),
        ({"Principal": {"Person": "bob"}}, 'Invalid principal in policy: "Person":"bob"'),
        ({"Principal": {"Service": ""}}, 'Invalid principal in policy: "Service":""'),
        ({"Principal": {"AWS": [ANN, "ann"]}}, 'Invalid principal in policy: "AWS":"ann"'),
        ({"Resource": None}, "Missing required field Resource"),
        ({"Resource": []}, "Missing required field Resource"),
        ({"Action": ["s3:GetObject", "ecs:RunTask"]}, "Policy has invalid action"),
        ({"Action": "s3-outposts:GetObject"}, "Policy has invalid action"),
        ({"Action": None}, "Policy statement must contain actions."),
    ],
)
def test_a_wrong_policy_at_a_resource(change: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_at_resource(text(change), vendor="s3")
    assert caught.value.why == why


@pytest.mark.parametrize(
    "change",
    [
        {"Action": "*"},
        {"Action": "S3:getobject"},
        {"Sid": "A whole sentence, as in AWS's guides."},
        {"Principal": None, "NotPrincipal": {"AWS": ANN}},
        {"Principal": {"Service": "logging.s3.amazonaws.com", "CanonicalUser": "79a5", "Federated": "x"}},
        {"Resource": None, "NotResource": "arn:aws:s3:::b/*"},
    ],
)
def test_a_right_policy_at_a_resource(change: dict[str, Any]) -> None:
    check_at_resource(text(change), vendor="s3")


def test_each_sid_stands_once() -> None:
    with pytest.raises(Invalid, match="unique"):
        check_at_resource(text({"Sid": "a b"}, {"Sid": "a b"}), vendor="s3")


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([{}], True),
        ([{"Principal": {"AWS": ANN}}, {}], True),
        ([{"Principal": {"Service": "x.amazonaws.com", "AWS": [ANN, "*"]}}], True),
        ([{"Principal": None, "NotPrincipal": {"AWS": ANN}}], True),
        ([{"Effect": "Deny"}], False),
        ([{"Principal": {"AWS": ANN}}], False),
        ([{"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}], False),
    ],
)
def test_whom_it_lets_in(statements: list[dict[str, Any]], expected: bool) -> None:
    assert is_public(parse_document(text(*statements), PolicyKind.RESOURCE)) is expected

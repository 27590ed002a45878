"""Every operation there is has its row: which permission it needs, of what, by which keys."""

import pytest

from bastide.api.authorization.demands import FREE
from bastide.api.authorization.resources import FIND
from bastide.api.authorization.table import ACTIONS, ARNS
from bastide.api.registry import SERVICES

EVERYTHING = [(service, name) for service in sorted(SERVICES) for name in sorted(SERVICES[service])]


@pytest.mark.parametrize(("service", "operation"), EVERYTHING)
def test_an_operation_has_a_row(service: str, operation: str) -> None:
    assert (service, operation) in ACTIONS, "run tools/authorization.py, and see what is new"
    row = ACTIONS[service, operation]
    assert row.action.partition(":")[2]
    assert all((service, kind) in ARNS for kind in row.types)


def test_what_a_call_must_name_is_found_in_its_request() -> None:
    unfound = {
        (service, kind)
        for service, operation in EVERYTHING
        if (service, operation) not in FREE
        for kind in ACTIONS[service, operation].required
        if kind not in FIND.get(service, {})
    }
    assert unfound <= {("ec2", "instance")}  # there are none here


def test_resource_types_are_aws_own() -> None:
    ours = {(service, kind) for service in FIND for kind in FIND[service]}
    assert ours <= set(ARNS)


def test_only_what_sts_says_needs_no_permission() -> None:
    assert {service for service, _ in FREE} == {"sts"}
    assert set(ACTIONS) >= FREE


@pytest.mark.parametrize(
    ("service", "operation", "action", "types"),
    [
        ("ecs", "RunTask", "ecs:RunTask", ("task-definition",)),
        ("s3", "HeadObject", "s3:GetObject", ("accesspointobject", "object")),
        ("s3", "ListBuckets", "s3:ListAllMyBuckets", ()),
        ("iam", "AttachRolePolicy", "iam:AttachRolePolicy", ("role",)),
    ],
)
def test_rows_as_the_reference_has_them(
    service: str, operation: str, action: str, types: tuple[str, ...]
) -> None:
    row = ACTIONS[service, operation]
    assert (row.action, row.types) == (action, types)

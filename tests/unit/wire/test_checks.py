"""The models' rules in the services' words."""

from typing import Any

import pytest

from bastide.wire import spec
from bastide.wire.codec.checks import Checks
from bastide.wire.codec.patterns import pattern_check
from bastide.wire.http import Request
from bastide.wire.malformed import Constraint, Malformed, Violation, invalid


def violations(service: str, operation: str, params: Any) -> list[Violation]:
    check = Checks().check(spec.service(service).operation(operation).input_shape)
    found: list[Violation] = []
    if check is not None:
        check(params, None, found)
    return found


def message(service: str, operation: str, params: Any) -> str:
    return invalid(violations(service, operation, params)).message


@pytest.mark.parametrize(
    ("service", "operation", "params", "expected"),
    [
        (
            "ecs",
            "RegisterTaskDefinition",
            {"family": "a"},
            "1 validation error detected: Value null at 'containerDefinitions' failed to satisfy constraint: "
            "Member must not be null",
        ),
        (
            "ecs",
            "RunTask",
            {"taskDefinition": "a", "launchType": "MOON"},
            "1 validation error detected: Value 'MOON' at 'launchType' failed to satisfy constraint: "
            "Member must satisfy enum value set: [EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES]",
        ),
        (
            "sts",
            "AssumeRole",
            {"RoleArn": "arn:aws:iam::123456789012:role/a", "RoleSessionName": "a b", "DurationSeconds": 899},
            "2 validation errors detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [\\w+=,.@-]*; Value '899' at 'durationSeconds' "
            "failed to satisfy constraint: Member must have value greater than or equal to 900",
        ),
        (
            "logs",
            "PutLogEvents",
            {"logGroupName": "a", "logStreamName": "b", "logEvents": [{"timestamp": 1}]},
            "1 validation error detected: Value null at 'logEvents.1.member.message' failed to satisfy "
            "constraint: Member must not be null",
        ),
        (
            "logs",
            "CreateLogGroup",
            {"logGroupName": "a", "tags": {"": "x"}},
            "1 validation error detected: Value '{=x}' at 'tags' failed to satisfy constraint: Map keys must "
            "satisfy constraint: [Member must have length greater than or equal to 1, Member must have "
            "length less than or equal to 128, Member must satisfy regular expression pattern: "
            "^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+)$]",
        ),
    ],
)
def test_messages_are_the_services_own(service: str, operation: str, params: Any, expected: str) -> None:
    assert message(service, operation, params) == expected


def test_every_kind_of_rule_is_known_by_name() -> None:
    found = violations("sts", "AssumeRole", {"RoleSessionName": "", "DurationSeconds": 1, "ExternalId": "("})
    assert {each.constraint for each in found} == set(Constraint) - {Constraint.ENUM}
    assert [each.member for each in found if each.constraint == Constraint.REQUIRED] == ["roleArn"]


def test_valid_params_pass() -> None:
    tags = [{"key": "Ключ 1", "value": "a+b=c"}]
    assert violations("ecs", "CreateCluster", {"clusterName": "a", "tags": tags}) == []


def test_secrets_stay_out_of_messages() -> None:
    text = message("iam", "ChangePassword", {"OldPassword": "hunter2", "NewPassword": ""})
    assert "hunter2" not in text
    assert "Value at 'newPassword' failed" in text
    secret = {
        "family": "a",
        "containerDefinitions": [{"environment": [{"name": "A", "value": "s3cret"}]}] * 2,
    }
    secret["tags"] = [{"key": "s3cret"}] * 51
    text = message("ecs", "RegisterTaskDefinition", secret)
    assert "Member must have length less than or equal to 50" in text
    assert "s3cret" not in text


def test_messages_are_bounded() -> None:
    events = [{"timestamp": 1}] * 10_000
    found = violations(
        "logs", "PutLogEvents", {"logGroupName": "a" * 100_000, "logStreamName": "b", "logEvents": events}
    )
    assert len(found) == 20
    assert len(invalid(found).message) < 10_000


def test_shapes_without_rules_cost_nothing() -> None:
    shape = spec.service("ecs").operation("ListTasks").output_shape
    assert Checks().check(shape) is None


def test_recursive_shapes_are_checked_at_any_depth() -> None:
    deep: Any = {"Or": [{"Not": {"CostCategories": {"Key": ""}}}]}
    period = {"Start": "2025-01-01", "End": "2025-01-02"}
    found = violations("ce", "GetDimensionValues", {"TimePeriod": period, "Dimension": "AZ", "Filter": deep})
    assert [each.member for each in found] == ["filter.or.1.member.not.costCategories.key"]


@pytest.mark.parametrize("pattern", ["(a+)+", "(a*)*b", "(a|b+)*c", "([ ]+[a ]+)*", "((a+))+", "(?:x*|y)*z"])
def test_patterns_that_may_never_end_are_not_run(pattern: str) -> None:
    assert pattern_check(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("[a-z]+", "abc", "abc "),
        ("^[a-z]+$", "abc", "abc\n"),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "é 1_", "#"),
        ("(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+", "a.b/c", "a..b/c"),
        (r"[\w-_]+", "a-_", "a b"),
        (r"\p{ASCII}{2}", "a~", "é~"),
        (r"\p{L}\]\p{L}", "é]a", "é-a"),
    ],
)
def test_patterns_match_the_whole_text(pattern: str, good: str, bad: str) -> None:
    check = pattern_check(pattern)
    assert check is not None
    assert check(good)
    assert not check(bad)


@pytest.mark.parametrize("service", ["ecs", "sts", "ec2", "logs"])
def test_every_pattern_of_our_services_is_checked(service: str) -> None:
    model = spec.service(service).model
    shapes = [model.shape_for(name) for name in model.shape_names]
    patterns = {shape.metadata["pattern"] for shape in shapes if "pattern" in shape.metadata}
    assert {pattern for pattern in patterns if pattern_check(pattern) is None} == set()


def test_parse_refuses_what_the_rules_forbid() -> None:
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "Logs_20140328.CreateLogGroup"}
    request = Request("POST", "/", "", headers, b'{"logGroupName": "a b"}')
    with pytest.raises(Malformed) as caught:
        spec.parse(request, spec.service("logs"))
    assert caught.value.protocol == "json"
    assert [each.constraint for each in caught.value.violations] == [Constraint.PATTERN]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"Action=CreateVpcEndpoint&ServiceName=a", "The request must contain the parameter vpcId"),
        (
            b"Action=DescribeVpcs&MaxResults=1",
            "Value (1) for parameter maxResults is invalid. "
            "Member must have value greater than or equal to 5",
        ),
    ],
)
def test_ec2_has_words_of_its_own(body: bytes, expected: str) -> None:
    request = Request("POST", "/", "", {"content-type": "application/x-www-form-urlencoded"}, body)
    with pytest.raises(Malformed) as caught:
        spec.parse(request, spec.service("ec2"))
    assert caught.value.message == expected

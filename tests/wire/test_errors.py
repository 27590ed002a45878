"""Errors in every protocol, as botocore's client reads them."""

from typing import Any

import pytest

from bastide.wire import spec
from bastide.wire.http import WireError
from tests.wire.oracle import example, operation_of, read_back

PROTOCOLS = [
    pytest.param(service, operation, protocol, id=f"{service}-{protocol}")
    for service, operation in {
        "ecs": "RunTask",
        "sts": "GetCallerIdentity",
        "ec2": "DescribeVpcs",
        "logs": "PutLogEvents",
        "iam": "GetRole",
        "cloudwatch": "DescribeAlarms",
        "elbv2": "CreateRule",
        "lambda": "GetFunction",
        "s3": "GetObject",
        "route53": "GetHostedZone",
    }.items()
    for protocol in spec.service(service).protocols
]
MESSAGE = 'It\'s <no> "good" & ☃\ttoo.'


def read(service: str, operation: str, protocol: str, error: WireError) -> tuple[int, dict[str, Any]]:
    response = spec.render_error(spec.service(service), protocol, error, "request-1")
    parsed = read_back(operation_of(service, operation), response, protocol, shape=None)
    return response.status, parsed


@pytest.mark.parametrize(("service", "operation", "protocol"), PROTOCOLS)
@pytest.mark.parametrize(
    ("is_fault", "stated", "status"), [(False, None, 400), (True, None, 500), (False, 403, 403)]
)
def test_code_message_status_and_request_id_arrive(
    service: str, operation: str, protocol: str, is_fault: bool, stated: int | None, status: int
) -> None:
    error = WireError(code="SomeCode", message=MESSAGE, status=stated, is_fault=is_fault)
    sent, parsed = read(service, operation, protocol, error)
    assert (parsed["Error"]["Code"], parsed["Error"]["Message"]) == ("SomeCode", MESSAGE)
    assert sent == parsed["ResponseMetadata"]["HTTPStatusCode"] == status
    assert parsed["ResponseMetadata"]["RequestId"] == "request-1"


@pytest.mark.parametrize(("service", "operation", "protocol"), PROTOCOLS)
def test_every_modelled_error_keeps_its_code_status_and_members(
    service: str, operation: str, protocol: str
) -> None:
    for modelled in set(spec.errors(service).values()):
        members = {
            name: value
            for name, value in example(modelled.shape).items()
            if name.lower() not in ("message", "type")
            and "location" not in modelled.shape.members[name].serialization
        }
        error = WireError(code=modelled.code, message="why", members=members)
        sent, parsed = read(service, operation, protocol, error)
        assert parsed["Error"]["Code"] == modelled.code
        assert sent == (modelled.status or (500 if modelled.is_fault else 400))
        response = spec.render_error(spec.service(service), protocol, error, "request-1")
        if protocol != "ec2":
            shown = read_back(operation_of(service, operation), response, protocol, shape=modelled.shape)
            assert {name: shown[name] for name in members if members[name] not in ([], {})} == {
                name: value for name, value in members.items() if value not in ([], {})
            }


def test_query_compatible_services_keep_their_old_codes() -> None:
    for protocol in ("json", "smithy-rpc-v2-cbor"):
        error = WireError(code="InvalidParameterValue", message="why")
        response = spec.render_error(spec.service("cloudwatch"), protocol, error, "request-1")
        assert response.headers["x-amzn-query-error"] == "InvalidParameterValue;Sender"
        assert b"InvalidParameterValueException" in response.body


@pytest.mark.parametrize("protocol", ["json", "query", "ec2", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"])
def test_an_unknown_service_is_an_error_in_any_protocol(protocol: str) -> None:
    error = WireError(code="UnknownOperationException", message="why")
    response = spec.render_error(None, protocol, error, "request-1")
    parsed = read_back(operation_of("ecs", "RunTask"), response, protocol, shape=None)
    assert (parsed["Error"]["Code"], parsed["Error"]["Message"]) == ("UnknownOperationException", "why")


def test_a_result_the_model_does_not_know_is_a_bug() -> None:
    for service, operation in (("ecs", "RunTask"), ("sts", "GetCallerIdentity"), ("ec2", "DescribeVpcs")):
        protocol = spec.service(service).protocols[0]
        with pytest.raises(ValueError, match="no member 'surprise'"):
            spec.render(spec.Call(service, operation, {}, protocol, "r"), {"surprise": 1})


def test_timestamps_may_be_epoch_seconds() -> None:
    result: dict[str, Any] = {"events": [], "nextForwardToken": None}
    response = spec.render(spec.Call("logs", "GetLogEvents", {}, "json", "r"), result)
    assert response.body == b'{"events":[]}'
    result = {"tasks": [{"createdAt": 1700000000.1234}]}
    response = spec.render(spec.Call("ecs", "DescribeTasks", {}, "json", "r"), result)
    assert response.body == b'{"tasks":[{"createdAt":1700000000.123}]}'

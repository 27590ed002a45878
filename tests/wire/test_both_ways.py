"""Every operation Bastide lists, and samples of others: botocore sends, we read; we answer, it reads."""

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.handlers import parse_get_bucket_location
from botocore.model import Shape

from bastide.wire import spec
from tests.wire.oracle import KEY, REGION, example, operation_of, read_back, serialized, verified

SERVICES = (
    "ecs",
    "sts",
    "ec2",
    "logs",
    "iam",
    "cloudwatch",
    "elbv2",
    "ecr",
    "lambda",
    "s3",
    "route53",
    "secretsmanager",
    "ssm",
)
# No request can tell S3's from their neighbours: AWS does by host, or has replaced them. EC2's one has a
# pattern in its model that nothing matches.
SHADOWED = {
    "ec2": {"CreateCapacityReservation"},
    "s3": {
        "GetBucketLifecycle",
        "GetBucketNotification",
        "ListDirectoryBuckets",
        "PutBucketLifecycle",
        "PutBucketNotification",
    },
}


def cases(service: str) -> list[tuple[str, str]]:
    """Every operation of a service in every protocol it speaks, event streams left out."""
    of = spec.service(service)
    return [
        (name, protocol)
        for name in sorted(of.operations)
        for protocol in of.protocols
        if not of.operation(name).has_event_stream_output
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_what_botocore_sends_is_read(service: str) -> None:
    for name, protocol in cases(service):
        if name not in SHADOWED.get(service, ()):
            check_request(service, name, protocol)


def check_request(service: str, name: str, protocol: str) -> None:
    operation = operation_of(service, name)
    params = example(operation.input_shape) if operation.input_shape else {}
    request = serialized(operation, params, protocol)

    identity = verified(request)
    call = spec.parse(request, spec.service_for(request, identity.service))

    assert (identity.access_key_id, identity.region) == (KEY, REGION)
    assert identity.service == spec.service(service).signing_name
    assert (call.service, call.operation, call.protocol) == (service, name, protocol)
    assert call.params == params


@pytest.mark.parametrize("service", SERVICES)
def test_botocore_reads_what_we_answer(service: str) -> None:
    for name, protocol in cases(service):
        if name not in SHADOWED.get(service, ()):
            check_response(service, name, protocol)


def check_response(service: str, name: str, protocol: str) -> None:
    operation = operation_of(service, name)
    shape = operation.output_shape
    result = example(shape) if shape else {}
    if shape is not None and shape.serialization.get("payload"):
        payload = shape.members[shape.serialization["payload"]]
        if payload.type_name == "blob":
            result[shape.serialization["payload"]] = "botocore reads streams as text"
    for member, each in shape.members.items() if shape else ():
        if each.serialization.get("location") == "statusCode":
            result[member] = 202

    response = spec.render(spec.Call(service, name, {}, protocol, "request-1"), result)
    parsed = read_back(operation, response, protocol, shape=shape)

    if name == "GetBucketLocation":  # the client has a reader of its own for what the model cannot say
        parse_get_bucket_location(parsed, SimpleNamespace(raw=response, content=response.body))

    metadata = parsed.pop("ResponseMetadata")
    assert 200 <= response.status < 300
    assert metadata.get("RequestId", "request-1") == "request-1"
    assert _as_read(parsed) == _expected(result, shape)


def _as_read(value: Any) -> Any:
    """What botocore reads, its empty containers left out: XML can't tell them from absent ones."""
    if isinstance(value, dict):
        return {key: _as_read(item) for key, item in value.items() if item not in ([], {}, None)}
    return [_as_read(item) for item in value] if isinstance(value, list) else value


def _expected(value: Any, shape: Shape | None) -> Any:
    if shape is None:
        return {}
    if shape.type_name == "structure" and not shape.is_document_type:
        kept = {name: _expected(item, shape.members[name]) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in ([], {})}
    if shape.type_name == "list":
        return [_expected(item, shape.member) for item in value]
    if shape.type_name == "map":
        return {key: _expected(item, shape.value) for key, item in value.items()}
    return value

"""Whatever bytes come in: a call or Malformed with a reason, soon, and nothing else."""

import gzip
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bastide.wire import spec
from bastide.wire.http import Request
from bastide.wire.malformed import Malformed, MalformedReason
from bastide.wire.sigv4 import Identity, Refused, Secret, verify
from tests.wire.oracle import KEY, MOMENT, SECRET, example, operation_of, serialized

STALL_S = 5.0  # processor time the worst body may take
TARGETS = {"ecs": "AmazonEC2ContainerServiceV20141113", "logs": "Logs_20140328"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
CBOR = {"smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor"}


def json(service: str, operation: str, body: bytes) -> Request:
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": f"{TARGETS[service]}.{operation}",
    }
    return Request("POST", "/", "", headers, body)


def register(body: bytes) -> Request:
    return json("ecs", "RegisterTaskDefinition", body)


def form(body: bytes) -> Request:
    return Request("POST", "/", "", FORM, b"Action=DescribeVpcs&Version=2016-11-15&" + body)


def cbor(body: bytes) -> Request:
    path = "/service/GraniteServiceVersion20100801/operation/PutMetricData"
    return Request("POST", path, "", CBOR, body)


def xml(body: bytes) -> Request:
    return Request("PUT", "/bucket", "tagging", {}, body)


def refusal(request: Request, signing_name: str, limit_bytes: int = spec.BODY_MAX_BYTES) -> Malformed:
    start = time.process_time()
    with pytest.raises(Malformed) as caught:
        spec.parse(request, spec.service_for(request, signing_name), limit_bytes=limit_bytes)
    assert time.process_time() - start < STALL_S
    assert caught.value.message or caught.value.reason == MalformedReason.UNKNOWN_OPERATION
    return caught.value


BOMB = b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><Tagging>&c;</Tagging>'
OUTSIDE = b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><Tagging/>'
WRONG_BYTES: Mapping[str, tuple[str, list[Request]]] = {
    "json": (
        "ecs",
        [
            register(body)
            for body in (
                b"{",
                b"[]",
                b"null",
                b'"text"',
                b"\xff\xfe",
                b'{"family": "\xff"}',
                b'{"family": "\\ud800x"}',
                b'{"family": 1}',
                b'{"family": true}',
                b'{"family": {}}',
                b'{"family": []}',
                b'{"containerDefinitions": {}}',
                b'{"containerDefinitions": [null]}',
                b'{"containerDefinitions": ["x"]}',
                b'{"containerDefinitions": [{"dockerLabels": {"a": null}}]}',
                b'{"containerDefinitions": [{"cpu": "1"}]}',
                b'{"containerDefinitions": [{"cpu": 1.5}]}',
                b'{"containerDefinitions": [{"cpu": NaN}]}',
                b'{"containerDefinitions": [{"cpu": -Infinity}]}',
                b'{"containerDefinitions": [{"cpu": 1e999}]}',
                b'{"containerDefinitions": [{"cpu": 99999999999999999999}]}',
                b'{"containerDefinitions": [{"cpu": ' + b"9" * 1_000_000 + b"}]}",
                b'{"containerDefinitions": [{"essential": "true"}]}',
                b'{"family": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
                b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
                b"[" * 1_000_000,
            )
        ],
    ),
    "ec2": (
        "ec2",
        [
            form(body)
            for body in (
                b"Filter.999999999.Name=a",
                b"Filter.2.Name=a",
                b"Filter.1.Name=a&Filter.3.Name=a",
                b"Filter.0.Name=a",
                b"Filter.-1.Name=a",
                b"Filter.01.Name=a",
                b"Filter.x.Name=a",
                b"Filter=a",
                b"Filter.1=a",
                b"Filter..Name=a",
                b"Filter.1.Name.2=a",
                b"DryRun=maybe",
                b"DryRun=true&DryRun=false",
                b"MaxResults=1.5",
                b"MaxResults=" + b"9" * 1_000_000,
                b"NextToken=%ff",
                b"%ff=1",
                b"&" * 1_000_000,
                b"." * 1000 + b"=1",
                b"a." * 500 + b"a=1",
                b"a" * 1_000_000 + b"=1",
                b"&".join(b"VpcId.%d=a" % index for index in range(1, 100_000)),
            )
        ],
    ),
    "cbor": (
        "monitoring",
        [
            cbor(body)
            for body in (
                b"\xff",
                b"\xa1",
                b"\x9f" * 10_000,
                b"\x81" * 1_000_000,
                b"\xc1" * 10_000,
                b"\x9b" + b"\xff" * 8,
                b"\xbb" + b"\xff" * 8,
                b"\x7b" + b"\xff" * 8,
                b"\xa1\x01\x01",
                b"\xa2\x61a\x01\x61a\x01",
                b"\xa1\x69Namespace\xf9\x7e\x00",
                b"\xa1\x69Namespace\x61\xff",
                b"\xa1\x69Namespace\x01",
                b"\xa0\xa0",
                b"\xc2\x41\x01",
                b"\x5f\x61a\xff",
                b"\x80",
                b"\xf6",
            )
        ],
    ),
    "xml": (
        "s3",
        [
            xml(body)
            for body in (
                BOMB,
                OUTSIDE,
                b"<",
                b"text",
                b"<Tagging>",
                b"<Tagging>\xff</Tagging>",
                b"<Tagging>&undefined;</Tagging>",
                b"<Tagging><TagSet><Other/></TagSet></Tagging>",
                b"<Tagging><TagSet/><TagSet/></Tagging>",
                b"<Tagging><TagSet><Tag><Key><b/></Key></Tag></TagSet></Tagging>",
                b"<a>" * 10_000 + b"</a>" * 10_000,
                b"<Tagging>" + b"<a/>" * 1_000_000 + b"</Tagging>",
            )
        ],
    ),
}


@pytest.mark.parametrize(
    ("signing_name", "request_"),
    [
        pytest.param(signing_name, request, id=f"{protocol}-{index}")
        for protocol, (signing_name, requests) in WRONG_BYTES.items()
        for index, request in enumerate(requests)
    ],
)
def test_what_can_not_be_read_is_refused_soon(signing_name: str, request_: Request) -> None:
    assert refusal(request_, signing_name).reason == MalformedReason.SERIALIZATION


LARGE = 64 * 1024 * 1024


@pytest.mark.parametrize(
    ("signing_name", "request_"),
    [
        ("ecs", register(b"[" + b"[]," * (LARGE // 3 - 1) + b"]")),
        ("ecs", register(b'{"family":' + b" " * (LARGE - 11) + b"[")),
        ("ecs", register(b'"' + b"a" * (LARGE - 2))),
        ("ec2", form(b"%41" * (LARGE // 3 - 20))),
        ("monitoring", cbor(b"\x9f" + b"\x00" * (LARGE - 1))),
        ("monitoring", cbor(b"\x7f" + b"\x60" * (LARGE - 1))),
        ("s3", xml(b"<Tagging " + b"a='' " * (LARGE // 5 - 10) + b"/>")),
    ],
    ids=["lists", "blanks", "text", "percent", "numbers", "chunks", "attributes"],
)
def test_the_largest_bodies_stall_nothing(signing_name: str, request_: Request) -> None:
    assert refusal(request_, signing_name).reason in (
        MalformedReason.SERIALIZATION,
        MalformedReason.TOO_LARGE,
    )


def test_bodies_are_limited() -> None:
    assert refusal(register(b" " * 11), "ecs", limit_bytes=10).reason == MalformedReason.TOO_LARGE
    packed = gzip.compress(b"\0" * 10_000_000)
    request = cbor(packed)
    request = msgspec.structs.replace(request, headers={**CBOR, "content-encoding": "gzip"})
    assert refusal(request, "monitoring", limit_bytes=1_000_000).reason == MalformedReason.TOO_LARGE
    cut = msgspec.structs.replace(request, body=packed[:-9])
    assert refusal(cut, "monitoring").reason == MalformedReason.SERIALIZATION


def test_a_compressed_body_is_read() -> None:
    params = {"Namespace": "a", "MetricData": [{"MetricName": "b", "Value": 1.0, "Timestamp": MOMENT}]}
    sent = serialized(operation_of("cloudwatch", "PutMetricData"), params, "smithy-rpc-v2-cbor")
    packed = msgspec.structs.replace(
        sent, headers={**sent.headers, "content-encoding": "gzip"}, body=gzip.compress(sent.body)
    )
    assert spec.parse(packed, spec.service("cloudwatch")).params == params


@pytest.mark.parametrize(
    ("request_", "signing_name", "reason"),
    [
        (json("ecs", "Nonsense", b"{}"), "ecs", MalformedReason.UNKNOWN_OPERATION),
        (json("ecs", "", b"{}"), "ecs", MalformedReason.UNKNOWN_OPERATION),
        (
            Request("POST", "/", "", {**FORM, "x-amz-target": "a.b"}, b""),
            None,
            MalformedReason.UNKNOWN_SERVICE,
        ),
        (Request("GET", "/", "", {}), "nonsense", MalformedReason.UNKNOWN_SERVICE),
        (Request("POST", "/", "", FORM, b"Action=Nonsense"), "ec2", MalformedReason.UNKNOWN_OPERATION),
        (Request("POST", "/", "", FORM, b""), "sts", MalformedReason.UNKNOWN_OPERATION),
        (Request("GET", "/nonsense", "", {}), "lambda", MalformedReason.UNKNOWN_OPERATION),
        (Request("BREW", "/", "", {}), "s3", MalformedReason.UNKNOWN_OPERATION),
        (
            Request("POST", "/service/x/operation/y", "", CBOR),
            "monitoring",
            MalformedReason.UNKNOWN_OPERATION,
        ),
        (
            Request("POST", "/", "", {"x-amz-target": "AmazonEC2ContainerServiceV20141113.RunTask"}, b"{}"),
            "ecs",
            MalformedReason.UNSUPPORTED_MEDIA,
        ),
        (Request("POST", "/", "Action=GetRole", {}, b"a"), "iam", MalformedReason.UNSUPPORTED_MEDIA),
    ],
)
def test_what_nobody_serves_is_told_apart(
    request_: Request, signing_name: str | None, reason: MalformedReason
) -> None:
    with pytest.raises(Malformed) as caught:
        spec.parse(request_, spec.service_for(request_, signing_name))
    assert caught.value.reason == reason


def test_of_a_json_key_that_stands_twice_the_last_counts() -> None:
    call = spec.parse(
        json("ecs", "StopTask", b'{"task": "a", "task": "b", "unknown": [{}]}'), spec.service("ecs")
    )
    assert call.params == {"task": "b"}


def outcome(request: Request, signing_name: str) -> Any:
    """A call or Malformed; anything else fails the test by itself."""
    try:
        return spec.parse(request, spec.service_for(request, signing_name))
    except Malformed as malformed:
        assert malformed.message.encode() or malformed.reason == MalformedReason.UNKNOWN_OPERATION
        return malformed


VALID = [
    ("ecs", "RegisterTaskDefinition", "json"),
    ("ec2", "AuthorizeSecurityGroupIngress", "ec2"),
    ("iam", "CreateRole", "query"),
    ("cloudwatch", "PutMetricData", "smithy-rpc-v2-cbor"),
    ("lambda", "CreateFunction", "rest-json"),
    ("s3", "PutBucketAcl", "rest-xml"),
]
REQUESTS = [
    (spec.service(service).signing_name, serialized(operation, example(operation.input_shape), protocol))
    for service, name, protocol in VALID
    for operation in [operation_of(service, name)]
]
EASY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
BYTES_OF_INTEREST = st.sampled_from(
    [b'"', b"\\", b"{", b"[", b"]", b"<", b"&", b"%", b".", b"9", b"\0", b"\xff", b"null"]
)


@pytest.mark.parametrize(("signing_name", "valid"), REQUESTS, ids=[case[2] for case in VALID])
@EASY
@given(data=st.data())
def test_mutated_requests_give_a_call_or_malformed(
    signing_name: str, valid: Request, data: st.DataObject
) -> None:
    body = bytearray(valid.body)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, min(len(body), start + 8)))
        body[start:end] = data.draw(st.binary(max_size=4) | BYTES_OF_INTEREST)
    assert isinstance(
        outcome(msgspec.structs.replace(valid, body=bytes(body)), signing_name), spec.Call | Malformed
    )


@pytest.mark.parametrize(("signing_name", "valid"), REQUESTS, ids=[case[2] for case in VALID])
@EASY
@given(body=st.binary(max_size=200), path=st.binary(max_size=40), query=st.binary(max_size=60))
def test_random_requests_give_a_call_or_malformed(
    signing_name: str, valid: Request, body: bytes, path: bytes, query: bytes
) -> None:
    sent_path, sent_query = (text.decode("utf-8", "surrogateescape") for text in (path, query))
    assert isinstance(outcome(msgspec.structs.replace(valid, body=body), signing_name), spec.Call | Malformed)
    wild = Request("POST", sent_path, sent_query, valid.headers, body)
    assert isinstance(outcome(wild, signing_name), spec.Call | Malformed)


JUNK = st.text(max_size=30) | st.binary(max_size=30).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
FIELDS = ("x-amz-date", "authorization", "host", "x-amz-content-sha256", "x-amz-security-token", "date")


@EASY
@given(
    headers=st.dictionaries(st.sampled_from(FIELDS), JUNK),
    credential=JUNK,
    signed=JUNK,
    signature=JUNK,
    query=JUNK,
    secret=st.builds(Secret, st.just(SECRET), st.none() | JUNK.filter(str.isascii)),
)
def test_random_signatures_are_refused_with_a_reason(
    headers: dict[str, str], credential: str, signed: str, signature: str, query: str, secret: Secret
) -> None:
    shaped = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={signature}"
    for request in (
        Request("POST", "/", query, {**headers, "authorization": shaped}),
        Request("POST", "/", query, headers),
        Request("GET", "/", f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={signature}&{query}", headers),
    ):
        with pytest.raises(Refused) as caught:
            verify(request, lambda key_id: secret, now=MOMENT)
        assert caught.value.message.encode()


@EASY
@given(data=st.data())
def test_a_valid_signature_covers_every_byte_that_counts(data: st.DataObject) -> None:
    _, valid = REQUESTS[0]
    part = data.draw(st.sampled_from(["body", "x-amz-target", "x-amz-date", "host", "authorization"]))
    original = valid.body if part == "body" else valid.headers[part].encode()
    at = data.draw(st.integers(0, len(original) - 1))
    changed = original[:at] + bytes([original[at] ^ data.draw(st.integers(1, 255))]) + original[at + 1 :]
    text = changed.decode("utf-8", "surrogateescape")
    forged = (
        msgspec.structs.replace(valid, body=changed)
        if part == "body"
        else msgspec.structs.replace(valid, headers={**valid.headers, part: text})
    )
    # Signed when this file was read: at the end of a long run that is longer ago than a signature lasts.
    told = datetime.strptime(valid.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    signed_at = verify(valid, {KEY: Secret(SECRET)}.get, now=told).signed_at
    try:
        identity = verify(forged, {KEY: Secret(SECRET)}.get, now=signed_at)
    except Refused as refused:
        assert refused.message.encode()
        return
    # Only what the rules fold away may differ: blanks around values and between the header's parts.
    assert identity == Identity(KEY, identity.region, identity.service, signed_at)
    assert "".join(text.split()).lower() == "".join(original.decode().split()).lower()

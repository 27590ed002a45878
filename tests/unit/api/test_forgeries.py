"""Requests that are not what was signed, or not when: one table, told in each protocol's own words.

Each is signed by botocore as it should be and then changed in one way. What is let in would be answered 200.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bastide.config import Settings
from bastide.store import Store
from tests.unit.api.serving import KEY, Served, serving

REGION = "eu-test-1"
JSON, QUERY, EC2, S3 = "ecs", "iam", "ec2", "s3"
Change = Callable[[dict[str, Any]], None]


@pytest.fixture
async def served(store: Store) -> AsyncIterator[Served]:
    async with serving(store, Settings(account="111122223333")) as running:
        yield running


def call_of(service: str) -> tuple[str, str, dict[str, str], bytes]:
    """Method, path, headers and body of a call that reads."""
    if service == JSON:
        target = "AmazonEC2ContainerServiceV20141113.ListClusters"
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
        return "POST", "/", headers, b'{"maxResults": 5}'
    if service == S3:
        return "GET", "/?x-id=ListBuckets", {}, b""
    form = {QUERY: b"Action=ListUsers&Version=2010-05-08", EC2: b"Action=DescribeVpcs&Version=2016-11-15"}
    return "POST", "/", {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, form[service]


def signed(
    url: str,
    service: str,
    *,
    region: str = REGION,
    scope_service: str = "",
    secret: str = KEY.secret_access_key,
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    method, path, own, body = call_of(service)
    request = AWSRequest(method=method, url=url + path, data=body, headers=own | (headers or {}))
    signer = S3SigV4Auth if service == S3 else SigV4Auth
    signer(Credentials(KEY.access_key_id, secret), scope_service or service, region).add_auth(request)
    found = {name.lower(): _text(value) for name, value in request.headers.items()}
    return {"method": method, "path": path, "headers": found, "body": body, "service": service, "url": url}


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


async def answer_to(request: dict[str, Any]) -> tuple[int, str]:
    """Status and error code."""
    async with httpx.AsyncClient() as client:
        answer = await client.request(
            request["method"],
            request["url"] + request["path"],
            headers=request["headers"],
            content=request["body"],
        )
    told = answer.json().get("__type", "") if answer.content.startswith(b"{") else _code_in(answer.text)
    return answer.status_code, told or answer.headers.get("x-amzn-errortype", "")


def _code_in(text: str) -> str:
    return text.partition("<Code>")[2].partition("</Code>")[0]


def moved(by: timedelta) -> Change:
    """Signed at another time, by a client whose clock is wrong or somebody who kept the request."""

    def change(request: dict[str, Any]) -> None:
        _, _, own, body = call_of(request["service"])
        at = datetime.now(UTC) + by
        made = AWSRequest(
            method=request["method"], url=request["url"] + request["path"], data=body, headers=own
        )
        signer = (S3SigV4Auth if request["service"] == S3 else SigV4Auth)(
            Credentials(KEY.access_key_id, KEY.secret_access_key), request["service"], REGION
        )
        made.context["timestamp"] = stamp = at.strftime("%Y%m%dT%H%M%SZ")
        signer._modify_request_before_signing(made)
        made.headers.replace_header("X-Amz-Date", stamp) if "X-Amz-Date" in made.headers else None
        canonical = signer.canonical_request(made)
        signature = signer.signature(signer.string_to_sign(made, canonical), made)
        signer._inject_signature_to_request(made, signature)
        request["headers"] = {name.lower(): _text(value) for name, value in made.headers.items()}

    return change


def tamper_body(request: dict[str, Any]) -> None:
    request["body"] += b" "


def tamper_header(request: dict[str, Any]) -> None:
    name = "content-type" if "content-type" in request["headers"] else "x-amz-date"
    value = request["headers"][name]
    request["headers"][name] = value + ";v=1" if name == "content-type" else value[:-2] + "9Z"


def tamper_query(request: dict[str, Any]) -> None:
    request["path"] += ("&" if "?" in request["path"] else "?") + "more=1"


def tamper_path(request: dict[str, Any]) -> None:
    parts = urlsplit(request["path"])
    request["path"] = f"{parts.path}other?{parts.query}"


def no_signature(request: dict[str, Any]) -> None:
    del request["headers"]["authorization"]


def no_signature_in_it(request: dict[str, Any]) -> None:
    request["headers"]["authorization"] = request["headers"]["authorization"].partition(", Signature")[0]


def another_signature(request: dict[str, Any]) -> None:
    request["headers"]["authorization"] = request["headers"]["authorization"][:-64] + "0" * 64


def another_key(request: dict[str, Any]) -> None:
    request["headers"]["authorization"] = request["headers"]["authorization"].replace(
        KEY.access_key_id, "AKIANOBODYNOBODY0000"
    )


def another_region(request: dict[str, Any]) -> None:
    """The signature of one region, sent as another's."""
    request["headers"]["authorization"] = request["headers"]["authorization"].replace(REGION, "eu-test-2")


def with_token(request: dict[str, Any]) -> None:
    request["headers"]["x-amz-security-token"] = "stolen"


MISMATCH = {
    JSON: (400, "InvalidSignatureException"),
    QUERY: (403, "SignatureDoesNotMatch"),
    EC2: (401, "AuthFailure"),
    S3: (403, "SignatureDoesNotMatch"),
}
EXPIRED = MISMATCH | {EC2: (400, "RequestExpired"), S3: (403, "RequestTimeTooSkewed")}
TABLE: dict[str, tuple[Change, dict[str, tuple[int, str]]]] = {
    "a tampered body": (
        tamper_body,
        MISMATCH | {S3: (400, "XAmzContentSHA256Mismatch")},
    ),
    "a tampered header": (tamper_header, MISMATCH),
    "a tampered query": (tamper_query, MISMATCH),
    "a tampered path": (tamper_path, MISMATCH),
    "the signature of another region": (another_region, MISMATCH),
    "another signature": (another_signature, MISMATCH),
    "a token that was not signed": (with_token, MISMATCH),
    "a replay after a quarter of an hour": (moved(-timedelta(minutes=15, seconds=5)), EXPIRED),
    "a clock that is ahead": (moved(timedelta(minutes=16)), EXPIRED),
    "no signature": (
        no_signature,
        {
            JSON: (400, "MissingAuthenticationTokenException"),
            QUERY: (403, "MissingAuthenticationToken"),
            EC2: (400, "MissingParameter"),
            S3: (400, "MissingAuthenticationTokenException"),  # nothing says that it is for S3
        },
    ),
    "half a signature": (
        no_signature_in_it,
        {
            JSON: (400, "IncompleteSignatureException"),
            QUERY: (400, "IncompleteSignature"),
            EC2: (401, "AuthFailure"),
            S3: (400, "AuthorizationHeaderMalformed"),
        },
    ),
    "a key nobody has": (
        another_key,
        {
            JSON: (400, "UnrecognizedClientException"),
            QUERY: (403, "InvalidClientTokenId"),
            EC2: (401, "AuthFailure"),
            S3: (403, "InvalidAccessKeyId"),
        },
    ),
}
SERVICES = (JSON, QUERY, EC2, S3)
NONE_SUCH = (400, "UnknownOperationException")
# A form is told by its scope alone which service it is for: that one has no such operation.
ANOTHER_SERVICE = {JSON: MISMATCH[JSON], QUERY: NONE_SUCH, EC2: NONE_SUCH}


@pytest.mark.parametrize("service", SERVICES)
async def test_as_it_was_signed_it_is_let_in(served: Served, service: str) -> None:
    assert (await answer_to(signed(served.url, service)))[0] == 200
    late = signed(served.url, service)
    await asyncio.to_thread(moved(-timedelta(minutes=14)), late)
    assert (await answer_to(late))[0] == 200


@pytest.mark.parametrize("service", SERVICES)
async def test_each_forgery_is_refused_in_the_services_words(served: Served, service: str) -> None:
    told: dict[str, tuple[int, str]] = {}
    for name, (change, _) in TABLE.items():
        request = signed(served.url, service)
        change(request)
        told[name] = await answer_to(request)
    assert told == {name: expected[service] for name, (_, expected) in TABLE.items()}


@pytest.mark.parametrize("service", (JSON, QUERY, EC2))
async def test_the_signature_of_another_service_is_refused(served: Served, service: str) -> None:
    other = QUERY if service == JSON else JSON
    status, code = await answer_to(signed(served.url, service, scope_service=other))
    assert (status, code) == ANOTHER_SERVICE[service]


@pytest.mark.parametrize(
    "payload",
    [
        "UNSIGNED-PAYLOAD",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    ],
)
@pytest.mark.parametrize("service", (JSON, QUERY, EC2))
async def test_a_body_nobody_signed_is_taken_by_s3_alone(served: Served, service: str, payload: str) -> None:
    request = signed(served.url, service, headers={"X-Amz-Content-SHA256": payload})
    assert await answer_to(request) == MISMATCH[service]
    if payload.startswith("STREAMING"):
        chunked = signed(
            served.url,
            service,
            headers={"X-Amz-Content-SHA256": payload, "Content-Encoding": "aws-chunked"},
        )
        body: bytes = chunked["body"]
        chunked["body"] = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
        assert await answer_to(chunked) == MISMATCH[service]


async def test_s3_takes_no_header_of_its_own_that_was_not_signed(served: Served) -> None:
    request = signed(served.url, S3)
    request["headers"]["x-amz-meta-more"] = "1"
    assert await answer_to(request) == MISMATCH[S3]


async def test_what_is_refused_tells_nothing_of_the_secret(served: Served) -> None:
    request = signed(served.url, JSON)
    another_signature(request)
    async with httpx.AsyncClient() as client:
        answer = await client.post(served.url, headers=request["headers"], content=request["body"])
    right = signed(served.url, JSON)["headers"]["authorization"][-64:]
    assert right not in answer.text
    assert KEY.secret_access_key not in answer.text
    assert json.loads(answer.text)["__type"] == "InvalidSignatureException"

"""Signatures: the computed vector, botocore's own, and every way to be refused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bastide.wire.http import Request
from bastide.wire.sigv4 import PayloadKind, Refused, Secret, verify
from bastide.wire.sigv4 import RefusedReason as Reason

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
AT = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
SIGNATURE = "beec3f1f0819f42d9ce6051203dc7856d198d9796086e2b103054e714119dc70"
SIGNED = "content-type;host;x-amz-date;x-amz-target"


def vector(**changed: str) -> Request:
    """The request of the vector computed by hand, with header values changed."""
    headers = {
        "host": "ecs.eu-test-1.example.internal:8443",
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "AmazonEC2ContainerServiceV20141113.ListClusters",
        "x-amz-date": "20250102T030405Z",
        "authorization": authorization(),
    }
    given = {name.replace("_", "-"): value for name, value in changed.items() if name != "body"}
    return Request("POST", "/", "", {**headers, **given}, changed.get("body", "{}").encode())


def authorization(
    *,
    key: str = KEY,
    scope: str = "20250102/eu-test-1/ecs/aws4_request",
    signed: str = SIGNED,
    signature: str = SIGNATURE,
) -> str:
    return f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={signed}, Signature={signature}"


def find(secret: Secret | None = None) -> Callable[[str], Secret | None]:
    return {KEY: secret or Secret(SECRET)}.get


def refused(request: Request, *, secret: Secret | None = None, now: datetime = AT) -> Refused:
    with pytest.raises(Refused) as caught:
        verify(request, find(secret), now=now)
    return caught.value


def signed_by_botocore(
    signer: type,
    service: str,
    *,
    url: str,
    method: str = "GET",
    body: bytes = b"",
    token: str | None = None,
    **more: str,
) -> Request:
    request = AWSRequest(
        method=method, url=url, data=body, headers={n.replace("_", "-"): v for n, v in more.items()}
    )
    signer(Credentials(KEY, SECRET, token), service, "eu-test-1").add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    headers = {n.lower(): v.decode() if isinstance(v, bytes) else v for n, v in prepared.headers.items()}
    return Request(method, parts.path, parts.query, {"host": parts.netloc, **headers}, body)


def test_the_vector_is_accepted() -> None:
    identity = verify(vector(), find(), now=AT)
    assert (identity.access_key_id, identity.region, identity.service) == (KEY, "eu-test-1", "ecs")
    assert (identity.signed_at, identity.payload) == (AT, PayloadKind.SIGNED)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (vector(body="{ }"), Reason.MISMATCH),
        (vector(x_amz_target="AmazonEC2ContainerServiceV20141113.DeleteCluster"), Reason.MISMATCH),
        (vector(host="elsewhere"), Reason.MISMATCH),
        (vector(authorization=authorization(signature="0" * 64)), Reason.MISMATCH),
        (vector(authorization=authorization(signature="é" * 64)), Reason.MISMATCH),
        (vector(authorization=authorization(signed="content-type;host;x-amz-date")), Reason.MISMATCH),
        (vector(authorization=authorization(signed=SIGNED + ";x-absent")), Reason.MISMATCH),
        (vector(x_amz_security_token="stolen"), Reason.MISMATCH),
        (vector(authorization=""), Reason.MISSING),
        (vector(authorization="Bearer x"), Reason.INCOMPLETE),
        (vector(authorization="AWS4-HMAC-SHA256 "), Reason.INCOMPLETE),
        (vector(authorization="AWS4-HMAC-SHA256 Credential=a/b, Signature=c"), Reason.INCOMPLETE),
        (vector(authorization=authorization(scope="20250102/ecs/aws4_request")), Reason.INCOMPLETE),
        (vector(x_amz_date="yesterday"), Reason.INCOMPLETE),
        (
            vector(
                x_amz_date="20259902T030405Z", authorization=authorization(scope="20259902/r/s/aws4_request")
            ),
            Reason.INCOMPLETE,
        ),
        (vector(authorization=authorization(scope="20250103/eu-test-1/ecs/aws4_request")), Reason.BAD_SCOPE),
        (vector(authorization=authorization(scope="20250102//ecs/aws4_request")), Reason.BAD_SCOPE),
        (vector(authorization=authorization(scope="20250102/eu-test-1/ecs/aws5")), Reason.BAD_SCOPE),
        (vector(authorization=authorization(key="AKIDOTHER")), Reason.UNKNOWN_KEY),
        (vector(x_amz_content_sha256="0" * 64), Reason.BODY_HASH),
        (vector(x_amz_content_sha256="UNSIGNED-PAYLOAD"), Reason.UNSUPPORTED_PAYLOAD),
        (vector(x_amz_content_sha256="STREAMING-UNSIGNED-PAYLOAD-TRAILER"), Reason.UNSUPPORTED_PAYLOAD),
    ],
)
def test_each_fault_has_its_reason(request_: Request, reason: Reason) -> None:
    fault = refused(request_)
    assert fault.reason == reason
    assert SECRET not in fault.message


def test_the_clock_window_is_a_quarter_of_an_hour_each_way() -> None:
    edge = timedelta(minutes=15)
    assert verify(vector(), find(), now=AT + edge)
    assert verify(vector(), find(), now=AT - edge)
    late = refused(vector(), now=AT + edge + timedelta(seconds=1))
    early = refused(vector(), now=AT - edge - timedelta(seconds=1))
    assert (late.reason, early.reason) == (Reason.EXPIRED, Reason.NOT_YET)
    assert late.message == (
        "Signature expired: 20250102T030405Z is now earlier than 20250102T030406Z "
        "(20250102T031906Z - 15 min.)"
    )
    with pytest.raises(Refused):
        verify(vector(), find(), now=AT + timedelta(minutes=6), window=timedelta(minutes=5))


def test_a_session_needs_its_token() -> None:
    now = datetime.now(UTC)
    session = Secret(SECRET, "token-1", now + timedelta(hours=1))
    url = "http://127.0.0.1:4566/"
    good = signed_by_botocore(SigV4Auth, "ecs", url=url, token="token-1")
    assert verify(good, find(session), now=now)
    other = signed_by_botocore(SigV4Auth, "ecs", url=url, token="token-2")
    none = signed_by_botocore(SigV4Auth, "ecs", url=url)
    assert refused(other, secret=session, now=now).reason == Reason.BAD_TOKEN
    assert refused(none, secret=session, now=now).reason == Reason.BAD_TOKEN
    assert refused(good, now=now).reason == Reason.BAD_TOKEN
    over = Secret(SECRET, "token-1", now)
    assert refused(good, secret=over, now=now).reason == Reason.EXPIRED_TOKEN


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/a/b",
        "/a%20b/c",
        "/a//b/../c/",
        "/2015-03-31/functions/x%3Ay/invocations?Qualifier=%24LATEST&b=&a=%20~",
    ],
)
def test_paths_and_queries_are_canonical_as_botocore_has_them(path: str) -> None:
    request = signed_by_botocore(SigV4Auth, "lambda", url=f"http://127.0.0.1:4566{path}")
    assert verify(request, find(), now=datetime.now(UTC)).service == "lambda"


@pytest.mark.parametrize("path", ["/bucket/a%20b//c/./d", "/bucket/%C3%A9?list-type=2&prefix=a%2Fb"])
def test_s3_paths_are_signed_as_they_are(path: str) -> None:
    request = signed_by_botocore(
        S3SigV4Auth, "s3", url=f"https://127.0.0.1:4566{path}", method="PUT", body=b"x"
    )
    identity = verify(request, find(), now=datetime.now(UTC))
    assert identity.payload in (PayloadKind.SIGNED, PayloadKind.UNSIGNED)


@pytest.mark.parametrize(("signer", "service"), [(SigV4QueryAuth, "sts"), (S3SigV4QueryAuth, "s3")])
def test_presigned_urls_live_as_long_as_they_say(signer: type, service: str) -> None:
    url = "http://127.0.0.1:4566/?Action=GetCallerIdentity&Version=2011-06-15"
    request = signed_by_botocore(signer, service, url=url, token="token-1")
    session = Secret(SECRET, "token-1")
    now = datetime.now(UTC)
    assert verify(request, find(session), now=now).service == service
    assert verify(request, find(session), now=now + timedelta(minutes=59))
    assert refused(request, secret=session, now=now + timedelta(minutes=61)).reason == Reason.EXPIRED
    forged = Request("GET", "/", request.query.replace("Expires=3600", "Expires=36000"), request.headers)
    assert refused(forged, secret=session, now=now).reason == Reason.MISMATCH
    endless = Request("GET", "/", request.query.replace("Expires=3600", "Expires=3600000"), request.headers)
    assert refused(endless, secret=session, now=now).reason == Reason.INCOMPLETE
    twice = Request("GET", "/", request.query + "&X-Amz-Expires=1", request.headers)
    assert refused(twice, secret=session, now=now).reason == Reason.INCOMPLETE


def test_streamed_bodies_are_recognised_for_s3_alone() -> None:
    streaming = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    request = signed_by_botocore(
        SigV4Auth, "s3", url="http://h/b/k", method="PUT", x_amz_content_sha256=streaming
    )
    assert verify(request, find(), now=datetime.now(UTC)).payload == PayloadKind.STREAMING


def test_a_secret_does_not_show_itself() -> None:
    assert SECRET not in repr(Secret(SECRET, "token-1"))
    assert "token-1" not in repr(Secret(SECRET, "token-1"))


def test_bytes_that_are_no_text_can_be_told_of() -> None:
    fault = refused(vector(authorization=authorization(scope="\udcff/eu-test-1/ecs/aws4_request")))
    assert fault.reason == Reason.BAD_SCOPE
    assert "'?' != '20250102'" in fault.message


def test_a_header_signature_goes_before_one_in_the_query() -> None:
    signed = vector()
    request = Request("POST", "/", "X-Amz-Signature=" + "0" * 64, signed.headers, signed.body)
    assert refused(request).reason == Reason.MISMATCH

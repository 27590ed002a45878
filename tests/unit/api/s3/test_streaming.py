"""Bodies in chunks reach an object whole, with the checksum behind them; through the gateway, as sent."""

import base64
import zlib
from pathlib import Path

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bastide.api.audit import Trail
from bastide.api.gateway import Gateway
from bastide.api.keys.signing import Keys
from bastide.api.metrics import Metrics
from bastide.config import Settings
from bastide.store import Store
from bastide.wire.http import Request, Response
from tests.unit.api.conftest import ACCOUNT, VAULT
from tests.unit.api.serving import KEY

HOST = "127.0.0.1:4566"


@pytest.fixture
async def gateway(store: Store, trail: Trail, tmp_path: Path) -> Gateway:
    settings = Settings(account=ACCOUNT, data_root=tmp_path)
    keys = Keys(KEY, account=ACCOUNT, store=store, vault=VAULT)
    return Gateway(store, settings, keys, Metrics(), trail=trail)


async def send(gateway: Gateway, method: str, path: str, body: bytes = b"", *, trailer: str = "") -> Response:
    """A signed request; with a trailer, one whose body is in chunks."""
    headers = {"x-amz-trailer": trailer, "content-encoding": "aws-chunked"} if trailer else {}
    request = AWSRequest(method, f"http://{HOST}{path}", data=body, headers=headers)
    if trailer:
        request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
    credentials = Credentials(KEY.access_key_id, KEY.secret_access_key)
    S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
    signed = {name.lower(): str(value) for name, value in request.headers.items()} | {"host": HOST}
    answer = await gateway.answer(Request(method, path, "", signed, body))
    assert isinstance(answer, Response)
    return answer


async def test_a_chunked_body_with_its_checksum_behind_it(gateway: Gateway) -> None:
    assert (await send(gateway, "PUT", "/bucket")).status == 200
    checksum = base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()
    body = f"3\r\nhel\r\n2\r\nlo\r\n0\r\nx-amz-checksum-crc32:{checksum}\r\n\r\n".encode()
    put = await send(gateway, "PUT", "/bucket/key", body, trailer="x-amz-checksum-crc32")
    assert (put.status, put.headers["x-amz-checksum-crc32"]) == (200, checksum)
    got = await send(gateway, "GET", "/bucket/key")
    assert (got.body, "content-encoding" in got.headers) == (b"hello", False)


async def test_a_chunked_body_that_is_wrong_makes_no_object(gateway: Gateway) -> None:
    await send(gateway, "PUT", "/bucket")
    wrong = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
    put = await send(gateway, "PUT", "/bucket/key", wrong, trailer="x-amz-checksum-crc32")
    assert (put.status, b"<Code>BadDigest</Code>" in put.body) == (400, True)
    put = await send(gateway, "PUT", "/bucket/key", b"plain", trailer="x-amz-checksum-crc32")
    assert put.status == 400
    got = await send(gateway, "GET", "/bucket/key")
    assert (got.status, b"<Code>NoSuchKey</Code>" in got.body) == (404, True)

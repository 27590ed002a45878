"""What a registry does beyond the conformance suite: GetAuthorizationToken, mounts, ranges, links, races."""

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contract.registry.conftest import Registry, code_of, digest_of
from tests.unit.api.serving import VAULT


async def test_without_a_token_the_challenge_is_ecrs(registry: Registry) -> None:
    for auth in (None, ("AWS", "wrong"), ("somebody", registry.password)):
        async with httpx.AsyncClient(base_url=registry.served.url, auth=auth, trust_env=False) as http:
            answer = await http.get("/v2/")
        assert answer.status_code == 401
        assert code_of(answer) == "UNAUTHORIZED"
        assert answer.headers["www-authenticate"].startswith('Basic realm="http')
        assert answer.headers["www-authenticate"].endswith('/",service="ecr.amazonaws.com"')
        assert answer.headers["docker-distribution-api-version"] == "registry/2.0"


async def test_a_token_ends_after_twelve_hours(registry: Registry) -> None:
    from datetime import timedelta

    from bastide.api.distribution.access import issue_token, now_utc
    from bastide.api.operation import Caller

    caller = Caller(account="111122223333", region="eu-test-1", principal_arn="arn", user_id="id")
    for hours, status in ((11, 200), (13, 401)):
        token, _ = issue_token(VAULT, caller, now=now_utc() - timedelta(hours=hours))
        async with httpx.AsyncClient(base_url=registry.served.url, trust_env=False) as http:
            answer = await http.get("/v2/", auth=("AWS", token))
        assert answer.status_code == status


async def test_somebody_elses_registry_is_denied(registry: Registry) -> None:
    host = f"999988887777.dkr.ecr.eu-test-1.localhost:{registry.served.port}"
    answer = await registry.http.get("/v2/app/tags/list", headers={"host": host})
    assert (answer.status_code, code_of(answer)) == (403, "DENIED")


async def test_the_hosts_name_says_the_region(registry: Registry) -> None:
    host = "111122223333.dkr.ecr.{}.localhost:4566"
    here = await registry.http.get("/v2/app/tags/list", headers={"host": host.format("eu-test-1")})
    there = await registry.http.get("/v2/app/tags/list", headers={"host": host.format("us-east-1")})
    assert (here.status_code, there.status_code) == (200, 404)
    assert there.json()["errors"][0] == {
        "code": "NAME_UNKNOWN",
        "message": "The repository with name 'app' does not exist in the registry with id '111122223333'",
        "detail": None,
    }


async def test_the_same_port_speaks_tls_with_a_certificate_of_our_authority(
    registry: Registry, authority: Path
) -> None:
    context = ssl.create_default_context(cafile=str(authority))
    for name in ("localhost", "111122223333.dkr.ecr.us-east-1.localhost", "127.0.0.1"):
        told = await asyncio.to_thread(ask_over_tls, registry.served.port, name, context)
        assert told.startswith(b"HTTP/1.1 401")
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(ask_over_tls, registry.served.port, "example.com", context)
    with pytest.raises(ssl.SSLCertVerificationError):
        stranger = ssl.create_default_context()
        await asyncio.to_thread(ask_over_tls, registry.served.port, "localhost", stranger)
    assert (await registry.http.get("/v2/")).status_code == 200


async def test_a_request_may_come_in_one_packet_with_the_handshakes_end(
    registry: Registry, authority: Path
) -> None:
    context = ssl.create_default_context(cafile=str(authority))
    told = await asyncio.to_thread(ask_at_once, registry.served.port, context)
    assert told.startswith(b"HTTP/1.1 401")


def ask_at_once(port: int, context: ssl.SSLContext) -> bytes:
    """The answer to a client that sends its request right behind the handshake's last message."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(up, down, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                line.sendall(down.read())
                up.write(receive(line))
        tls.write(b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        line.sendall(down.read())
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                return tls.read(1000)
            up.write(receive(line))


def receive(line: socket.socket) -> bytes:
    """What comes next; it is an error that nothing does."""
    came = line.recv(1 << 16)
    assert came, "the server has closed the connection"
    return came


def ask_over_tls(port: int, name: str, context: ssl.SSLContext) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=name) as line,
    ):
        line.sendall(f"GET /v2/ HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
        return line.recv(1000)


async def test_a_blob_is_read_in_parts(registry: Registry) -> None:
    digest = await registry.push_blob(bytes(range(256)) * 4000)
    path = f"/v2/app/blobs/{digest}"
    part = await registry.http.get(path, headers={"range": "bytes=256-511"})
    assert (part.status_code, part.content) == (206, bytes(range(256)))
    assert part.headers["content-range"] == "bytes 256-511/1024000"
    tail = await registry.http.get(path, headers={"range": "bytes=-1"})
    assert tail.content == b"\xff"
    rest = await registry.http.get(path, headers={"range": "bytes=1023999-"})
    assert rest.content == b"\xff"
    beyond = await registry.http.get(path, headers={"range": "bytes=1024000-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */1024000")


async def test_a_blob_is_seen_in_the_repositories_it_was_pushed_to_or_mounted_in(registry: Registry) -> None:
    digest = await registry.push_blob(b"mine")
    assert (await registry.http.head(f"/v2/other/blobs/{digest}")).status_code == 404
    mount = {"mount": digest, "from": "app"}
    assert (await registry.http.post("/v2/other/blobs/uploads/", params=mount)).status_code == 201
    assert (await registry.http.get(f"/v2/other/blobs/{digest}")).content == b"mine"
    assert len(registry.files()) == 1
    nowhere = {"mount": digest_of(b"nothing"), "from": "app"}
    assert (await registry.http.post("/v2/other/blobs/uploads/", params=nowhere)).status_code == 202


async def test_a_layer_that_an_image_has_cannot_be_deleted(registry: Registry) -> None:
    manifest = await registry.image("one")
    await registry.put("v1", manifest)
    answer = await registry.http.delete(f"/v2/app/blobs/{digest_of(b'one' * 100)}")
    assert (answer.status_code, code_of(answer)) == (403, "DENIED")


async def test_of_two_pushes_of_one_tag_one_comes_after_the_other(registry: Registry) -> None:
    manifests = [await registry.image(f"image {index}") for index in range(8)]
    answers = await asyncio.gather(*(registry.put("latest", one) for one in manifests))
    assert {answer.status_code for answer in answers} == {201}
    pulled = await registry.http.get("/v2/app/manifests/latest")
    assert pulled.content in manifests
    images = (await asyncio.to_thread(registry.ecr.describe_images, repositoryName="app"))["imageDetails"]
    assert len(images) == 8
    assert [image["imageTags"] for image in images if "imageTags" in image] == [["latest"]]


async def test_of_two_pushes_of_one_immutable_tag_one_is_refused(registry: Registry) -> None:
    await asyncio.to_thread(
        registry.ecr.put_image_tag_mutability, repositoryName="app", imageTagMutability="IMMUTABLE"
    )
    manifests = [await registry.image(f"image {index}") for index in range(8)]
    answers = await asyncio.gather(*(registry.put("v1", one) for one in manifests))
    refused = [answer for answer in answers if answer.status_code != 201]
    assert len(refused) == 7
    assert {(answer.status_code, code_of(answer)) for answer in refused} == {(400, "TAG_INVALID")}
    assert refused[0].json()["errors"][0]["message"] == (
        "The image tag 'v1' already exists in the 'app' repository and cannot be overwritten because the tag "
        "is immutable."
    )
    again = next(one for one, answer in zip(manifests, answers, strict=True) if answer.status_code == 201)
    assert (await registry.put("v1", again)).status_code == 201


async def test_a_pull_is_noted(registry: Registry) -> None:
    await registry.put("v1", await registry.image("one"))
    await registry.http.get("/v2/app/manifests/v1")
    (image,) = (await asyncio.to_thread(registry.ecr.describe_images, repositoryName="app"))["imageDetails"]
    assert image["lastRecordedPullTime"] >= image["imagePushedAt"]


async def test_awss_own_calls_upload_a_layer_in_parts_and_link_to_it(registry: Registry) -> None:
    ecr, content = registry.ecr, bytes(range(256)) * 4096

    def upload() -> str:
        upload_id = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
        common = {"repositoryName": "app", "uploadId": upload_id}
        half = len(content) // 2
        for first in (0, half):
            told = ecr.upload_layer_part(
                partFirstByte=first,
                partLastByte=first + half - 1,
                layerPartBlob=content[first : first + half],
                **common,
            )
            assert told["lastByteReceived"] == first + half - 1
        with pytest.raises(ecr.exceptions.InvalidLayerPartException):
            ecr.upload_layer_part(partFirstByte=5, partLastByte=5, layerPartBlob=b"x", **common)
        ecr.complete_layer_upload(layerDigests=[digest_of(content)], **common)
        with pytest.raises(ecr.exceptions.UploadNotFoundException):
            ecr.complete_layer_upload(layerDigests=[digest_of(content)], **common)
        asked = ecr.batch_check_layer_availability(
            repositoryName="app", layerDigests=[digest_of(content), digest_of(b"nothing")]
        )
        assert [one["layerAvailability"] for one in asked["layers"]] == ["AVAILABLE", "UNAVAILABLE"]
        return str(
            ecr.get_download_url_for_layer(repositoryName="app", layerDigest=digest_of(content))[
                "downloadUrl"
            ]
        )

    link = urlsplit(await asyncio.to_thread(upload))
    async with httpx.AsyncClient(base_url=registry.served.url, trust_env=False) as http:
        assert (await http.get(f"{link.path}?{link.query}")).content == content
        other = link.path.replace("/app/", "/other/")
        assert (await http.get(f"{other}?{link.query}")).status_code == 401
        assert (await http.get(f"{link.path}?{link.query[:-8]}AAAAAAAA")).status_code == 401
        assert (await http.delete(f"{link.path}?{link.query}")).status_code == 401


async def test_a_layer_that_is_not_what_was_told_is_refused(registry: Registry) -> None:
    ecr = registry.ecr

    def upload() -> None:
        upload_id = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
        common = {"repositoryName": "app", "uploadId": upload_id}
        with pytest.raises(ecr.exceptions.EmptyUploadException):
            ecr.complete_layer_upload(layerDigests=[digest_of(b"x")], **common)
        ecr.upload_layer_part(partFirstByte=0, partLastByte=0, layerPartBlob=b"y", **common)
        with pytest.raises(ecr.exceptions.InvalidLayerException):
            ecr.complete_layer_upload(layerDigests=[digest_of(b"x")], **common)

    await asyncio.to_thread(upload)
    assert registry.files() == []

"""Clients that lie, leave midway or fill the disk: the right error, nothing half visible, nothing leaked."""

import asyncio
import base64
import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bastide.control.blobs import Sweeper
from bastide.host.command import run
from bastide.store.registry import repositories
from tests.contract.registry.conftest import (
    OCI_MANIFEST,
    Registry,
    code_of,
    digest_of,
)

CUT_UPLOADS = 1000
WHOLE_AT_ONCE = f"/v2/app/blobs/uploads/?digest={digest_of(b'never whole')}"


async def test_manifests_that_lie_are_refused(registry: Registry) -> None:
    manifest = json.loads(await registry.image("one"))
    lies = [
        ({"layers": [manifest["layers"][0] | {"size": 1}]}, 400, "SIZE_INVALID"),
        ({"layers": [manifest["layers"][0] | {"digest": digest_of(b"?")}]}, 404, "MANIFEST_BLOB_UNKNOWN"),
        ({"layers": manifest["layers"] * 10_000}, 400, "MANIFEST_INVALID"),
        ({"mediaType": "application/x"}, 400, "MANIFEST_INVALID"),
        ({"comment": "x" * (4 << 20)}, 413, "MANIFEST_INVALID"),
    ]
    for members, status, code in lies:
        answer = await registry.put("v1", json.dumps(manifest | members).encode())
        assert (answer.status_code, code_of(answer)) == (status, code)
    wrong = await registry.put(digest_of(b"another"), json.dumps(manifest).encode())
    assert (wrong.status_code, code_of(wrong)) == (400, "DIGEST_INVALID")
    assert (await registry.http.get("/v2/app/tags/list")).json() == {"name": "app", "tags": []}


async def test_an_index_needs_its_images(registry: Registry) -> None:
    child = {"mediaType": OCI_MANIFEST, "digest": digest_of(b"?"), "size": 1}
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [child]}
    answer = await registry.http.put(
        "/v2/app/manifests/v1", content=json.dumps(index), headers={"content-type": str(index["mediaType"])}
    )
    assert (answer.status_code, code_of(answer)) == (404, "MANIFEST_BLOB_UNKNOWN")


async def test_a_layer_with_another_digest_leaves_nothing(registry: Registry) -> None:
    for path in ("/v2/app/blobs/uploads/", None):
        where = path or (await registry.http.post("/v2/app/blobs/uploads/")).headers["location"]
        send = registry.http.post if path else registry.http.put
        answer = await send(where, params={"digest": digest_of(b"told")}, content=b"something else")
        assert (answer.status_code, code_of(answer)) == (400, "DIGEST_INVALID")
    assert (registry.files(), registry.uploads()) == ([], [])
    assert await registry.store.view(lambda txn: txn.find(repositories.UPLOAD)) == []


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v2/App/tags/list", 400, "NAME_INVALID"),
        ("GET", "/v2/nobody/tags/list", 404, "NAME_UNKNOWN"),
        ("POST", "/v2/nobody/blobs/uploads/", 404, "NAME_UNKNOWN"),
        ("GET", "/v2/app/manifests/no%20tag", 400, "TAG_INVALID"),
        ("GET", "/v2/app/manifests/nothing", 404, "MANIFEST_UNKNOWN"),
        ("GET", "/v2/app/blobs/sha256:zz", 400, "DIGEST_INVALID"),
        ("GET", f"/v2/app/blobs/{digest_of(b'?')}", 404, "BLOB_UNKNOWN"),
        ("PATCH", "/v2/app/blobs/uploads/store.db", 404, "BLOB_UPLOAD_UNKNOWN"),
        ("PUT", "/v2/app/blobs/uploads/00000000-0000-0000-0000-000000000000", 404, "BLOB_UPLOAD_UNKNOWN"),
        ("GET", "/v2/app/tags/list?n=-1", 400, "PAGINATION_NUMBER_INVALID"),
        ("PATCH", "/v2/app/tags/list", 405, "UNSUPPORTED"),
        ("GET", "/v2/app/nothing", 404, "NOT_FOUND"),
    ],
)
async def test_what_is_not_there_is_told_by_its_code(
    registry: Registry, method: str, path: str, status: int, code: str
) -> None:
    answer = await registry.http.request(method, path)
    assert (answer.status_code, code_of(answer)) == (status, code)


async def test_uploads_cut_midway_by_the_thousand_leave_nothing_behind(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bastide.api.distribution.sessions.KEPT_S", 0.05)
    begun = [await registry.http.post("/v2/app/blobs/uploads/") for _ in range(CUT_UPLOADS // 4)]
    locations = [answer.headers["location"] for answer in begun]
    open_before = open_files()
    await asyncio.to_thread(cut_many, registry, locations)
    later = Sweeper(registry.store, registry.settings, now_s=lambda: time.time() + 1e6)
    until = time.monotonic() + 60
    while registry.uploads() or open_files() > open_before:
        assert time.monotonic() < until
        await asyncio.sleep(0.2)
        await later.sweep()
    assert registry.files() == []
    assert await registry.store.view(lambda txn: txn.find(repositories.UPLOAD)) == []
    assert (await registry.http.get(locations[0])).status_code == 404
    assert await registry.push_blob(b"whole")


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_what_cannot_be_gone_on_with_goes_with_its_client(registry: Registry) -> None:
    line = await asyncio.to_thread(begin_to_send, registry, "POST", WHOLE_AT_ONCE, b"x" * 5000)
    await until(lambda: len(registry.uploads()) == 1)
    line.close()
    await until(lambda: not registry.uploads())
    async with asyncio.timeout(10):
        while await registry.store.view(lambda txn: txn.find(repositories.UPLOAD)):
            await asyncio.sleep(0.02)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


def cut_many(registry: Registry, locations: list[str]) -> None:
    """Clients that are gone in the middle, of uploads in one request and of others."""
    for index in range(CUT_UPLOADS):
        place = ("PATCH", locations[index]) if index < len(locations) else ("POST", WHOLE_AT_ONCE)
        begin_to_send(registry, *place, b"x" * (index * 7 % 5000)).close()


def begin_to_send(
    registry: Registry, method: str, path: str, part: bytes, *, of: int = 1 << 20
) -> socket.socket:
    """Announce so many bytes, and send a part of them."""
    token = base64.b64encode(f"AWS:{registry.password}".encode()).decode()
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Basic {token}\r\nContent-Length: {of}\r\n\r\n"
    )
    line = socket.create_connection(("127.0.0.1", registry.served.port))
    line.sendall(head.encode() + part)
    return line


async def test_an_upload_cut_midway_goes_on_where_it_was(registry: Registry) -> None:
    location = (await registry.http.post("/v2/app/blobs/uploads/")).headers["location"]
    content = os.urandom(300_000)
    half = content[: len(content) // 2]
    (await asyncio.to_thread(begin_to_send, registry, "PATCH", location, half, of=len(content))).close()
    until = asyncio.get_running_loop().time() + 30
    while True:
        shown = await registry.http.get(location)
        size = int(shown.headers["range"].removeprefix("0-")) + 1
        if size == len(half):
            break
        assert asyncio.get_running_loop().time() < until
        await asyncio.sleep(0.05)
    rest = {"content-range": f"{size}-{len(content) - 1}"}
    patched = await registry.http.patch(location, content=content[size:], headers=rest)
    assert patched.status_code == 202
    done = await registry.http.put(location, params={"digest": digest_of(content)})
    assert done.status_code == 201
    assert (await registry.http.get(done.headers["location"])).content == content


async def test_another_upload_takes_a_chunk_only_at_its_end(registry: Registry) -> None:
    location = (await registry.http.post("/v2/app/blobs/uploads/")).headers["location"]
    for told in ("5-9", "nonsense", "0-2"):
        answer = await registry.http.patch(location, content=b"12345", headers={"content-range": told})
        assert (answer.status_code, code_of(answer)) == (416, "BLOB_UPLOAD_INVALID")
    assert (await registry.http.delete(location)).status_code == 204
    assert (await registry.http.get(location)).status_code == 404
    assert registry.uploads() == []


@pytest.mark.real
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
async def test_a_full_disk_is_told_and_leaves_room_again(registry: Registry) -> None:
    folder = registry.settings.registry_folder
    folder.mkdir(exist_ok=True)
    await run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder))
    try:
        location = (await registry.http.post("/v2/app/blobs/uploads/")).headers["location"]
        answer = await registry.http.patch(location, content=os.urandom(8 << 20))
        assert (answer.status_code, code_of(answer)) == (503, "UNAVAILABLE")
        assert "full" in answer.json()["errors"][0]["message"]
        assert registry.uploads() == []
        digest = await registry.push_blob(os.urandom(1 << 20))
        assert (await registry.http.head(f"/v2/app/blobs/{digest}")).status_code == 200
    finally:
        await run("umount", "--lazy", str(folder))

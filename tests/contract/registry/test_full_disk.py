"""A disk without room for another byte: pushes are refused in the registry's words, pulls go on."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.contract.registry.conftest import CONFIG_TYPE, OCI_MANIFEST, code_of, digest_of
from tests.contract.registry.server_process import ServerProcess

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """All of its data on a disk of 32 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", folder], check=True)
    try:
        made = ServerProcess(folder, grace_s=3600)
        try:
            made.start()
            made.create_repository("app")
            yield made
        finally:
            made.remove()
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_pushes_are_refused_pulls_go_on_and_room_is_used_again(server: ServerProcess) -> None:
    layer = os.urandom(1 << 20)
    with server.http() as http:
        assert push(http, "v1", layer).status_code == 201
        filler = server.settings.server_folder / "filler"
        fill(filler)
        for number in range(30):
            refused = push(http, f"more-{number}", os.urandom(2 << 20))
            assert (refused.status_code, code_of(refused)) == (503, "UNAVAILABLE")
        manifest = http.get("/v2/app/manifests/v1").raise_for_status().json()
        assert http.get(f"/v2/app/blobs/{manifest['layers'][0]['digest']}").content == layer
        assert http.get("/v2/app/tags/list").json()["tags"] == ["v1"]
        filler.unlink()
        assert push(http, "v2", os.urandom(2 << 20)).status_code == 201
        assert http.get("/v2/app/tags/list").json()["tags"] == ["v1", "v2"]


def fill(path: Path) -> None:
    """Take all the room there is."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert os.statvfs(path).f_bavail == 0


def push(http: httpx.Client, tag: str, layer: bytes) -> httpx.Response:
    """One layer, which is its own config too: the first refusal, or the manifest's answer."""
    begun = http.post("/v2/app/blobs/uploads/")
    if begun.status_code != 202:
        return begun
    digest = digest_of(layer)
    stored = http.put(begun.headers["location"], params={"digest": digest}, content=layer)
    if stored.status_code != 201:
        return stored
    blob = {"mediaType": CONFIG_TYPE, "digest": digest, "size": len(layer)}
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": blob, "layers": [blob]}
    headers = {"content-type": OCI_MANIFEST}
    return http.put(f"/v2/app/manifests/{tag}", content=json.dumps(manifest), headers=headers)

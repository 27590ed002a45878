"""A server killed while images are pushed: what it answered for is there whole, and nothing of the rest."""

import hashlib
import json
import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.contract.registry.conftest import CONFIG_TYPE, LAYER_TYPE, OCI_MANIFEST, digest_of
from tests.contract.registry.server_process import ServerProcess
from tests.installation import until

GRACE_S = 3  # so short that it is swept while it is pushed to, so long that no push below takes longer
KILLS = 2
PUSHERS = 2
CONFIG = b'{"architecture":"amd64","os":"linux"}'


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerProcess]:
    """With the grace time that is asked for."""
    made = ServerProcess(tmp_path, grace_s=request.param)
    try:
        made.start()
        made.create_repository("app")
        yield made
    finally:
        made.remove()


class Pushes:
    """Clients that push one image after another until they are told to stop, whatever happens to them."""

    def __init__(self, server: ServerProcess) -> None:
        self._http = server.http()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._push_on, args=(n,)) for n in range(PUSHERS)]
        self.answered: dict[str, str] = {}  # tag → digest of the manifest
        for thread in self._threads:
            thread.start()

    def wait_for_more(self, count: int) -> None:
        """Until so many more images have been pushed."""
        wanted = len(self.answered) + count
        until(lambda: len(self.answered) >= wanted, every_s=0.001)

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._http.close()

    def _push_on(self, number: int) -> None:
        for count in range(1_000_000):
            if self._over.is_set():
                return
            try:
                self._push(f"tag-{number}-{count}", os.urandom(random.randrange(1000, 1_000_000)))
            except httpx.HTTPError:
                time.sleep(0.05)

    def _push(self, tag: str, layer: bytes) -> None:
        for blob in (CONFIG, layer):
            begun = self._http.post("/v2/app/blobs/uploads/").raise_for_status()
            place = begun.headers["location"]
            self._http.patch(place, content=blob).raise_for_status()
            self._http.put(place, params={"digest": digest_of(blob)}).raise_for_status()
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": CONFIG_TYPE, "digest": digest_of(CONFIG), "size": len(CONFIG)},
            "layers": [{"mediaType": LAYER_TYPE, "digest": digest_of(layer), "size": len(layer)}],
        }
        manifest = json.dumps(document).encode()
        headers = {"content-type": OCI_MANIFEST}
        path = f"/v2/app/manifests/{tag}"
        self._http.put(path, content=manifest, headers=headers).raise_for_status()
        self.answered[tag] = digest_of(manifest)


@pytest.mark.parametrize("server", [GRACE_S], indirect=True, ids=["swept"])
def test_what_was_answered_is_there_whole_and_nothing_else(server: ServerProcess) -> None:
    pushes = Pushes(server)
    try:
        for _ in range(KILLS):
            pushes.wait_for_more(random.randrange(2, 8))
            server.kill()
            server.start()
    finally:
        pushes.stop()
    with server.http() as http:
        tags = http.get("/v2/app/tags/list").json()["tags"]
        assert set(pushes.answered) <= set(tags)
        used = {digest for tag in tags for digest in pull(http, tag, pushes.answered.get(tag))}
    folder = server.settings.registry_folder
    until(lambda: not list((folder / "uploads").iterdir()) and files(folder) == used, timeout_s=GRACE_S + 20)


@pytest.mark.parametrize("server", [3600], indirect=True, ids=["not-swept"])
def test_an_upload_goes_on_after_the_server_was_killed(server: ServerProcess) -> None:
    content = os.urandom(8 << 20)
    with server.http() as http:
        place = http.post("/v2/app/blobs/uploads/").headers["location"]
        (file,) = (server.settings.registry_folder / "uploads").iterdir()

        def half_of_it() -> Iterator[bytes]:
            yield content[: len(content) // 2]
            until(lambda: file.stat().st_size > 0)
            server.kill()
            yield content[len(content) // 2 :]

        with pytest.raises(httpx.HTTPError):
            http.patch(place, content=half_of_it())
        server.start()
        size = int(http.get(place).headers["range"].removeprefix("0-")) + 1
        assert 0 < size <= len(content) // 2
        rest = {"content-range": f"{size}-{len(content) - 1}"}
        assert http.patch(place, content=content[size:], headers=rest).status_code == 202
        done = http.put(place, params={"digest": digest_of(content)})
        assert done.status_code == 201
        assert http.get(done.headers["location"]).content == content


def pull(http: httpx.Client, tag: str, digest: str | None) -> list[str]:
    """The blobs of an image, each looked at; and that it is the image that was pushed."""
    answer = http.get(f"/v2/app/manifests/{tag}").raise_for_status()
    assert digest in (None, digest_of(answer.content))
    manifest = answer.json()
    found = [one["digest"] for one in (manifest["config"], *manifest["layers"])]
    for each in found:
        content = http.get(f"/v2/app/blobs/{each}").raise_for_status().content
        assert f"sha256:{hashlib.sha256(content).hexdigest()}" == each
    return found


def files(folder: Path) -> set[str]:
    """Digests of the blobs on disk."""
    return {f"sha256:{path.name}" for path in (folder / "blobs" / "sha256").glob("*/*")}

"""Debian's docker-registry, on loopback for a test: a registry that others wrote, and a plain way to push."""

import base64
import http.client
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bastide.host.image_archive.archive import Archive, Blob, open_archive
from bastide.host.image_archive.layouts import parse_images
from tests.containerd_fixture import skip_real
from tests.installation import free_port

CONFIG = """version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""
LOGIN = "auth: {{htpasswd: {{realm: tests, path: {file}}}}}\n"
USERNAME, PASSWORD = "puller", "a word kept well"
HASHED = "$2y$04$oSBB1Vl5PPj4.oLJqNzgOehPGQszk/LeXwybpAXeW0ebNJepy5Uxu"  # as `htpasswd -nbB` prints it
START_TIMEOUT_S = 20.0


class DockerRegistry:
    """One that runs."""

    def __init__(self, port: int, *, login: str | None = None) -> None:
        self.authority = f"127.0.0.1:{port}"
        self._port = port
        self._headers: dict[str, str] = {}
        if login is not None:
            self._headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"

    def push_archive(self, path: Path, name: str, *, tag: str) -> str:
        """The only image of an archive; its digest."""
        with tempfile.TemporaryDirectory() as scratch, open_archive(path, scratch=Path(scratch)) as archive:
            image = parse_images(archive)[0]
            for blob in (*image.layers, image.config):
                self.push_blob(name, blob.digest, _data(archive, blob))
            self.push_manifest(name, tag, image.manifest.media_type, _data(archive, image.manifest))
            return image.manifest.digest

    def push_blob(self, name: str, digest: str, data: bytes) -> None:
        """In one go."""
        place = self._ask("POST", f"/v2/{name}/blobs/uploads/", 202)
        glue = "&" if "?" in place else "?"
        self._ask("PUT", f"{place}{glue}digest={digest}", 201, data, "application/octet-stream")

    def push_manifest(self, name: str, tag: str, media_type: str, data: bytes) -> None:
        """Under a tag; what it names is there already."""
        self._ask("PUT", f"/v2/{name}/manifests/{tag}", 201, data, media_type)

    def is_up(self) -> bool:
        """Whether it answers."""
        try:
            self._ask("GET", "/v2/", 200)
        except OSError:
            return False
        return True

    def _ask(self, method: str, path: str, wanted: int, body: bytes = b"", media_type: str = "") -> str:
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            line.request(
                method,
                path,
                body=body,
                headers=self._headers | ({"Content-Type": media_type} if media_type else {}),
            )
            answer = line.getresponse()
            said = answer.read()
            assert answer.status == wanted, f"{method} {path}: {answer.status} {said[:500]!r}"
            return (answer.getheader("Location") or "").removeprefix(f"http://127.0.0.1:{self._port}")
        finally:
            line.close()


@contextmanager
def docker_registry(*, private: bool = False) -> Iterator[DockerRegistry]:
    """Running in a folder of its own, which goes with it; a private one lets USERNAME in alone."""
    program = shutil.which("docker-registry")
    if program is None:
        skip_real("docker-registry is not installed: tools/setup --dev installs it")
    assert program is not None
    folder, port = Path(tempfile.mkdtemp(prefix="bastide-registry-", dir="/var/tmp")), free_port()
    config = CONFIG.format(folder=folder / "data", port=port)
    if private:
        (folder / "htpasswd").write_text(f"{USERNAME}:{HASHED}\n")
        config += LOGIN.format(file=folder / "htpasswd")
    (folder / "config.yml").write_text(config)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    process = subprocess.Popen(
        [program, "serve", folder / "config.yml"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        registry = DockerRegistry(port, login=f"{USERNAME}:{PASSWORD}" if private else None)
        until = time.monotonic() + START_TIMEOUT_S
        while not registry.is_up():
            assert process.poll() is None, "docker-registry has ended"
            assert time.monotonic() < until, "docker-registry does not answer"
            time.sleep(0.05)
        yield registry
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def _data(archive: Archive, blob: Blob) -> bytes:
    if not blob.member:
        return blob.data
    with archive.open(blob.member) as stream:
        return stream.read()

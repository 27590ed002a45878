"""Pushes and pulls through the registry, and through Debian's docker-registry beside it with the same client.

Images are 1 × 500 MB and 20 × 25 MB of bytes that cannot be compressed further. skopeo pushes from a folder
and pulls into one in memory, so that the client's disk is not measured, both by TLS, which it takes wherever
it is spoken; sixteen curls read at once without. Each round takes every side in turn. The last figure is what
one stream costs at the least: hashed, and copied.
"""

import base64
import gzip
import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.figures import Figure, figure, ratio
from tests.installation import Installation, free_port, until

MIB = 1024 * 1024
SHAPES = {"1 × 500 MB": (1, 500), "20 × 25 MB": (20, 25)}
CLIENTS = 16
MEMORY = Path("/dev/shm")


class Side(NamedTuple):
    """A registry, and how its client is let in."""

    name: str
    host: str  # where it speaks TLS
    plain: str  # where it does not
    credentials: tuple[str, ...]

    def skopeo(self, *argv: str, side: str) -> None:
        """`side` is src or dest: which of the two is the registry."""
        let_in = [f"--{side}-creds", ":".join(self.credentials)] if self.credentials else []
        subprocess.run(["skopeo", "copy", "-q", f"--{side}-tls-verify=false", *let_in, *argv], check=True)

    def curl(self, *paths: str) -> "subprocess.Popen[bytes]":
        """One client that reads and drops all of these."""
        let_in = ["-u", ":".join(self.credentials)] if self.credentials else []
        urls = [word for path in paths for word in ("-o", os.devnull, f"http://{self.plain}{path}")]
        return subprocess.Popen(["curl", "-sSf", *let_in, *urls])


def measure_registry(installation: Installation, *, rounds: int) -> Iterator[list[Figure]]:
    """Push, pull, sixteen pulls: ours, theirs, and how many times as fast ours is."""
    folder = installation.folder / "registry-bench"
    folder.mkdir()
    tls = installation.folder / "data" / installation.instance / "server" / "tls"
    with _docker_registry(folder, tls) as host, _docker_registry(folder, None) as plain:
        answer = installation.client("ecr").get_authorization_token()
        token = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
        password = token.partition(":")[2]
        own = f"127.0.0.1:{installation.environment['BASTIDE_PORT']}"
        sides = (
            Side("bastide", own, own, ("AWS", password)),
            Side("docker-registry", host, plain, ()),
        )
        for shape in SHAPES:
            yield _measure_shape(installation, sides, folder, shape, rounds=rounds)
    shutil.rmtree(folder)


def _measure_shape(
    installation: Installation, sides: tuple[Side, ...], folder: Path, shape: str, *, rounds: int
) -> list[Figure]:
    layers, mebibytes = SHAPES[shape]
    samples: dict[tuple[str, str], list[float]] = {}
    least: list[float] = []
    for number in range(rounds):
        name = f"bench/{layers}-{number}"
        image = folder / f"image-{number}"
        digests = make_image(image, layers, mebibytes)
        installation.aws("ecr", "create-repository", "--repository-name", name)
        for side in sides if number % 2 == 0 else tuple(reversed(sides)):
            for what, act in _acts(side, name, image, digests):
                os.sync()
                samples.setdefault((what, side.name), []).append(_timed(act))
                shutil.rmtree(MEMORY / "bastide-pulled", ignore_errors=True)
        os.sync()
        least.append(_timed(partial(_hash_and_copy, image, folder / "copied")))
        shutil.rmtree(image)
    figures = []
    for what in ("push", "pull", f"{CLIENTS} pulls at once"):
        seconds = [figure(f"{what} {shape}, {side.name}", "s", samples[what, side.name]) for side in sides]
        figures += [*seconds, ratio(f"{what} {shape}: times as fast", seconds[1], seconds[0])]
    return [*figures, figure(f"sha256sum and cp of {shape}", "s", least)]


def _acts(side: Side, name: str, image: Path, digests: list[str]) -> Iterator[tuple[str, Callable[[], None]]]:
    target = f"docker://{side.host}/{name}:latest"
    pulled = f"dir:{MEMORY / 'bastide-pulled'}"
    yield "push", lambda: side.skopeo(f"dir:{image}", target, side="dest")
    yield "pull", lambda: side.skopeo(target, pulled, side="src")
    yield f"{CLIENTS} pulls at once", lambda: _pull_together(side, name, digests)


def _pull_together(side: Side, name: str, digests: list[str]) -> None:
    paths = [f"/v2/{name}/blobs/{digest}" for digest in digests]
    clients = [side.curl(*paths) for _ in range(CLIENTS)]
    assert [client.wait() for client in clients] == [0] * CLIENTS


def _hash_and_copy(image: Path, copy: Path) -> None:
    layers = [str(path) for path in image.iterdir()]
    subprocess.run(["sha256sum", *layers], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(copy, ignore_errors=True)
    subprocess.run(["cp", "-r", image, copy], check=True)


def make_image(folder: Path, layers: int, mebibytes: int) -> list[str]:
    """An image as skopeo keeps it in a folder; the digests of its layers."""
    folder.mkdir()
    noise = os.urandom(MIB)
    described = []
    for layer in range(layers):
        path = folder / "layer"
        with gzip.GzipFile(path, "wb", compresslevel=0, mtime=0) as file:
            for piece in range(mebibytes):
                file.write(os.urandom(16) + bytes([layer % 256, piece % 256]) + noise[18:])
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        path.rename(folder / digest)
        kind = "application/vnd.oci.image.layer.v1.tar+gzip"
        described.append({"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)})
    ids = [layer["digest"] for layer in described]
    rootfs = {"type": "layers", "diff_ids": ids}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode()
    digest = hashlib.sha256(config).hexdigest()
    (folder / digest).write_bytes(config)
    named = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": f"sha256:{digest}",
        "size": len(config),
    }
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": named, "layers": described}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "version").write_text("Directory Transport Version: 1.1\n")
    return [str(one) for one in ids]


@contextmanager
def _docker_registry(folder: Path, tls: Path | None) -> Iterator[str]:
    """With the certificate of a folder, or without TLS; both keep the same blobs."""
    host = f"127.0.0.1:{free_port()}"
    settings = folder / f"registry-{'tls' if tls else 'plain'}.yml"
    pair = f", tls: {{certificate: '{tls / 'server.pem'}', key: '{tls / 'server.key'}'}}" if tls else ""
    settings.write_text(
        f"version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '{host}'{pair}}}\n"
        f"storage: {{filesystem: {{rootdirectory: '{folder / 'docker-registry'}'}}}}\n"
    )
    process = subprocess.Popen(["docker-registry", "serve", settings])
    try:
        until(lambda: _accepts(host))
        yield host
    finally:
        process.terminate()
        process.wait()


def _accepts(host: str) -> bool:
    address, _, port = host.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((address, int(port))) == 0


def _timed(act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began

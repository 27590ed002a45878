"""Pulls from Debian's docker-registry: an image of 400 MB to RUNNING, and one layer of 500 MB for itself.

The image is the demo's with three layers more, which hold half noise and half text, as programs do: 400 MB as
the registry keeps it. The reference for one stream is what cannot be done without: `sha256sum` of the layer,
then a copy of it.
"""

import gzip
import hashlib
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Self

import msgspec

from bastide.host.image_archive.archive import open_archive
from bastide.host.image_archive.layouts import OCI_LAYER, OCI_MANIFEST, parse_images
from benchmarks.figures import Figure, figure
from benchmarks.processes import read_memory
from benchmarks.tasks import Tasks
from tests.contract.images.archives import tar_of
from tests.docker_registry import DockerRegistry, docker_registry
from tests.installation import Installation

LAYERS, LAYER_BYTES = 3, 133_000_000
STREAM_BYTES = 500_000_000
MIB = 1024 * 1024
LOOK_S = 0.05


def measure_pulls(installation: Installation, *, rounds: int) -> list[Figure]:
    """Cold and cached starts, one stream, and what the agent's memory grew by meanwhile."""
    cold: list[float] = []
    cached: list[float] = []
    with docker_registry() as registry:
        image = _push(installation, registry, "large", [_half_noise(LAYER_BYTES) for _ in range(LAYERS)])
        tasks = Tasks(installation, image=image)
        peak = Peak(installation.pid("agent"))
        with peak:
            for _ in range(rounds):
                for found in (cold, cached):
                    took_s, arns = tasks.measure_start()
                    found.append(took_s)
                    tasks.measure_stop(arns)
                installation.bastide("image", "remove", image)
        stream, plain = _measure_stream(installation, registry, rounds=rounds)
    return [
        figure("RunTask to RUNNING, image of 400 MB not here", "s", cold),
        figure("RunTask to RUNNING, the same image again", "s", cached),
        figure("agent's memory at most while it pulls, above before", "MiB", [peak.grown_mib]),
        figure("bastide pull, one layer of 500 MB, with unpacking", "s", stream),
        figure("sha256sum and cp of the same 500 MB", "s", plain),
    ]


def _measure_stream(
    installation: Installation, registry: DockerRegistry, *, rounds: int
) -> tuple[list[float], list[float]]:
    noise = os.urandom(STREAM_BYTES)
    path = installation.folder / "noise"
    path.write_bytes(noise)
    image = _push(installation, registry, "stream", [tar_of({"noise": noise})], is_packed=False)
    stream: list[float] = []
    plain: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        installation.bastide("pull", image)
        stream.append(time.perf_counter() - began)
        installation.bastide("image", "remove", image)
        began = time.perf_counter()
        subprocess.run(["sha256sum", path], check=True, capture_output=True)
        subprocess.run(["cp", path, f"{path}.copy"], check=True)
        plain.append(time.perf_counter() - began)
        Path(f"{path}.copy").unlink()
    path.unlink()
    return stream, plain


def _push(
    installation: Installation,
    registry: DockerRegistry,
    name: str,
    tars: list[bytes],
    *,
    is_packed: bool = True,
) -> str:
    """The demo image with those layers more; its name."""
    with open_archive(installation.demo_archive(), scratch=installation.folder) as archive:
        base = parse_images(archive)[0]
        blobs = {blob.digest: blob.data or archive.read(blob.member) for blob in (base.config, *base.layers)}
        described: dict[str, Any] = msgspec.json.decode(blobs.pop(base.config.digest))
    layers = [_descriptor(blob.media_type, blobs[blob.digest]) for blob in base.layers]
    for tar in tars:
        data = gzip.compress(tar, 1) if is_packed else tar
        described["rootfs"]["diff_ids"].append(_digest(tar))
        layers.append(_descriptor(OCI_LAYER + ("+gzip" if is_packed else ""), data))
        blobs[layers[-1]["digest"]] = data
    described.pop("history", None)
    config = msgspec.json.encode(described)
    blobs[_digest(config)] = config
    for digest, data in blobs.items():
        registry.push_blob(name, digest, data)
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _descriptor(base.config.media_type, config),
        "layers": layers,
    }
    registry.push_manifest(name, "1", OCI_MANIFEST, msgspec.json.encode(document))
    return f"{registry.authority}/{name}:1"


def demo_layer(installation: Installation) -> bytes:
    """The demo image's only layer, as a plain tar."""
    with open_archive(installation.demo_archive(), scratch=installation.folder) as archive:
        return gzip.decompress(archive.read(parse_images(archive)[0].layers[0].member))


def _half_noise(packed_bytes: int) -> bytes:
    """A tar of files of noise and of text, which packs to about so many bytes."""
    noise, text = os.urandom(MIB), b"what programs and their libraries are made of, more or less\n" * 17476
    return tar_of(
        {
            f"f{n}/{k}": d
            for n in range(packed_bytes // MIB)
            for k, d in (("n", _turned(noise, n)), ("t", text))
        }
    )


def _turned(noise: bytes, by: int) -> bytes:
    return noise[by * 7 :] + noise[: by * 7]


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(data), "size": len(data)}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Peak:
    """The most a process has grown by, looked at often."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._before_mib = read_memory(pid).all_mib
        self.grown_mib = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._is_over.wait(LOOK_S):
            self.grown_mib = max(self.grown_mib, read_memory(self._pid).all_mib - self._before_mib)

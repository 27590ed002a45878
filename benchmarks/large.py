"""An image of 10 GB to RUNNING, and what the agent's memory grows by meanwhile.

The layers are made while they are sent: a file each, of noise that repeats every MiB.
"""

import hashlib
import os
import tarfile
import time
from collections.abc import Iterator

from aiohttp import web

from benchmarks.figures import Figure, figure
from benchmarks.pulls import MIB, Peak, demo_layer
from tests.contract.images.archives import LAYER, layout_of
from tests.installation import Installation
from tests.registry import OwnRegistry, Trouble, registry_beside

LAYERS, LAYER_MIB = 10, 1000
TIMEOUT_S = 1800.0


def measure_large(installation: Installation) -> list[Figure]:
    """Once: it takes minutes, and 20 GB of the disk at most."""
    with registry_beside() as registry:
        image = _serve(installation, registry)
        definition = installation.register(
            "large", {"name": "app", "image": image, "command": ["sleep", "1000"]}
        )
        with Peak(installation.pid("agent")) as peak:
            began = time.perf_counter()
            (task,) = installation.run_task(definition)
            installation.wait(task, "RUNNING", timeout_s=TIMEOUT_S)
            took_s = time.perf_counter() - began
        installation.stop(task)
        installation.bastide("image", "remove", image)
    return [
        figure("RunTask to RUNNING, image of 10 GB not here", "s", [took_s]),
        figure("agent's memory at most meanwhile, above before", "MiB", [peak.grown_mib]),
    ]


class MadeLayer:
    """A tar with one large file, as often as it is asked for."""

    def __init__(self, number: int, noise: bytes) -> None:
        header = tarfile.TarInfo(f"large/{number}")
        header.size = LAYER_MIB * MIB
        self._head, self._noise = header.tobuf(tarfile.USTAR_FORMAT), noise
        digest, self.size = hashlib.sha256(), 0
        for piece in self._pieces():
            digest.update(piece)
            self.size += len(piece)
        self.digest = f"sha256:{digest.hexdigest()}"

    def _pieces(self) -> Iterator[bytes]:
        yield self._head
        for _ in range(LAYER_MIB):
            yield self._noise
        yield bytes(1024)

    async def send(self, registry: OwnRegistry, request: web.Request) -> web.StreamResponse:
        """All of it."""
        answer = web.StreamResponse()
        answer.content_length = self.size
        await answer.prepare(request)
        for piece in self._pieces():
            await answer.write(piece)
        return answer


def _serve(installation: Installation, registry: OwnRegistry) -> str:
    """The demo image with the large layers on top; its name."""
    noise = os.urandom(MIB)
    made = [MadeLayer(number, noise) for number in range(LAYERS)]
    registry.troubles += [Trouble(layer.digest, layer.send, left=9) for layer in made]
    more = [(LAYER, layer.digest, layer.size) for layer in made]
    config = {"Env": ["PATH=/bin"]}
    members = layout_of([demo_layer(installation)], config=config, packing=("", bytes), more=more)
    registry.add("large", members)
    return f"{registry.authority}/large:1"

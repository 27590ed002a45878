"""A registry of the tests' own, on loopback: serves what it is given, and fails as it is told.

Speaks just enough of the distribution protocol to be pulled from. Every request is kept, so that a test can
say how often and for what it was asked.
"""

import asyncio
import base64
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.contract.images.archives import digest

Answer = Callable[["OwnRegistry", web.Request], Awaitable[web.StreamResponse]]
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass
class Trouble:
    """What is answered instead to the next requests whose path holds `kind`."""

    kind: str
    answer: Answer
    left: int = 1


class OwnRegistry:
    """Blobs and manifests by repository, and what goes wrong with them."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}  # "app:1" and "app@sha256:…"
        self.requests: list[str] = []  # "GET /v2/…"
        self.ranges: list[str] = []
        self.troubles: list[Trouble] = []
        self.password: str | None = None  # of the user `me`, asked for by Basic
        self.token_url: str | None = None  # then it is Bearer, and this is the realm
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def authority(self) -> str:
        """What an image's name begins with."""
        return f"127.0.0.1:{self.port}"

    def add(self, name: str, members: Mapping[str, bytes], *, tag: str = "1") -> str:
        """The image of an OCI layout; its digest."""
        for path, data in members.items():
            if path.startswith("blobs/"):
                self.blobs[digest(data)] = data
        found = [data for data in members.values() if b'"schemaVersion"' in data and b'"layers"' in data]
        return self.add_manifest(name, found[0], tag=tag)

    def add_manifest(self, name: str, data: bytes, *, tag: str = "1", media_type: str = MANIFEST) -> str:
        """A manifest or index under its tag and its digest, which is returned."""
        for reference in (f"{name}:{tag}", f"{name}@{digest(data)}"):
            self.manifests[reference] = (media_type, data)
        return digest(data)

    def asked_for(self, what: str) -> int:
        """How many requests named it."""
        return sum(what in request for request in self.requests)

    def fail(self, kind: str, make: Callable[[], web.Response], *, times: int = 1) -> None:
        """Answer that to the next requests whose path holds `kind`."""

        async def answer(registry: OwnRegistry, request: web.Request) -> web.StreamResponse:
            return make()

        self.troubles.append(Trouble(kind, answer, times))

    async def start(self, *, tls: ssl.SSLContext | None = None) -> None:
        """Serve until `stop`."""
        app = web.Application()
        app.router.add_get("/token", self._token)
        app.router.add_get("/v2/{name:.+}/{kind:manifests|blobs}/{reference}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=tls)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Let go of the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path_qs}")
        if wanted := request.headers.get("Range"):
            self.ranges.append(wanted)
        if (refused := self._refused(request)) is not None:
            return refused
        for trouble in list(self.troubles):
            if trouble.kind in request.path:
                trouble.left -= 1
                if trouble.left == 0:
                    self.troubles.remove(trouble)
                return await trouble.answer(self, request)
        if request.match_info["kind"] == "manifests":
            return self._manifest(request)
        data = self.blobs.get(request.match_info["reference"])
        if data is None:
            return error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        first = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        return web.Response(status=206 if wanted else 200, body=data[first:])

    def _manifest(self, request: web.Request) -> web.Response:
        name, reference = request.match_info["name"], request.match_info["reference"]
        found = self.manifests.get(f"{name}@{reference}" if ":" in reference else f"{name}:{reference}")
        if found is None:
            return error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        media_type, data = found
        headers = {"Content-Type": media_type, "Docker-Content-Digest": digest(data)}
        return web.Response(body=data, headers=headers)

    def _refused(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("Authorization", "")
        if self.token_url is not None:
            if given == "Bearer good":
                return None
            scope = f"repository:{request.match_info['name']}:pull"
            challenge = f'Bearer realm="{self.token_url}",service="own",scope="{scope}"'
        elif self.password is not None:
            if given == basic(self.password):
                return None
            challenge = 'Basic realm="own",service="own"'
        else:
            return None
        return error(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": challenge})

    async def _token(self, request: web.Request) -> web.Response:
        self.requests.append(f"{request.method} {request.path_qs}")
        if self.password is not None and request.headers.get("Authorization") != basic(self.password):
            return web.json_response({"details": "incorrect username or password"}, status=401)
        return web.json_response({"token": "good", "expires_in": 300})


def basic(password: str) -> str:
    """The header of the user `me`."""
    return f"Basic {base64.b64encode(f'me:{password}'.encode()).decode()}"


def error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """As registries say it."""
    body: dict[str, Any] = {"errors": [{"code": code, "message": message, "detail": None}]}
    return web.json_response(body, status=status, headers=headers)


async def stall(registry: OwnRegistry, request: web.Request) -> web.StreamResponse:
    """Half of a blob, and then nothing more for as long as anybody waits."""
    data = registry.blobs[request.match_info["reference"]]
    answer = web.StreamResponse()
    answer.content_length = len(data)
    await answer.prepare(request)
    await answer.write(data[: len(data) // 2])
    await asyncio.Event().wait()
    return answer


async def cut(registry: OwnRegistry, request: web.Request) -> web.StreamResponse:
    """Half of what is left of a blob, then the line is cut."""
    data = registry.blobs[request.match_info["reference"]]
    first = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
    rest = data[first:]
    answer = web.StreamResponse(status=206 if first else 200)
    answer.content_length = len(rest)
    await answer.prepare(request)
    await answer.write(rest[: len(rest) // 2])
    await asyncio.sleep(0.05)  # so that the half has left
    assert request.transport is not None
    request.transport.abort()
    return answer


@asynccontextmanager
async def own_registry(*, tls: ssl.SSLContext | None = None) -> AsyncIterator[OwnRegistry]:
    """One that runs."""
    registry = OwnRegistry()
    await registry.start(tls=tls)
    try:
        yield registry
    finally:
        await registry.stop()
        await asyncio.sleep(0)


@contextmanager
def registry_beside() -> Iterator[OwnRegistry]:
    """One that runs on a thread of its own, for a test that is not a coroutine."""
    registry, loop = OwnRegistry(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(registry.start(), loop).result(10)
        yield registry
        asyncio.run_coroutine_threadsafe(registry.stop(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

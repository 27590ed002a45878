"""The server's two ASGI applications: the API, and the metrics on a port of their own.

Owns reading a request's body within its limits and nothing of what the request means. A body that is too
large or too slow costs its sender the connection; no request waits for another. What comes below /v2/ is
the registry's (distribution/), which reads and sends as a stream.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from bastide.api.audit import Trail
from bastide.api.connections import passage_of
from bastide.api.distribution import Distribution
from bastide.api.exec import ExecStreams
from bastide.api.gateway import Gateway
from bastide.api.health import Health
from bastide.api.keys.signing import Keys
from bastide.api.metrics import MEDIA_TYPE, Metrics
from bastide.api.registry import SERVICES, Services
from bastide.config import Settings
from bastide.store import Store
from bastide.wire.http import Request, Response, Streamed

OWN_PATHS = "/_bastide/"
REGISTRY_PATHS = "/v2/"
HEALTH_PATH = "/_bastide/health"
METRICS_PATH = "/_bastide/metrics"

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Any], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger(__name__)


class TooLarge(Exception):
    """The body goes beyond the limit."""


class Disconnected(Exception):
    """The client left before its request was whole."""


class App:
    """The API. `metrics_app` goes on a second port, which is not for the world."""

    body_timeout_s = 60.0  # for the whole body

    def __init__(
        self,
        gateway: Gateway,
        health: Health,
        distribution: Distribution,
        metrics_app: Asgi,
        *,
        body_limit_bytes: int,
    ) -> None:
        self._gateway = gateway
        self._health = health
        self._distribution = distribution
        self.streams: ExecStreams | None = None  # of ECS Exec; without it no WebSocket is taken
        self._body_limit_bytes = body_limit_bytes
        self.metrics_app = metrics_app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's entry, a task of its own per request."""
        if scope["type"] == "websocket" and self.streams is not None:
            await self.streams(scope, receive, send, path=scope["path"])
            return
        if scope["type"] != "http":
            return
        if scope["path"].startswith(REGISTRY_PATHS) or scope["path"] == REGISTRY_PATHS[:-1]:
            await self._distribution(scope, receive, send)
            return
        request = _head_of(scope)
        if request.path.startswith(OWN_PATHS):  # of the installation's own, which no task need know
            await _send(send, await self._own_answer(request))
            return
        try:
            async with asyncio.timeout(self.body_timeout_s):
                body = await _read_body(request, receive, self._body_limit_bytes)
        except Disconnected:
            return
        except TimeoutError:
            await _send_last(send, self._gateway.refuse_slow(request))
        except TooLarge:
            await _send_last(send, self._gateway.refuse_large(request))
        else:
            if body:
                request = msgspec.structs.replace(request, body=body)
            answering = self._gateway.answer(request)
            del request, body  # the gateway lets go of them where its answer has to wait
            answer = await answering
            if isinstance(answer, Streamed):
                await _stream(receive, send, answer)
            else:
                await _send(send, answer)

    async def _own_answer(self, request: Request) -> Response:
        if request.vpc_id or request.path != HEALTH_PATH or request.method not in ("GET", "HEAD"):
            return _json(404, {"message": "There is nothing here."})
        try:
            return _json(200, await self._health.read())
        except Exception:
            log.exception("health could not be read")
            return _json(503, {"status": "failed", "message": "The store cannot be read: see the log."})


def create_app(
    store: Store,
    settings: Settings,
    keys: Keys,
    *,
    trail: Trail,
    agents_connected: Callable[[], int] = lambda: 0,
    services: Services = SERVICES,
) -> App:
    """The API over a store; reads the service models, which takes a moment."""
    metrics = Metrics()
    health = Health(store, settings, agents_connected)
    gateway = Gateway(store, settings, keys, metrics, trail=trail, services=services)
    return App(
        gateway,
        health,
        Distribution(store, settings, keys, trail=trail),
        _metrics_app(metrics, health, store),
        body_limit_bytes=settings.body_limit_bytes,
    )


def _metrics_app(metrics: Metrics, health: Health, store: Store) -> Asgi:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] != METRICS_PATH:
            await _send(send, _json(404, {"message": f"Metrics are at {METRICS_PATH}."}))
            return
        metrics.set_store(commits=store.commits, writes=store.commit_jobs)
        metrics.set_tasks(await health.tasks(), agents=health.agents)
        await _send(send, Response(200, {"content-type": MEDIA_TYPE}, metrics.render()))

    return app


def _head_of(scope: Scope) -> Request:
    """The request without its body. Bytes that are no UTF-8 are kept: the signature is over them."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name = raw_name.decode("latin-1").lower()
        value = raw_value.decode("utf-8", "surrogateescape")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    passage = passage_of(scope)
    return Request(
        scope["method"],
        scope["raw_path"].decode("utf-8", "surrogateescape"),
        scope["query_string"].decode("utf-8", "surrogateescape"),
        headers,
        client=scope["client"][0] if scope.get("client") else "",
        is_secure=scope.get("scheme") == "https",
        vpc_id=passage.vpc_id if passage else "",
        endpoint_id=passage.endpoint_id if passage else "",
    )


async def _read_body(request: Request, receive: Receive, limit_bytes: int) -> bytes:
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limit_bytes:
        raise TooLarge
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit_bytes:
            raise TooLarge
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _send(send: Send, response: Response, *, extra: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    if "content-length" not in response.headers:  # else the answer to HEAD: the length GET would have
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": [*headers, *extra]})
    await send({"type": "http.response.body", "body": response.body})


async def _stream(receive: Receive, send: Send, streamed: Streamed) -> None:
    """Send parts as they come, until there are no more or the client leaves."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in streamed.headers.items()]
    await send({"type": "http.response.start", "status": streamed.status, "headers": headers})

    async def pass_on() -> None:
        async with contextlib.aclosing(streamed.parts) as parts:
            async for part in parts:
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    passing, leaving = asyncio.create_task(pass_on()), asyncio.ensure_future(receive())
    try:
        await asyncio.wait((passing, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (passing, leaving):
            task.cancel()
        ends = await asyncio.gather(passing, leaving, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                log.error("an answer broke off", exc_info=end)


async def _send_last(send: Send, response: Response) -> None:
    """Answer, and close the connection: what is left of the request is not read."""
    await _send(send, response, extra=((b"connection", b"close"),))


def _json(status: int, value: Any) -> Response:
    return Response(status, {"content-type": "application/json"}, msgspec.json.encode(value))

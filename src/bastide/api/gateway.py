"""One request from bytes to bytes: verified, parsed, run in one transaction, rendered.

Knows no HTTP server and no operation. Every request gets an answer: what nobody foresaw becomes the
service's 5xx with the request's id, and its traceback goes to the log, once, here.
Concurrency: called on the event loop for many requests at once; only the store's threads run operations.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar
from uuid import uuid4

from bastide.api.addressing import Addressing, check_scope
from bastide.api.audit import Trail, is_read_only
from bastide.api.authorization.authority import Authority, Guard
from bastide.api.authorization.signers import in_region
from bastide.api.exchange import Exchange
from bastide.api.failures import Unbuilt, error_of, internal_error, malformed_error, slow_body_error
from bastide.api.guessing import is_guess
from bastide.api.keys.signing import Keys
from bastide.api.metrics import Metrics
from bastide.api.operation import (
    Context,
    Origin,
    Params,
    Performs,
    Plain,
    Reads,
    Refuses,
    Result,
    Streams,
    WritesOnce,
)
from bastide.api.registry import SERVICES, Services
from bastide.config import Settings
from bastide.model.faults import Unavailable
from bastide.store import Store
from bastide.store.audit.audit_log import NOUN as AUDIT_LOG
from bastide.store.txn import Txn
from bastide.wire import spec
from bastide.wire.chunked import read_chunks
from bastide.wire.codec.claims import Claim
from bastide.wire.codec.eventstream import render_stream
from bastide.wire.http import Request, Response, Streamed, WireError
from bastide.wire.malformed import Malformed, MalformedReason
from bastide.wire.sigv4 import Identity, Refused, RefusedReason, claim_of, verify

LARGE_BODY_BYTES = 1024 * 1024  # hashing and parsing more than this, a few ms, would hold up everybody else

log = logging.getLogger(__name__)

T = TypeVar("T")


class Gateway:
    """Answers requests."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        keys: Keys,
        metrics: Metrics,
        *,
        trail: Trail,
        services: Services = SERVICES,
    ) -> None:
        self._store = store
        self._settings = settings
        self._keys = keys
        self._metrics = metrics
        self._vault = keys.vault
        self._trail = trail
        self._services = services
        self._authority = Authority(store)
        self._addressing = Addressing(services)

    async def answer(self, request: Request) -> Response | Streamed:
        """The response to a request; never raises."""
        started_at = time.perf_counter()
        exchange = Exchange(str(uuid4()))
        error: WireError | None = None
        wait_s = 0.0
        response: Response | Streamed
        try:
            response = await self._run(request, exchange)
        except Exception as escaped:
            error = self._error_of(escaped, request, exchange)
            response = self._render_error(error, request, exchange)
            if is_guess(escaped) and not exchange.is_verified:
                wait_s = self._trail.guessing.wait_s(request.client)
        try:
            await self._trail.note_call(exchange, request, error)
        except Exception as escaped:
            error = self._error_of(escaped, request, exchange)
            response = self._render_error(error, request, exchange)
        self._count(exchange, error, started_at)
        if wait_s:
            del request  # it may be large, and there may be many
            await asyncio.sleep(wait_s)
        return response

    def refuse_slow(self, request: Request) -> Response:
        """The response to a request whose body did not arrive in time."""
        return self._refuse(request, lambda service, family: slow_body_error(family))

    def refuse_large(self, request: Request) -> Response:
        """The response to a request whose body is larger than allowed."""
        limit = self._settings.body_limit_bytes
        malformed = Malformed(MalformedReason.TOO_LARGE, f"Request is larger than {limit} bytes")
        return self._refuse(request, lambda service, family: malformed_error(service, family, malformed))

    async def _run(self, request: Request, exchange: Exchange) -> Response | Streamed:
        now = datetime.now(UTC)
        claim = self._claim(request, exchange)
        exchange.access_key_id, exchange.region = claim.access_key_id, claim.region
        signer = await self._keys.find(claim.access_key_id, claim.token)
        secret = None if signer is None else signer.secret
        identity = await _aside(request, lambda: verify(request, lambda key: secret, now=now, claim=claim))
        assert signer is not None  # or the signature was refused
        exchange.caller = in_region(signer.caller, identity.region)
        request = await _aside(request, partial(_unchunked, request, identity))
        service = await self._addressing.service_of(request, identity)
        exchange.service = service
        exchange.protocol = spec.protocol_for(request, service)
        check_scope(identity, service)
        limit = self._settings.body_limit_bytes
        call = await _aside(
            request,
            lambda: spec.parse(request, service, request_id=exchange.request_id, limit_bytes=limit),
        )
        exchange.operation, exchange.params = call.operation, call.params
        operation = self._services.get(service.name, {}).get(call.operation)
        if operation is None:
            raise Unbuilt(call.operation)
        if isinstance(operation, Refuses):
            operation.run(call.params)
        ctx = Context(
            caller=exchange.caller,
            now=now,
            request_id=exchange.request_id,
            settings=self._settings,
            vault=self._vault,
            origin=Origin(
                address=request.client,
                is_secure=request.is_secure,
                user_agent=request.headers.get("user-agent", ""),
                vpc_id=request.vpc_id,
                endpoint_id=request.endpoint_id,
            ),
        )
        guard = await self._authority.guard(ctx, service.name, call.operation, call.params)
        if not is_read_only(call.operation):
            await self._trail.ready()
        await self._keys.note_use(identity.access_key_id, service.signing_name, ctx)
        if guard is not None and isinstance(operation, Performs | Streams):
            await self._store.view(guard)
        if isinstance(operation, Streams):
            events = await operation.run(self._store, ctx, call.params)
            return render_stream(events, request_id=exchange.request_id)
        exchange.result = await self._perform(operation, ctx, call.params, guard)
        return spec.render(call, exchange.result)

    def _claim(self, request: Request, exchange: Exchange) -> Claim:
        """What a request says of its signature; one without any is refused, some in words of their own."""
        try:
            return claim_of(request)
        except Refused as refused:
            if refused.reason is RefusedReason.MISSING:
                self._refuse_unsigned(request, exchange)
            raise

    def _refuse_unsigned(self, request: Request, exchange: Exchange) -> None:
        """Say to a call that AWS takes unsigned why it is refused here; silent for every other."""
        service = self._addressing.versioned(request)
        if service is None:
            return
        with contextlib.suppress(Malformed):
            call = spec.parse(request, service, limit_bytes=self._settings.body_limit_bytes)
            operation = self._services[service.name].get(call.operation)
            if isinstance(operation, Refuses):
                exchange.operation, exchange.params = call.operation, call.params
                operation.run(call.params)

    async def _perform(self, operation: Plain, ctx: Context, params: Params, guard: Guard | None) -> Result:
        """Run an operation in the kind of transaction it needs, for whoever may."""
        if isinstance(operation, Performs):
            return await operation.run(self._store, ctx, params)
        run = operation.run

        def closure(txn: Txn) -> Result:
            if guard is not None:
                txn.read_ahead(guard)
            return run(txn, ctx, params)

        if isinstance(operation, Reads):
            return await self._store.view(closure)
        if isinstance(operation, WritesOnce):
            return await self._store.view_or_update(closure)
        return await self._store.update(closure)

    def _error_of(self, escaped: Exception, request: Request, exchange: Exchange) -> WireError:
        """What the caller is told; logs whatever was not foreseen."""
        service, family = self._addressing.words_for(request, exchange)
        error = error_of(escaped, service, family, operation=exchange.operation)
        if error is None:
            what = (service, exchange.operation or "request", exchange.request_id)
            log.error("%s %s failed, request %s", *what, exc_info=escaped)
            return internal_error(service, family)
        if isinstance(escaped, Unavailable) and escaped.noun != AUDIT_LOG:  # of that its keeper tells the log
            log.warning("%s %s: %s", service, exchange.operation, escaped)
        return error

    def _refuse(self, request: Request, render: Callable[[str, str], WireError]) -> Response:
        exchange = Exchange(str(uuid4()))
        exchange.note_claim(request)
        error = render(*self._addressing.words_for(request, exchange))
        self._trail.note_refused(exchange, request, error)
        self._count(exchange, error, time.perf_counter())
        return self._render_error(error, request, exchange)

    def _render_error(self, error: WireError, request: Request, exchange: Exchange) -> Response:
        try:
            return spec.render_error(exchange.service, exchange.protocol, error, exchange.request_id)
        except Exception:
            log.exception("an error could not be rendered, request %s", exchange.request_id)
            headers = {"content-type": "text/plain", "x-amzn-requestid": exchange.request_id}
            return Response(500, headers, b"")

    def _count(self, exchange: Exchange, error: WireError | None, started_at: float) -> None:
        service = exchange.service.name if exchange.service is not None else ""
        code = "OK" if error is None else error.code
        self._metrics.count_request(service, exchange.operation, code, time.perf_counter() - started_at)


async def _aside(request: Request, work: Callable[[], T]) -> T:
    """Do work on a request here, or on a thread where its body is large."""
    if len(request.body) > LARGE_BODY_BYTES:
        return await asyncio.to_thread(work)
    return work()


def _unchunked(request: Request, identity: Identity) -> Request:
    """The request with its body in one piece."""
    return request if identity.chunks is None else read_chunks(request, identity.chunks)

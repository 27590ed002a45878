"""The registry's ASGI part: a request below /v2/ to its handler, and whatever goes wrong to an answer.

Paths: OCI distribution spec 1.1, "Endpoints". A repository's name may hold slashes, so a path is read from
its end. Concurrency: a task of its own per request; the store and the folder of blobs keep the order.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from uuid import uuid4

from bastide.api.audit import Trail
from bastide.api.authorization.authority import Authority
from bastide.api.authorization.registry_demands import registry_demands
from bastide.api.authorization.signers import in_region
from bastide.api.distribution import blobs, listings, manifests, uploads
from bastide.api.distribution.access import (
    Access,
    authenticate,
    linked_repository,
    now_utc,
    unauthorized,
)
from bastide.api.distribution.cache.fetching import Fetches
from bastide.api.distribution.errors import (
    INTERNAL,
    LEFT,
    UNAUTHORIZED,
    Refused,
    Row,
    render_errors,
    row_for,
)
from bastide.api.distribution.exchange import Disconnected, Exchange, Receive, Scope, Send, Threads
from bastide.api.distribution.parts import Parts
from bastide.api.distribution.sessions import Sessions
from bastide.api.distribution.told import READING, Told, event_of
from bastide.api.keys.signing import Keys
from bastide.api.operation import Caller, Context
from bastide.config import Settings
from bastide.model.arn import parse_arn, scope_of
from bastide.model.faults import Denied, Fault, Invalid, NotFound, Unavailable, Unsupported
from bastide.permissions import ANYTHING, PrincipalKind
from bastide.store import Store
from bastide.store.registry.blobs import Blobs

ROOT = "/v2/"
NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
NAME_MAX_CHARS = 256
READ_LAYER = "ecr:GetDownloadUrlForLayer"

Handler = Callable[[Parts, Exchange, str, str], Awaitable[None]]  # …, repository's name, what else is named
# How each is done, and the permission it needs: Amazon ECR user guide, "Repository policy examples".
Done = tuple[Handler, str]
_ROUTES: tuple[tuple[re.Pattern[str], Mapping[str, Done]], ...] = (
    (
        re.compile(r"(?P<name>.+)/blobs/uploads/?(?P<rest>)"),
        {"POST": (uploads.begin, "ecr:InitiateLayerUpload")},
    ),
    (
        re.compile(r"(?P<name>.+)/blobs/uploads/(?P<rest>[^/]+)"),
        {
            "GET": (uploads.show, "ecr:UploadLayerPart"),
            "PATCH": (uploads.append, "ecr:UploadLayerPart"),
            "PUT": (uploads.finish, "ecr:CompleteLayerUpload"),
            "DELETE": (uploads.cancel, "ecr:InitiateLayerUpload"),
        },
    ),
    (
        re.compile(r"(?P<name>.+)/blobs/(?P<rest>[^/]+)"),
        {
            "GET": (blobs.read, READ_LAYER),
            "HEAD": (blobs.read, "ecr:BatchCheckLayerAvailability"),
            "DELETE": (blobs.remove, "ecr:BatchDeleteImage"),
        },
    ),
    (
        re.compile(r"(?P<name>.+)/manifests/(?P<rest>[^/]+)"),
        {
            "GET": (manifests.read, "ecr:BatchGetImage"),
            "HEAD": (manifests.read, "ecr:BatchGetImage"),
            "PUT": (manifests.put, "ecr:PutImage"),
            "DELETE": (manifests.remove, "ecr:BatchDeleteImage"),
        },
    ),
    (re.compile(r"(?P<name>.+)/tags/list(?P<rest>)"), {"GET": (listings.tags, "ecr:ListImages")}),
    (
        re.compile(r"(?P<name>.+)/referrers/(?P<rest>[^/]+)"),
        {"GET": (listings.referrers, "ecr:BatchGetImage")},
    ),
    (re.compile(r"(?P<name>)_catalog(?P<rest>)"), {"GET": (listings.catalog, "ecr:DescribeRepositories")}),
    (re.compile(r"(?P<name>)(?P<rest>)"), {"GET": (listings.ping, ""), "HEAD": (listings.ping, "")}),
)

log = logging.getLogger(__name__)


class Distribution:
    """Answers what comes below /v2/."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        keys: Keys,
        *,
        trail: Trail,
        clock: Callable[[], datetime] = now_utc,
    ) -> None:
        self._store = store
        self._settings = settings
        self._keys = keys
        self._vault = keys.vault
        self._trail = trail
        self._clock = clock
        self._authority = Authority(store)
        self._threads = Threads()
        self._blobs = Blobs(settings.registry_folder)
        self._fetches = Fetches()
        self._sessions = Sessions(self._blobs, self._threads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's entry; whatever goes wrong is answered, as long as nothing has been."""
        exchange, told = Exchange(scope, receive, send, self._threads), Told()
        headers: Mapping[str, str] = {}
        try:
            await self._run(exchange, told)
        except Disconnected:
            told.error = LEFT
        except Refused as refused:
            headers = refused.headers
            told.error = refused.row._replace(message=refused.why or refused.row.message)
        except Fault as fault:
            told.error = self._row_of(fault, exchange)
        except Exception:
            told.error = self._failed(exchange)
        with contextlib.suppress(Unavailable):  # what changes something was let begin while there was room
            await self._trail.note(event_of(exchange, told))
        if told.error is not None and told.error is not LEFT:
            if told.error == UNAUTHORIZED and "authorization" in exchange.headers:
                await asyncio.sleep(self._trail.guessing.wait_s(exchange.origin.address))
            await self._refuse(exchange, told.error, headers)

    async def _run(self, exchange: Exchange, told: Told) -> None:
        now = self._clock()
        rest = exchange.path.removeprefix(ROOT.rstrip("/")).removeprefix("/")
        access = linked = self._linked(exchange, rest, now)
        if access is None:
            access = authenticate(self._vault, self._settings, exchange.headers, now=now)
            if await self._keys.has_gone(access.caller):
                raise unauthorized(exchange.headers)
        told.account, _, told.region = access.scope.partition("/")
        told.caller = access.caller if linked is None else None  # a link is anybody's who has it
        handlers, found = _route(rest)
        if exchange.method not in handlers:
            raise Unsupported("method", exchange.method)
        handler, action = handlers[exchange.method]
        name = found["name"]
        told.action, told.name, told.rest = action, name[:NAME_MAX_CHARS], found["rest"][:NAME_MAX_CHARS]
        if name and (len(name) > NAME_MAX_CHARS or not NAME.fullmatch(name)):
            raise Invalid("name", name, why=f"Invalid repository name: '{name[:NAME_MAX_CHARS]}'")
        if linked is None and action:
            await self._check(exchange, access, action, name, now)
        if exchange.method not in READING:
            await self._trail.ready()
        parts = Parts(
            store=self._store,
            settings=self._settings,
            blobs=self._blobs,
            sessions=self._sessions,
            fetches=self._fetches,
            vault=self._vault,
            access=access,
            now_s=round(now.timestamp(), 3),
        )
        await handler(parts, exchange, name, found["rest"])

    async def _check(self, exchange: Exchange, access: Access, action: str, name: str, now: datetime) -> None:
        """Raise Denied unless the caller may; a layer it may not read elsewhere is not mounted from there."""
        ctx = Context(
            caller=in_region(access.caller, access.scope.partition("/")[2]),
            now=now,
            request_id=str(uuid4()),
            settings=self._settings,
            vault=self._vault,
            origin=exchange.origin,
        )
        await self._authority.check_all(ctx.caller, lambda txn: registry_demands(txn, ctx, action, name))
        if "mount" in exchange.query and ctx.caller.kind is not PrincipalKind.ROOT:
            source = exchange.query.get("from", "")
            try:
                await self._authority.check_all(
                    ctx.caller, lambda txn: registry_demands(txn, ctx, READ_LAYER, source or ANYTHING)
                )
            except Denied:
                del exchange.query["mount"]

    def _linked(self, exchange: Exchange, rest: str, now: datetime) -> Access | None:
        """What a link of GetDownloadUrlForLayer gives: one layer of one repository, to read."""
        grant = exchange.query.get("grant")
        if grant is None or exchange.method not in ("GET", "HEAD"):
            return None
        name, _, digest = rest.rpartition("/blobs/")
        arn = parse_arn(linked_repository(self._vault, grant, digest, now=now) or "")
        if arn is None or arn.resource != f"repository/{name}":
            return None
        caller = Caller(account=arn.account, region=arn.region, principal_arn="", user_id="")
        return Access(caller, scope_of(arn.account, arn.region))

    def _row_of(self, fault: Fault, exchange: Exchange) -> Row:
        row = row_for(fault)
        if isinstance(fault, Unavailable):
            log.warning("%s %s: %s", exchange.method, exchange.path, fault)
        return row if row is not None else self._failed(exchange)

    def _failed(self, exchange: Exchange) -> Row:
        request_id = str(uuid4())
        log.exception("%s %s failed, request %s", exchange.method, exchange.path, request_id)
        return INTERNAL._replace(message=f"{INTERNAL.message} Request {request_id}.")

    async def _refuse(self, exchange: Exchange, row: Row, headers: Mapping[str, str]) -> None:
        if exchange.is_started:
            raise ConnectionAbortedError(row.message)  # half an answer is out: the connection has to break
        told = {"content-type": "application/json"} | dict(headers)
        await exchange.answer(row.status, told, render_errors(row))


def _route(rest: str) -> tuple[Mapping[str, Done], re.Match[str]]:
    """What there is at a path; raises NotFound."""
    for pattern, handlers in _ROUTES:
        if found := pattern.fullmatch(rest):
            return handlers, found
    raise NotFound("page", rest)

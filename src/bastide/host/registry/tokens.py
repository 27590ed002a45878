"""What goes into `Authorization`: Basic, or a Bearer token fetched where the registry's challenge says.

Tokens are kept until shortly before they end, apart for every registry, repository and credentials.
"""

import base64
import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import msgspec

from bastide.host.ports import Credentials
from bastide.host.registry.challenges import Challenge
from bastide.host.registry.connections import Connections
from bastide.host.registry.endpoints import Endpoint
from bastide.host.registry.faults import (
    DENIED,
    NO_CREDENTIALS,
    Trouble,
    trouble_with_line,
    trouble_with_status,
)

LIFE_S = 60.0  # of a token that does not say (Docker's token specification)
SPARE_S = 10.0
KEPT_MAX = 1024
ANSWER_MAX_BYTES = 1024 * 1024

Key = tuple[str, str, bytes]


class Tokens:
    """Of one agent; used on one event loop only."""

    def __init__(self, connections: Connections, *, now: Callable[[], float] = time.monotonic) -> None:
        self._connections = connections
        self._now = now
        self._kept: dict[Key, tuple[str, float]] = {}

    def find(self, endpoint: Endpoint, path: str, credentials: Credentials | None) -> str | None:
        """What worked before, unless its time is over."""
        header, ends_at = self._kept.get(_key(endpoint, path, credentials), ("", 0.0))
        return header if self._now() < ends_at else None

    def forget(self, endpoint: Endpoint, path: str, credentials: Credentials | None) -> None:
        """It was refused."""
        self._kept.pop(_key(endpoint, path, credentials), None)

    async def obtain(
        self,
        endpoint: Endpoint,
        path: str,
        credentials: Credentials | None,
        challenges: Sequence[Challenge],
    ) -> str:
        """The header that answers one of the challenges. Raises Trouble when none can be answered."""
        by_scheme = {each.scheme: each for each in challenges}
        if bearer := by_scheme.get("bearer"):
            header, life_s = await self._fetch(endpoint, path, credentials, bearer)
        elif "basic" not in by_scheme:
            raise Trouble(f"{DENIED}: the registry asks for no known kind of authorization")
        elif credentials is None:
            raise Trouble(f"{DENIED}: {NO_CREDENTIALS}")
        else:
            header, life_s = _basic(credentials), LIFE_S
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
        self._kept[_key(endpoint, path, credentials)] = (header, self._now() + life_s)
        return header

    async def _fetch(
        self, endpoint: Endpoint, path: str, credentials: Credentials | None, challenge: Challenge
    ) -> tuple[str, float]:
        realm = challenge.parameters.get("realm", "")
        wanted = "https" if endpoint.url.startswith("https:") else ("https", "http")
        if urlsplit(realm).scheme not in wanted or not urlsplit(realm).hostname:
            raise Trouble(f"{DENIED}: the registry's authorization service {realm[:200]!r} is no safe URL")
        query = {"scope": challenge.parameters.get("scope") or f"repository:{path}:pull"}
        if service := challenge.parameters.get("service"):
            query["service"] = service
        headers = {} if credentials is None else {"Authorization": _basic(credentials)}
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}"
        elsewhere = msgspec.structs.replace(endpoint, address="")
        own = urlsplit(realm).netloc == urlsplit(endpoint.url).netloc
        try:
            async with await self._connections.ask(
                endpoint if own else elsewhere, "GET", url, headers
            ) as answer:
                body = await answer.content.read(ANSWER_MAX_BYTES)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise trouble_with_line(error, method="GET", url=realm) from error
        if answer.status in (401, 403):
            said = "no credentials were given" if credentials is None else "incorrect username or password"
            raise Trouble(f"{DENIED}: failed to authorize: {answer.status} from {realm}: {said}")
        if answer.status != 200:
            raise trouble_with_status(
                answer.status, method="GET", url=realm, headers=answer.headers, body=body
            )
        return _token(body, realm)


def _token(body: bytes, realm: str) -> tuple[str, float]:
    try:
        document: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        document = None
    given = document if isinstance(document, dict) else {}
    token, life_s = given.get("token") or given.get("access_token"), given.get("expires_in")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise Trouble(f"{DENIED}: {realm} gave no token")
    return f"Bearer {token}", max(life_s if isinstance(life_s, int) else LIFE_S, LIFE_S) - SPARE_S


def _basic(credentials: Credentials) -> str:
    pair = f"{credentials.username}:{credentials.password}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def _key(endpoint: Endpoint, path: str, credentials: Credentials | None) -> Key:
    who = b"" if credentials is None else hashlib.sha256(_basic(credentials).encode()).digest()
    return endpoint.url, path, who

"""A registry client, just enough to read: token and basic authentication, redirects, manifests, blobs.

Blocking inside, on threads: a blob goes from the socket to the disk in pieces. Credentials and tokens are
sent to the registry and to the place it names for tokens, never to where a redirect leads.
"""

import asyncio
import base64
import http.client
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec

from bastide.api.distribution.cache.credentials import Credentials
from bastide.model.registry.manifest import MAX_BYTES, MEDIA_TYPES
from bastide.store.registry.blobs import Incoming

TIMEOUT_S = 30.0
REDIRECTS_MAX = 5
PIECE_BYTES = 1024 * 1024
TOKEN_MAX_BYTES = 1024 * 1024
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_LOOPBACK = re.compile(r"(?:localhost|127\.[0-9.]+|\[::1\])(?::\d+)?")


class UpstreamFailed(Exception):
    """The other registry did not give what was asked; `status` is its answer's, 0 without one."""

    def __init__(self, why: str, status: int = 0) -> None:
        super().__init__(why)
        self.status = status


class Fetched(NamedTuple):
    """A manifest as it came."""

    content: bytes
    media_type: str


class Upstream:
    """One registry; used for one repository's pull."""

    def __init__(self, host: str, credentials: Credentials | None) -> None:
        self._host = host
        self._credentials = credentials
        self._authorization = ""
        # As docker does: plain HTTP on this machine, TLS for all others.
        self._base = f"{'http' if _LOOPBACK.fullmatch(host) else 'https'}://{host}"

    async def ping(self) -> None:
        """Raises UpstreamFailed unless it answers us as a registry."""
        await asyncio.to_thread(self._ping)

    async def manifest(self, name: str, reference: str) -> Fetched:
        """Raises UpstreamFailed."""
        return await asyncio.to_thread(self._manifest, name, reference)

    async def blob(self, name: str, digest: str, into: Incoming) -> None:
        """Append the blob. Raises UpstreamFailed."""
        await asyncio.to_thread(self._blob, name, digest, into)

    def _ping(self) -> None:
        with self._get("/v2/", {}):
            pass

    def _manifest(self, name: str, reference: str) -> Fetched:
        with self._get(f"/v2/{name}/manifests/{reference}", {"accept": ", ".join(MEDIA_TYPES)}) as answer:
            content = answer.read(MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                raise UpstreamFailed(f"{self._host} sent a manifest larger than {MAX_BYTES} bytes")
            return Fetched(content, answer.getheader("content-type") or "")

    def _blob(self, name: str, digest: str, into: Incoming) -> None:
        with self._get(f"/v2/{name}/blobs/{digest}", {}) as answer:
            while piece := answer.read(PIECE_BYTES):
                into.write([piece])

    @contextmanager
    def _get(self, path: str, headers: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
        """A good answer to GET, after a challenge and some redirects."""
        url, has_answered = f"{self._base}{path}", False
        for _ in range(REDIRECTS_MAX):
            told = dict(headers)
            if self._authorization and url.startswith(f"{self._base}/"):
                told["authorization"] = self._authorization
            with _request(url, told) as answer:
                if answer.status == 200:
                    yield answer
                    return
                if answer.status == 401 and not has_answered:
                    has_answered = True
                    self._answer(answer.getheader("www-authenticate") or "")
                elif answer.status in (301, 302, 303, 307, 308):
                    url = _redirected(url, answer.getheader("location") or "")
                else:
                    raise UpstreamFailed(f"{self._host} answered {answer.status} for {path}", answer.status)
        raise UpstreamFailed(f"{self._host} redirects without end")

    def _answer(self, challenge: str) -> None:
        """Take a token, or put the name and its proof, for the next try."""
        scheme = challenge.partition(" ")[0].lower()
        if scheme == "basic" and self._credentials is not None:
            self._authorization = _basic(self._credentials)
        elif scheme == "bearer":
            self._authorization = f"Bearer {self._take_token(dict(_CHALLENGE.findall(challenge)))}"
        else:
            raise UpstreamFailed(f"{self._host} wants credentials", 401)

    def _take_token(self, challenge: Mapping[str, str]) -> str:
        asked = {name: challenge[name] for name in ("service", "scope") if name in challenge}
        url = f"{challenge.get('realm', '')}?{urlencode(asked)}"
        if not url.startswith("https://") and not url.startswith(f"{self._base}/"):
            raise UpstreamFailed(f"{self._host} gives tokens at no place to be trusted")
        headers = {} if self._credentials is None else {"authorization": _basic(self._credentials)}
        with _request(url, headers) as answer:
            if answer.status != 200:
                raise UpstreamFailed(f"{self._host} gave no token: {answer.status}", 401)
            try:
                told = msgspec.json.decode(answer.read(TOKEN_MAX_BYTES))
                return str(told.get("token") or told["access_token"])
            except (msgspec.MsgspecError, KeyError, AttributeError) as error:
                raise UpstreamFailed(f"{self._host} gave no token") from error


@contextmanager
def _request(url: str, headers: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(parts.netloc, timeout=TIMEOUT_S, context=context)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_S)
    try:
        path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        connection.request("GET", path, headers=dict(headers))
        yield connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        raise UpstreamFailed(f"{parts.netloc} cannot be reached: {error}") from error
    finally:
        connection.close()


def _redirected(url: str, location: str) -> str:
    to = urljoin(url, location)
    if urlsplit(to).scheme != "https" and urlsplit(to).netloc != urlsplit(url).netloc:
        raise UpstreamFailed(f"{urlsplit(url).netloc} redirects to a place without TLS")
    return to


def _basic(credentials: Credentials) -> str:
    text = f"{credentials.username}:{credentials.token}".encode()
    return f"Basic {base64.b64encode(text).decode()}"

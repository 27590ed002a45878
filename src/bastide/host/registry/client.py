"""The registry's protocol as a puller speaks it (OCI distribution specification 1.1, "Pull").

Asks mirrors first, answers challenges, tries again where that helps, and takes up a broken layer where it
broke. Sizes are checked here, digests of documents too; a layer's digest is checked by whoever stores it.
Any number of calls may run at once, on one event loop.
"""

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping

import aiohttp
import msgspec

from bastide.host.image_archive.archive import DOCUMENT_MAX_BYTES, Blob
from bastide.host.image_archive.layouts import INDEXES, MANIFESTS
from bastide.host.ports import Credentials
from bastide.host.registry.attempts import Attempts, Sleep, content_attempts, manifest_attempts
from bastide.host.registry.challenges import parse_challenges
from bastide.host.registry.connections import TIMEOUT, Connections
from bastide.host.registry.endpoints import Endpoint, Registries
from bastide.host.registry.faults import (
    DENIED,
    Trouble,
    registry_message,
    trouble_with_line,
    trouble_with_status,
)
from bastide.host.registry.tokens import Tokens
from bastide.model.container.image_name import ImageName

MANIFEST_MAX_BYTES = 4 * 1024 * 1024  # what a registry must take, by the specification
CHUNK_BYTES = 512 * 1024  # handed on at once
ERROR_MAX_BYTES = 64 * 1024
ACCEPT = ", ".join((*INDEXES, *MANIFESTS))
LINE_ERRORS = (aiohttp.ClientError, TimeoutError, OSError)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Something of a repository."""

    name: ImageName
    place: str  # below the repository: manifests/latest
    credentials: Credentials | None
    headers: Mapping[str, str] = {}


class RegistryClient:
    """One for all registries."""

    def __init__(
        self,
        registries: Registries,
        *,
        sleep: Sleep = asyncio.sleep,
        timeout: aiohttp.ClientTimeout = TIMEOUT,
    ) -> None:
        self._registries = registries
        self._connections = Connections(timeout=timeout)
        self._tokens = Tokens(self._connections)
        self._sleep = sleep

    async def close(self) -> None:
        """Hang up everywhere."""
        await self._connections.close()

    async def resolve(self, name: ImageName, credentials: Credentials | None) -> Blob:
        """What the name stands for now: a manifest or an index. Raises PullFailed."""
        attempts = manifest_attempts(str(name), sleep=self._sleep)
        wanted = _manifest_wanted(name, name.digest or name.tag, credentials)
        async with await self._open(wanted, attempts, method="HEAD") as answer:
            media_type, size = answer.content_type, answer.headers.get("Content-Length", "")
            digest = answer.headers.get("Docker-Content-Digest", "")
        if is_digest(digest) and size.isdecimal() and media_type in (*INDEXES, *MANIFESTS):
            return Blob(media_type=media_type, digest=digest, size=int(size))
        body, media_type = await self._read_document(wanted, attempts, limit=MANIFEST_MAX_BYTES)
        return Blob(media_type=media_type, digest=_digest(body), size=len(body))

    async def read_manifest(self, name: ImageName, digest: str, credentials: Credentials | None) -> bytes:
        """A manifest's or index's bytes, checked. Raises PullFailed."""
        attempts = manifest_attempts(str(name), sleep=self._sleep)
        wanted = _manifest_wanted(name, digest, credentials)
        body, _ = await self._read_document(wanted, attempts, limit=MANIFEST_MAX_BYTES)
        return _checked(body, digest, attempts)

    async def read_config(self, name: ImageName, digest: str, credentials: Credentials | None) -> bytes:
        """A config's bytes, checked. Raises PullFailed."""
        attempts = content_attempts(str(name), sleep=self._sleep)
        wanted = Wanted(name=name, place=f"blobs/{digest}", credentials=credentials)
        body, _ = await self._read_document(wanted, attempts, limit=DOCUMENT_MAX_BYTES)
        return _checked(body, digest, attempts)

    async def stream(
        self, name: ImageName, blob: Blob, credentials: Credentials | None, *, done: int = 0
    ) -> AsyncGenerator[bytes, None]:
        """A layer's bytes behind the first `done`, as many as its descriptor says. Raises PullFailed.

        Goes on where a line broke.
        """
        attempts = content_attempts(str(name), sleep=self._sleep)
        place = f"blobs/{blob.digest}"
        while done < blob.size:
            headers = {"Range": f"bytes={done}-"} if done else {}
            wanted = Wanted(name=name, place=place, credentials=credentials, headers=headers)
            try:
                async with await self._open(wanted, attempts) as answer:
                    # Who knows no ranges sends all of it again.
                    async for chunk in _chunks(answer, skip=0 if answer.status == 206 else done):
                        done += len(chunk)
                        if done > blob.size:
                            why = f"{blob.digest} is larger than the {blob.size} bytes its manifest says"
                            raise attempts.failure(why)
                        yield chunk
                        attempts.renew()
                if done < blob.size:
                    why = f"{blob.digest} ends after {done} of {blob.size} bytes: unexpected EOF"
                    raise Trouble(why, is_passing=True)
            except Trouble as trouble:
                await attempts.bear(trouble)

    async def _read_document(self, wanted: Wanted, attempts: Attempts, *, limit: int) -> tuple[bytes, str]:
        while True:
            body = bytearray()
            try:
                async with await self._open(wanted, attempts) as answer:
                    async for chunk in _chunks(answer, skip=0):
                        body += chunk
                        if len(body) > limit:
                            raise attempts.failure(f"{wanted.place} is larger than {limit} bytes")
                return bytes(body), answer.content_type
            except Trouble as trouble:
                await attempts.bear(trouble)

    async def _open(
        self, wanted: Wanted, attempts: Attempts, *, method: str = "GET"
    ) -> aiohttp.ClientResponse:
        """A good answer to the request, from a mirror or the registry itself. Raises PullFailed."""
        *mirrors, itself = self._registries.endpoints(wanted.name.registry)
        for mirror in mirrors:
            with contextlib.suppress(Trouble):  # the next one may do better
                return await self._ask(mirror, wanted, method)
        while True:
            try:
                return await self._ask(itself, wanted, method)
            except Trouble as trouble:
                await attempts.bear(trouble)

    async def _ask(self, endpoint: Endpoint, wanted: Wanted, method: str) -> aiohttp.ClientResponse:
        """One try, with the authorization that is asked for. Raises Trouble."""
        path, credentials = wanted.name.path, wanted.credentials
        answer = await self._send(endpoint, wanted, method, self._tokens.find(endpoint, path, credentials))
        if answer.status == 401:
            async with answer:
                challenges = parse_challenges(answer.headers.getall("WWW-Authenticate", ()))
            self._tokens.forget(endpoint, path, credentials)
            header = await self._tokens.obtain(endpoint, path, credentials, challenges)
            answer = await self._send(endpoint, wanted, method, header)
        if answer.status in (200, 206):
            return answer
        async with answer:
            raise await _trouble(answer, wanted, method)

    async def _send(
        self, endpoint: Endpoint, wanted: Wanted, method: str, authorization: str | None
    ) -> aiohttp.ClientResponse:
        url = f"{endpoint.url}/v2/{wanted.name.path}/{wanted.place}"
        headers = dict(wanted.headers)
        if authorization is not None:
            headers["Authorization"] = authorization
        asked = f"{url}?ns={endpoint.namespace}" if endpoint.namespace else url  # as containerd asks mirrors
        try:
            return await self._connections.ask(endpoint, method, asked, headers)
        except LINE_ERRORS as error:
            raise trouble_with_line(error, method=method, url=url) from error


def is_digest(text: str) -> bool:
    """Whether it is one that containerd takes."""
    return _DIGEST.fullmatch(text) is not None


async def _chunks(answer: aiohttp.ClientResponse, *, skip: int) -> AsyncIterator[bytes]:
    """The body in pieces worth handing on, the first `skip` bytes left out. Raises Trouble."""
    held: list[bytes] = []
    size = 0
    try:
        async for piece in answer.content.iter_any():
            if skip:
                skip, piece = max(0, skip - len(piece)), piece[skip:]
            held.append(piece)
            size += len(piece)
            if size >= CHUNK_BYTES:
                yield b"".join(held)
                held, size = [], 0
    except LINE_ERRORS as error:
        if size:  # what came before the break counts
            yield b"".join(held)
        raise trouble_with_line(error, method="GET", url=_shown(answer)) from error
    if size:
        yield b"".join(held)


async def _trouble(answer: aiohttp.ClientResponse, wanted: Wanted, method: str) -> Trouble:
    try:
        body = await answer.content.read(ERROR_MAX_BYTES)
    except LINE_ERRORS:
        body = b""
    if answer.status == 404 and wanted.place.startswith("manifests/"):
        return Trouble(f"{wanted.name}: not found")
    if answer.status in (401, 403):
        said = registry_message(body) or f"{answer.status} {answer.reason}"
        return Trouble(f"{DENIED}: server message: {said}")
    url, headers = _shown(answer), answer.headers
    return trouble_with_status(answer.status, method=method, url=url, headers=headers, body=body)


def _manifest_wanted(name: ImageName, reference: str, credentials: Credentials | None) -> Wanted:
    place, headers = f"manifests/{reference}", {"Accept": ACCEPT}
    return Wanted(name=name, place=place, credentials=credentials, headers=headers)


def _checked(body: bytes, digest: str, attempts: Attempts) -> bytes:
    if _digest(body) != digest:
        raise attempts.failure(f"what the registry sent as {digest} has the digest {_digest(body)}")
    return body


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _shown(answer: aiohttp.ClientResponse) -> str:
    """Where the answer came from; a query may hold a signature."""
    return str(answer.url.with_query(None).with_user(None))

"""HTTP to registries: kept connections, one pool for each set of believed certificates, proxies as usual.

Proxies are those of the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY). Used on one event loop only.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from bastide import __version__
from bastide.host.registry.endpoints import Endpoint
from bastide.model.faults import Invalid

TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=15.0, sock_read=30.0)
BUFFER_BYTES = 256 * 1024  # per connection; twice that is held before the line is stopped
REDIRECTS_MAX = 5
HEADERS: Mapping[str, str] = {"User-Agent": f"bastide/{__version__}", "Accept-Encoding": "identity"}


class Connections:
    """Opened when first needed; `close` ends them all."""

    def __init__(self, *, timeout: aiohttp.ClientTimeout = TIMEOUT) -> None:
        self._timeout = timeout
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._addresses: dict[str, str] = {}

    async def ask(
        self, endpoint: Endpoint, method: str, url: str, headers: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        """The head of the answer; its body is the caller's to read, in an `async with`.

        Raises aiohttp's errors, OSError and TimeoutError; Invalid for a bad CA file.
        """
        if endpoint.address:
            self._addresses[urlsplit(endpoint.url).hostname or ""] = endpoint.address
        return await self._session(endpoint.ca).request(
            method,
            url,
            headers=headers,
            proxy=None if endpoint.address else _proxy_for(url),
            max_redirects=REDIRECTS_MAX,
        )

    async def close(self) -> None:
        """Hang up everywhere."""
        await asyncio.gather(*(session.close() for session in self._sessions.values()))
        self._sessions.clear()

    def _session(self, ca: str) -> aiohttp.ClientSession:
        if ca not in self._sessions:
            connector = aiohttp.TCPConnector(
                ssl=_trusting(ca), resolver=_Resolver(self._addresses), limit=0, ttl_dns_cache=30
            )
            self._sessions[ca] = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                headers=HEADERS,
                auto_decompress=False,  # a digest is of the bytes as they are stored
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=BUFFER_BYTES,
            )
        return self._sessions[ca]


class _Resolver(AbstractResolver):
    """The system's, but for names of ours."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = addresses
        self._system = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = self._addresses.get(host)
        if address is None:
            return await self._system.resolve(host, port, family)
        found = socket.AF_INET6 if ":" in address else socket.AF_INET
        flags = socket.AI_NUMERICHOST
        return [ResolveResult(hostname=host, host=address, port=port, family=found, proto=0, flags=flags)]

    async def close(self) -> None:
        await self._system.close()


def _trusting(ca: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca:
        try:
            context.load_verify_locations(cafile=Path(ca))
        except (OSError, ssl.SSLError) as error:
            raise Invalid("setting", "registries_file", why=f"{ca} holds no certificates: {error}") from error
    return context


def _proxy_for(url: str) -> str | None:
    parts = urlsplit(url)
    proxies = getproxies_environment()
    if parts.hostname is None or proxy_bypass(parts.hostname):
        return None
    return proxies.get(parts.scheme)

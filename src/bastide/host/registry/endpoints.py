"""Where a registry's name leads: mirrors, its own address, which certificates are believed.

`registries.toml` holds a table a registry; it is read anew for every image, so a change needs no restart:

    ["docker.io"]
    mirrors = ["https://mirror.example"]   # asked first; what they lack comes from the registry itself
    ca = "/etc/ssl/example-ca.pem"         # believed beside the system's
    plain_http = false                     # true: no TLS; loopback has none unless this says false
"""

import ipaddress
import tomllib
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from bastide.model.faults import Invalid

DOCKER_HUB, DOCKER_HUB_ADDRESS = "docker.io", "registry-1.docker.io"


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One place that speaks the registry's protocol."""

    url: str  # scheme and authority, no slash at the end
    ca: str = ""  # a file of certificates beside the system's
    address: str = ""  # where the name leads, if not where the resolver says
    namespace: str = ""  # for a mirror: the registry it stands for


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file says of one registry."""

    mirrors: tuple[str, ...] = ()
    ca: str = ""
    plain_http: bool | None = None


class OwnRegistry(Protocol):
    """The installation's own ECR, reached without any setting."""

    def endpoint(self, registry: str) -> Endpoint | None:
        """None when the name is not ours."""


class Registries:
    """Names to endpoints."""

    def __init__(self, file: Path, *, own: OwnRegistry | None = None) -> None:
        self._file = file
        self._own = own

    def endpoints(self, registry: str) -> list[Endpoint]:
        """Mirrors in their order, then the registry itself. Invalid when the file is wrong."""
        if self._own is not None and (own := self._own.endpoint(registry)) is not None:
            return [own]
        table = self._read().get(registry, Table())
        authority = DOCKER_HUB_ADDRESS if registry == DOCKER_HUB else registry
        is_plain = _is_loopback(authority) if table.plain_http is None else table.plain_http
        itself = Endpoint(url=f"{'http' if is_plain else 'https'}://{authority}", ca=table.ca)
        mirrors = [Endpoint(url=url.rstrip("/"), ca=table.ca, namespace=registry) for url in table.mirrors]
        return [*mirrors, itself]

    def _read(self) -> dict[str, Table]:
        try:
            document = tomllib.loads(self._file.read_text())
            tables = msgspec.convert(document, dict[str, Table])
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            said = error.strerror if isinstance(error, OSError) else error
            raise Invalid("setting", "registries_file", why=f"{self._file}: {said}") from error
        for table in tables.values():
            for url in table.mirrors:
                if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
                    why = f"{self._file}: the mirror {url!r} is no URL of http or https"
                    raise Invalid("setting", "registries_file", why=why)
        return tables


def _is_loopback(authority: str) -> bool:
    host = urlsplit(f"//{authority}").hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

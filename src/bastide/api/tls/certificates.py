"""The certificate that is shown, and its renewal while the server runs: connections already open keep theirs.

The user's own by the settings `tls_certificate` and `tls_key`, read anew when the file changes; else one of
the installation's authority for every name it is reached by, made anew a month before it ends.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bastide.api.ec2.places.regions import REGIONS
from bastide.api.tls.authority import Authority, names_in, tls_folder
from bastide.config import Settings
from bastide.files import write_whole
from bastide.model.faults import Invalid

RENEWED_BEFORE = timedelta(days=30)
LOOKED_AT_EVERY_S = 3600.0
LOOPBACK = ("127.0.0.1", "::1")
ANY_ADDRESS = ("0.0.0.0", "::")

log = logging.getLogger(__name__)


def server_names(settings: Settings) -> list[str]:
    """Every name and address a client may use: a wildcard stands for one label only, the account."""
    regions = sorted({*REGIONS, settings.region})
    registries = [f"*.dkr.ecr.{region}.{settings.registry_domain}" for region in regions]
    own = [] if settings.host in (*ANY_ADDRESS, *LOOPBACK) else [settings.host]
    return ["localhost", *LOOPBACK, *own, *registries]


class Certificates:
    """What TLS connections of this server show."""

    def __init__(
        self, settings: Settings, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._settings = settings
        self._now = now
        self._is_users = bool(settings.tls_certificate)
        folder = tls_folder(settings)
        self._certificate = Path(settings.tls_certificate) if self._is_users else folder / "server.pem"
        self._key = Path(settings.tls_key) if self._is_users else folder / "server.key"
        self._loaded: object = None
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Every suite that is offered is strong, so the client chooses: it knows what is fast for it.
        self.context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
        self.refresh()

    def refresh(self) -> None:
        """Make or read what is to be shown now. Raises Invalid for a user's file that cannot be used."""
        if not self._is_users:
            self._ensure_own()
        try:
            stamp = self._certificate.stat().st_mtime_ns, self._key.stat().st_mtime_ns
            if stamp != self._loaded:
                self.context.load_cert_chain(self._certificate, self._key)
                self._loaded = stamp
        except (OSError, ssl.SSLError) as error:
            why = (
                f"The certificate {self._certificate} with the key {self._key} cannot be used: {error}. The "
                f"user {self._settings.server_user} has to be able to read both."
            )
            raise Invalid("certificate", str(self._certificate), why=why) from error

    async def run(self) -> None:
        """Keep it fresh until cancelled."""
        while True:
            await asyncio.sleep(LOOKED_AT_EVERY_S)
            try:
                await asyncio.to_thread(self.refresh)
            except Invalid as error:
                log.warning("the certificate before stays in use: %s", error)

    def _ensure_own(self) -> None:
        names, now = server_names(self._settings), self._now()
        roots = ["localhost", *LOOPBACK, self._settings.registry_domain]
        if names[3] not in roots and not names[3].startswith("*"):
            roots.append(names[3])
        authority = Authority.ensure(self._settings, roots, now=now)
        if self._key.exists() and self._certificate.exists():
            told, ends_at = names_in(self._certificate.read_bytes())
            if told == set(names) and ends_at - now > RENEWED_BEFORE:
                return
        key, certificate = authority.issue(names, now=now)
        write_whole(self._key, key)
        write_whole(self._certificate, certificate)

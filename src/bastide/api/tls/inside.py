"""The certificates that clients inside VPCs are shown, by the name they ask for.

They are of an authority that only tasks are told to trust: it may sign for AWS's own names too, as a VPC
endpoint answers to these. Each name gets a certificate of its own when it is first asked for, and so a task
that trusts an earlier set of names goes on. Used from the server's event loop only.
"""

import ssl
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bastide.api.tls.authority import Authority, tls_folder
from bastide.config import Settings
from bastide.model.network import API_IP
from bastide.model.network.names import API_NAME, AWS_DOMAIN

STEM = "inside-ca"
RENEWED_AFTER = timedelta(days=90)
KEPT_MAX = 256  # names: who asks for more has older ones made again


class InsideCertificates:
    """What TLS connections from inside VPCs are shown."""

    def __init__(
        self, settings: Settings, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._folder, self._now = tls_folder(settings), now
        self._domains = (API_NAME, settings.registry_domain, AWS_DOMAIN)
        roots = [API_IP, *dict.fromkeys(self._domains)]
        self._authority = Authority.ensure(settings, roots, now=now(), stem=STEM)
        self._shown: OrderedDict[str, tuple[ssl.SSLContext, datetime]] = OrderedDict()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # shows nothing itself
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.sni_callback = self._choose

    @property
    def authority(self) -> str:
        """What tasks are to trust, as PEM."""
        return self._authority.certificate.decode()

    def _choose(self, line: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        """The client asks for a name, or for none, since it has an address alone."""
        line.context = self._context_for(name.lower() if name and self._is_ours(name.lower()) else API_NAME)

    def _is_ours(self, name: str) -> bool:
        return any(name == domain or name.endswith(f".{domain}") for domain in self._domains)

    def _context_for(self, name: str) -> ssl.SSLContext:
        kept = self._shown.get(name)
        if kept is None or self._now() - kept[1] > RENEWED_AFTER:
            kept = self._shown[name] = self._issue(name), self._now()
        self._shown.move_to_end(name)
        if len(self._shown) > KEPT_MAX:
            self._shown.popitem(last=False)
        return kept[0]

    def _issue(self, name: str) -> ssl.SSLContext:
        names = [API_NAME, API_IP] if name == API_NAME else [name]
        key, certificate = self._authority.issue(names, now=self._now())
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE  # as with the clients outside
        with tempfile.NamedTemporaryFile(dir=self._folder) as file:  # ssl reads files alone
            file.write(key + certificate)
            file.flush()
            context.load_cert_chain(file.name)
        return context

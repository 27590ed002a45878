"""Whom a task's programs trust when they call the API inside their VPC: the installation's authority for it.

The server tells it with each welcome, and it is kept for an agent that starts without the server. Every
container gets it alone and, since AWS_CA_BUNDLE replaces what an SDK trusts, together with the authorities
its image has; an image without any gets this host's.
"""

from collections.abc import Mapping
from pathlib import Path

from bastide.files import replace_file
from bastide.host.rootfs import read_in_root
from bastide.plan.oci.prepared import ApiFiles

# Debian and Alpine; Fedora; openSUSE; Alpine's and BSD's for OpenSSL.
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class Trust:
    """Of one host; used from the agent's event loop only."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def learn(self, authority: str) -> None:
        """The server has said what to trust."""
        if authority != self._read():
            replace_file(self._file, authority.encode())

    def write(self, folder: Path, roots: Mapping[str, Path]) -> dict[str, ApiFiles]:
        """The files of each container, by its name and root; none where there is nothing to trust."""
        authority = self._read()
        if not authority:
            return {}
        alone = _written(folder / "api-ca.pem", authority)
        return {
            name: ApiFiles(
                authority=alone,
                bundle=_written(folder / f"{name}.ca-bundle.pem", f"{authority}\n{_bundle_of(root)}"),
            )
            for name, root in roots.items()
        }

    def _read(self) -> str:
        try:
            return self._file.read_text()
        except FileNotFoundError:
            return ""


def _bundle_of(root: Path) -> str:
    found = (read_in_root(each, path) for each in (root, Path("/")) for path in BUNDLES)
    return next((text for text in found if "BEGIN CERTIFICATE" in text), "")


def _written(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o644)
    return str(path)

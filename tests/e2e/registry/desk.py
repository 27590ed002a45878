"""Somebody's place to work: a folder, a shell, and the line in /etc/hosts that `bastide up` prints.

Programs run in a mount namespace of their own and see that folder's `hosts` in place of the machine's, which
stays as it is.
"""

import shutil
import subprocess
from pathlib import Path

from tests.installation import PROGRAMS, Installation

DOCKERFILE = """FROM scratch
COPY busybox /bin/busybox
COPY build /build
CMD ["/bin/busybox", "sh", "-c", "busybox cat /build; exec busybox sleep 1000"]
"""


class Desk:
    """Where a client of the registry is used."""

    def __init__(self, bastide: Installation, folder: Path, repository: str) -> None:
        self.bastide = bastide
        self.folder = folder
        answer = bastide.client("ecr").get_authorization_token()
        self.registry = str(answer["authorizationData"][0]["proxyEndpoint"]).removeprefix("https://")
        self.uri = f"{self.registry}/{repository}"
        self.authority = folder / "certs" / "ca.crt"
        self.authority.parent.mkdir()
        self.authority.write_text(bastide.bastide("ca", "print"))
        (folder / "hosts").write_text(f"127.0.0.1 localhost {self.registry.partition(':')[0]}\n")
        self.environment = bastide.environment | {
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "SSL_CERT_FILE": str(self.authority),  # how Go's programs are told whom to trust
        }

    def seeing_hosts(self, *argv: str) -> list[str]:
        """The command, run where our hosts are the machine's."""
        script = f'mount --bind {self.folder / "hosts"} /etc/hosts && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", script, "sh", *argv]

    def run(self, *argv: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """A program that knows the registry's name."""
        done = subprocess.run(
            self.seeing_hosts(*argv),
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert not check or done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
        return done

    def password(self) -> str:
        """What is typed before the `|` of every login."""
        return self.run(str(PROGRAMS / "aws"), "ecr", "get-login-password").stdout

    def write_sources(self, build: str) -> str:
        """What an image of nothing but busybox and the build's name is made of; the folder."""
        sources = self.folder / "sources"
        sources.mkdir(exist_ok=True)
        shutil.copy("/bin/busybox", sources)
        (sources / "build").write_text(f"{build}\n")
        (sources / "Dockerfile").write_text(DOCKERFILE)
        return str(sources)

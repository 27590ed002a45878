"""Programs that people build and push images with, each as its users type it.

skopeo and crane build nothing: they push what buildah has built, from its storage and from an archive.
"""

import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from installing.development import find_program

from tests.containerd_fixture import skip_real
from tests.e2e.registry.daemon import docker_daemon
from tests.e2e.registry.desk import Desk

Done = subprocess.CompletedProcess[str]
LOGIN = ("--username", "AWS", "--password-stdin")


class Client(ABC):
    """One program at a desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    @classmethod
    @contextmanager
    def at(cls, desk: Desk) -> Iterator[Self]:
        """Ready to be used."""
        yield cls(desk)

    @abstractmethod
    def log_in(self) -> Done:
        """aws ecr get-login-password | PROGRAM login …"""

    @abstractmethod
    def build(self, tag: str) -> None:
        """An image of the desk's sources."""

    @abstractmethod
    def push(self, source: str, tag: str, *, check: bool = True) -> Done:
        """The image that was built as `source`, by the name `tag`."""

    @abstractmethod
    def pull(self, tag: str) -> None:
        """Fetch it whole."""


class Buildah(Client):
    """buildah, with a storage of its own."""

    def log_in(self) -> Done:
        return self._log_in("buildah")

    def build(self, tag: str) -> None:
        sources = self.desk.write_sources(tag)
        self._buildah("bud", "--isolation", "chroot", "--tag", f"{self.desk.uri}:{tag}", sources)

    def push(self, source: str, tag: str, *, check: bool = True) -> Done:
        names = (f"{self.desk.uri}:{source}", f"docker://{self.desk.uri}:{tag}")
        return self._buildah("push", *self._trust(), *names, check=check)

    def pull(self, tag: str) -> None:
        self._buildah("pull", "--policy", "always", *self._trust(), f"{self.desk.uri}:{tag}")

    def _buildah(self, *argv: str, check: bool = True) -> Done:
        root, runroot = self._storage()
        where = ("--storage-driver", "vfs", "--root", root, "--runroot", runroot)
        return self.desk.run("buildah", *where, *argv, check=check)

    def _log_in(self, program: str) -> Done:
        argv = (program, "login", *LOGIN, *self._trust(), self.desk.registry)
        return self.desk.run(*argv, stdin=self.desk.password())

    def _storage(self) -> tuple[str, str]:
        return str(self.desk.folder / "storage"), str(self.desk.folder / "run")

    def _trust(self, side: str = "") -> tuple[str, str]:
        return f"--{side}cert-dir", str(self.desk.authority.parent)


class Skopeo(Buildah):
    """skopeo, pushing out of buildah's storage."""

    def log_in(self) -> Done:
        return self._log_in("skopeo")

    def push(self, source: str, tag: str, *, check: bool = True) -> Done:
        root, runroot = self._storage()
        image = f"containers-storage:[vfs@{root}+{runroot}]{self.desk.uri}:{source}"
        argv = ("skopeo", "copy", *self._trust("dest-"), image, f"docker://{self.desk.uri}:{tag}")
        return self.desk.run(*argv, check=check)

    def pull(self, tag: str) -> None:
        image = f"docker://{self.desk.uri}:{tag}"
        self.desk.run("skopeo", "inspect", *self._trust(), image)
        self.desk.run("skopeo", "copy", *self._trust("src-"), image, f"dir:{self.desk.folder / 'pulled'}")


class Crane(Buildah):
    """crane, pushing archives that buildah has written."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._program = find_program("crane")
        if not self._program.exists():
            skip_real("crane is not built: tools/setup --dev")

    def log_in(self) -> Done:
        said = self._crane("auth", "login", *LOGIN, self.desk.registry, stdin=self.desk.password())
        said.stdout += said.stderr.replace("logged in via", "Login Succeeded:")  # it has its own words for it
        return said

    def build(self, tag: str) -> None:
        super().build(tag)
        name = f"{self.desk.uri}:{tag}"
        self._buildah("push", name, f"docker-archive:{self._archive(tag)}:{name}")

    def push(self, source: str, tag: str, *, check: bool = True) -> Done:
        return self._crane("push", str(self._archive(source)), f"{self.desk.uri}:{tag}", check=check)

    def pull(self, tag: str) -> None:
        self._crane("pull", f"{self.desk.uri}:{tag}", str(self.desk.folder / "pulled.tar"))

    def _crane(self, *argv: str, stdin: str = "", check: bool = True) -> Done:
        return self.desk.run(str(self._program), *argv, stdin=stdin, check=check)

    def _archive(self, tag: str) -> Path:
        return self.desk.folder / f"{tag}.tar"


class Docker(Client):
    """docker, with a daemon of its own."""

    def __init__(self, desk: Desk, socket: str) -> None:
        super().__init__(desk)
        # The builder every version has; the newer one is a program apart.
        desk.environment |= {"DOCKER_HOST": socket, "DOCKER_BUILDKIT": "0"}

    @classmethod
    @contextmanager
    def at(cls, desk: Desk) -> Iterator[Self]:
        with docker_daemon(desk) as socket:
            yield cls(desk, socket)

    def log_in(self) -> Done:
        return self.desk.run("docker", "login", *LOGIN, self.desk.registry, stdin=self.desk.password())

    def build(self, tag: str) -> None:
        self._docker("build", "--tag", f"{self.desk.uri}:{tag}", self.desk.write_sources(tag))

    def push(self, source: str, tag: str, *, check: bool = True) -> Done:
        self._docker("tag", f"{self.desk.uri}:{source}", f"{self.desk.uri}:{tag}")
        return self.desk.run("docker", "push", f"{self.desk.uri}:{tag}", check=check)

    def pull(self, tag: str) -> None:
        self._docker("rmi", "--force", f"{self.desk.uri}:{tag}")
        self._docker("pull", f"{self.desk.uri}:{tag}")

    def _docker(self, *argv: str) -> None:
        self.desk.run("docker", *argv)

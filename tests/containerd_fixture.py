"""A containerd of the tests' own: started once a session, killed and restarted at will, gone without trace.

Import `containerd` (what the set-up built, with gVisor) or `debian_containerd` (Debian's, with runc) into a
conftest.py. Nothing is shared with the machine's other containerd: folders are temporary, the namespace is
named after this process.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from bastide.host.containerd.channel import Channel
from bastide.host.containerd.daemon import Daemon, write_daemon_files
from bastide.host.containerd.images import ContainerdImages
from bastide.host.containerd.runtime import ContainerdRuntime
from bastide.host.containerd.shims import PARTS as PARTS_OF
from bastide.host.containerd.unpacking import Room
from bastide.host.registry.client import RegistryClient
from bastide.host.registry.endpoints import Registries
from bastide.model.status import RuntimeClass

CACHE = Path(os.environ.get("BASTIDE_RUNTIME_CACHE", "/var/cache/bastide/runtime"))
RECORD = Path(sys.prefix) / "share" / "bastide" / "runtime-path"
PARTS = ("containerd", "containerd-shim-runsc-v1", "runsc")
DEBIAN = Path("/usr/bin")
START_TIMEOUT_S = 20.0


def skip_real(why: str) -> None:
    """Say loudly that a real part is missing: a skip, or a failure where it must be there."""
    if os.environ.get("BASTIDE_TEST_REAL") == "1":
        pytest.fail(why)
    pytest.skip(why)


def find_runtime_folder() -> Path | None:
    """Where runsc, its shim and containerd are: as set, as installed, else the newest of the cache."""
    chosen = os.environ.get("BASTIDE_RUNTIME_FOLDER")
    candidates = [Path(chosen)] if chosen else []
    if RECORD.exists():
        candidates.append(Path(RECORD.read_text().strip()))
    built = sorted(CACHE.glob("*/runtime.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    candidates += [path.parent for path in built]
    return next((each for each in candidates if all((each / part).exists() for part in PARTS)), None)


class PrivateContainerd:
    """One running containerd and what is needed to talk to it."""

    def __init__(self, folder: Path, kind: RuntimeClass) -> None:
        self.kind = kind
        self.instance = f"bt{os.getpid():x}{kind[0]}"
        parts, run_folder = PARTS_OF[kind], Path(tempfile.mkdtemp(prefix="bastide-run-", dir="/run"))
        self.daemon = Daemon(
            containerd=folder / "containerd",
            shim=parts.make(folder / parts.shim, folder / parts.runtime, run_folder),
            data_folder=Path(tempfile.mkdtemp(prefix="bastide-data-", dir="/var/tmp")),
            run_folder=run_folder,
        )
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The daemon's; it must run."""
        assert self.process is not None
        return self.process.pid

    @property
    def ctr(self) -> Path:
        """The daemon's own client."""
        return self.daemon.containerd.with_name("ctr")

    def start(self) -> None:
        """Start it and wait until it answers."""
        write_daemon_files(self.daemon)
        with (self.daemon.data_folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.daemon.argv,
                env=self.daemon.environment(),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        ask = [str(self.ctr), "--address", str(self.daemon.socket), "--timeout", "1s", "version"]
        deadline = time.monotonic() + START_TIMEOUT_S
        while subprocess.run(ask, capture_output=True, check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"containerd did not start:\n{self.log_tail()}")
            time.sleep(0.05)

    def kill(self) -> None:
        """As `kill -9` does; tasks go on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """Make it hang: it is there and does not answer."""
        os.kill(self.pid, signal.SIGSTOP)
        threads = Path(f"/proc/{self.pid}/task")
        while any(") T " not in (each / "stat").read_text() for each in threads.iterdir()):
            time.sleep(0.001)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def remove(self) -> None:
        """Stop it and take away all it made, with whatever a failed test has left running."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.kill()
        for pid in pids_naming(self.daemon.run_folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for netns in Path("/run/netns").glob(f"{self.instance}-*"):
            subprocess.run(["ip", "netns", "del", netns.name], check=False)
        for folder in (self.daemon.run_folder, self.daemon.data_folder):
            for point in mounts_below(folder):
                subprocess.run(["umount", "--lazy", point], check=False)
            shutil.rmtree(folder, ignore_errors=True)
        for cgroup in Path("/sys/fs/cgroup").glob(f"**/{self.instance}-*"):
            with suppress(OSError):
                cgroup.rmdir()

    def channel(self) -> Channel:
        """A new line to it, for the running event loop."""
        return Channel(self.daemon.socket, namespace=self.instance)

    def runtime(self, channel: Channel) -> ContainerdRuntime:
        """Its containers."""
        return ContainerdRuntime(channel, self.daemon.shim)

    @asynccontextmanager
    async def images(self) -> AsyncIterator[ContainerdImages]:
        """Its images, over a line of their own; none are left at the end."""
        channel = self.channel()
        registry = RegistryClient(Registries(self.daemon.run_folder / "registries.toml"), sleep=no_sleep)
        scratch = self.daemon.data_folder / "tmp"
        limits = Room(bytes=200_000_000, entries=10_000)
        store = ContainerdImages(
            channel, scratch_folder=scratch, registry=registry, layers_at_once=4, limits=limits
        )
        try:
            yield store
            for image in await store.read_images():
                await store.remove_image(image.reference)
        finally:
            await registry.close()
            await channel.close()

    def log_tail(self, lines: int = 30) -> str:
        """What it said last."""
        with suppress(FileNotFoundError):
            text = (self.daemon.data_folder / "log").read_text(errors="replace")
            return "\n".join(text.splitlines()[-lines:])
        return ""


async def no_sleep(delay_s: float) -> None:
    """Between two tries of the tests."""


def pids_naming(folder: Path) -> list[int]:
    """Processes with that folder in their arguments: shims, sandboxes and what serves them."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and str(folder).encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def mounts_below(folder: Path) -> list[str]:
    """Mount points in a folder, the deepest first."""
    points = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return sorted((point for point in points if point.startswith(f"{folder}/")), reverse=True)


@pytest.fixture(scope="session")
def containerd() -> Iterator[PrivateContainerd]:
    """A running containerd of our own; skipped loudly where the parts or the rights are missing."""
    folder = find_runtime_folder()
    if folder is None:
        skip_real("runsc, its shim and containerd are not built: tools/setup builds them")
    yield from _started(folder, RuntimeClass.GVISOR)


@pytest.fixture(scope="session")
def debian_containerd() -> Iterator[PrivateContainerd]:
    """The same with containerd and runc as Debian ships them."""
    parts = PARTS_OF[RuntimeClass.RUNC]
    if missing := [
        name for name in ("containerd", parts.shim, parts.runtime) if not (DEBIAN / name).exists()
    ]:
        skip_real(f"{', '.join(missing)}: apt-get install containerd runc")
    yield from _started(DEBIAN, RuntimeClass.RUNC)


def _started(folder: Path | None, kind: RuntimeClass) -> Iterator[PrivateContainerd]:
    if os.geteuid() != 0:
        skip_real("containerd and what it runs need root")
    assert folder is not None
    private = PrivateContainerd(folder, kind)
    try:
        private.start()
        yield private
    finally:
        private.remove()

"""A docker daemon of a test's own: folders, socket and images of its own, gone with it.

It makes no bridge, writes no firewall rule and changes no setting of the kernel; it has a containerd of its
own as its child.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.containerd_fixture import mounts_below, skip_real
from tests.e2e.registry.desk import Desk

START_S = 30.0
STOP_S = 20.0
ALONE = (
    *("--bridge", "none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"),
    *("--storage-driver", "vfs", "--containerd-namespace", "bastide-test"),
)


@contextmanager
def docker_daemon(desk: Desk) -> Iterator[str]:
    """Running; yields what DOCKER_HOST has to be."""
    if shutil.which("dockerd") is None or shutil.which("docker") is None:
        skip_real("docker is not installed: tools/setup --dev installs Debian's docker.io")
    # Not in the desk's folder: a socket's name may have a hundred characters only.
    folder = Path(tempfile.mkdtemp(prefix="bastide-docker-", dir="/var/tmp"))
    socket = f"unix://{folder}/docker.sock"
    roots = [f"--{name}-root={folder / name}" for name in ("data", "exec")]
    argv = ["dockerd", "--host", socket, "--pidfile", str(folder / "pid"), *roots, *ALONE]
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(
            desk.seeing_hosts(*argv),
            env=desk.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        until = time.monotonic() + START_S
        while not _answers(socket):
            said = (folder / "log").read_text()[-1000:]
            assert daemon.poll() is None and time.monotonic() < until, f"dockerd does not start:\n{said}"
            time.sleep(0.05)
        yield socket
    finally:
        daemon.terminate()
        _wait(daemon)
        for point in mounts_below(folder):
            subprocess.run(["umount", "--lazy", point], check=False)
        shutil.rmtree(folder)


def _answers(socket: str) -> bool:
    asked = ["docker", "--host", socket, "version", "--format", "{{.Server.Version}}"]
    return subprocess.run(asked, env=_plain(), capture_output=True, check=False).returncode == 0


def _wait(daemon: "subprocess.Popen[bytes]") -> None:
    try:
        daemon.wait(STOP_S)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}

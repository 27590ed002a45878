"""A real gVisor sandbox on the host's parts: its network, its disk and its control group hold it."""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bastide.host.cgroups import TaskCgroups, find_hierarchies
from bastide.host.disks import LoopDisks
from bastide.host.mounts import read_mounts, read_mounts_below, unmount
from bastide.host.ports import Limits
from tests.containerd_fixture import find_runtime_folder, skip_real
from tests.contract.network_world import make_eni, make_network, run_inside, words_of
from tests.real_host import instance_name, nothing_left, require_root

pytestmark = pytest.mark.real
TASK = "5" * 32
LIMITS = Limits(cpu_units=256, memory_mib=192)
ENI = make_eni(7, public=True)
SERVER = "echo from a sandbox > /index.html; exec httpd -f -p 80 -h /"
BUSY = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"


class Sandbox:
    """busybox in runsc, told by its command line, without containerd."""

    def __init__(self, folder: Path, runsc: Path) -> None:
        self._bundle, self._state = folder / "bundle", folder / "state"
        self._base = [str(runsc), f"--root={self._state}", "--overlay2=none", "--platform=systrap"]

    @contextmanager
    def running(self, *, root: Path, netns: str, cgroup: str) -> Iterator[None]:
        kinds = ("pid", "ipc", "uts", "mount")
        spec = {
            "ociVersion": "1.0.2",
            "process": {"args": ["/bin/sh", "-c", SERVER], "cwd": "/", "env": ["PATH=/bin"], "user": {}},
            "root": {"path": str(root)},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
            "linux": {
                "cgroupsPath": cgroup,
                "namespaces": [*({"type": kind} for kind in kinds), {"type": "network", "path": netns}],
            },
        }
        self._bundle.mkdir()
        (self._bundle / "config.json").write_text(json.dumps(spec))
        self._control("create", "--bundle", str(self._bundle), "box")
        try:
            self._control("start", "box")
            yield
        finally:
            self._control("delete", "--force", "box")
            for target in read_mounts_below(self._state):  # runsc keeps an empty namespace there
                unmount(target)

    def _control(self, *words: str) -> None:
        # No files of ours: the sandbox would hold our pipes open.
        null = subprocess.DEVNULL
        subprocess.run([*self._base, *words], check=True, stdin=null, stdout=null, stderr=null)

    def run(self, script: str) -> str:
        argv = [*self._base, "exec", "box", "/bin/sh", "-c", script]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
        return done.stdout + done.stderr


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="bastide-sandbox-", dir="/var/tmp"))
    yield path
    shutil.rmtree(path)


async def test_a_sandbox_is_held_by_network_disk_and_limits(folder: Path) -> None:
    require_root("nft", "ip", "nsenter", "mkfs.ext4", "busybox")
    runtime = find_runtime_folder()
    if runtime is None:
        skip_real("no runtime parts: type make setup")
        return
    instance = instance_name("n")
    with nothing_left(*words_of(instance), str(folder)):
        network, disks = (
            make_network(instance, folder),
            LoopDisks(folder / "disks", efs_file=folder / "efs.json"),
        )
        cgroups, sandbox = TaskCgroups(instance), Sandbox(folder, runtime / "runsc")
        try:
            await disks.ensure_disk(TASK, size_gib=1)
            root = await disks.ensure_rootfs(TASK, "box", [str(_image(folder))])
            netns = await network.ensure_eni(ENI, task_id=TASK)
            cgroup = await cgroups.ensure_cgroup(TASK, LIMITS)
            with sandbox.running(root=root, netns=netns, cgroup=cgroup):
                _check_network(sandbox, netns)
                await network.ensure_eni(ENI, task_id=TASK)  # as a restarted agent does
                assert "inet " not in run_inside(netns, "ip", "address", "show", "eth0")
                _check_network(sandbox, netns)
                _check_disk(sandbox)
                assert _throttled(cgroup) == 0
                await cgroups.ensure_cpu_quota(TASK, LIMITS)
                sandbox.run(BUSY)
                assert _throttled(cgroup) > 0
                assert await cgroups.read_oom_kills(TASK) == 0
                sandbox.run("dd if=/dev/zero of=/dev/null bs=400M count=1")
                assert await cgroups.read_oom_kills(TASK) > 0
        finally:
            await cgroups.remove_cgroup(TASK)
            await network.remove_eni(TASK)
            await disks.remove_disk(TASK)


def _image(folder: Path) -> Path:
    image = folder / "image" / "fs"
    (image / "bin").mkdir(parents=True)
    (image / "proc").mkdir()
    busybox = shutil.which("busybox")
    assert busybox
    shutil.copy(busybox, image / "bin" / "busybox")
    for name in ("sh", "httpd", "ip", "df", "dd", "rm", "wget"):
        (image / "bin" / name).symlink_to("busybox")
    return image


def _check_network(sandbox: Sandbox, netns: str) -> None:
    shown = sandbox.run("ip address show eth0")
    assert f"inet {ENI.private_ip}/20" in shown
    assert ENI.mac in shown
    assert "mtu 9001" in shown
    fetch = ["curl", "-s", "-m", "2", f"http://{ENI.public_ip}/index.html"]
    deadline = time.monotonic() + 10
    while (heard := subprocess.run(fetch, capture_output=True, text=True, check=False).stdout) == "":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert heard == "from a sandbox\n"


def _check_disk(sandbox: Sandbox) -> None:
    assert "No space left on device" in sandbox.run("dd if=/dev/zero of=/big bs=1M count=1100")
    size_kib = int(sandbox.run("df -k /").splitlines()[-1].split()[1])
    assert 0.95 * 1024**2 < size_kib <= 1024**2
    sandbox.run("rm /big")


def _throttled(cgroup: str) -> int:
    found = find_hierarchies(read_mounts())
    root = found.unified or found.legacy["cpu"]
    text = (root / cgroup.lstrip("/") / "cpu.stat").read_text()
    return int(dict(line.split() for line in text.splitlines())["nr_throttled"])

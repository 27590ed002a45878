"""What `bastide doctor` does to find out whether this machine can run tasks: each probe does the thing.

Everything a probe makes carries the name of a throw-away instance and is gone when it returns. A probe
returns what it saw; it raises, in its own words, when the thing cannot be done.
"""

import asyncio
import contextlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec

from bastide.cli.host import open_host, unmount_below
from bastide.cli.processes.accounts import as_account, can_run, ensure_account
from bastide.cli.processes.code import find_command
from bastide.cli.processes.containerd import daemon_of
from bastide.cli.processes.folders import SETTINGS_FILE, write_settings
from bastide.cli.processes.services import SERVER, check_ports
from bastide.config import Settings
from bastide.host.command import run
from bastide.host.containerd.daemon import Daemon, write_daemon_files
from bastide.host.ports import Limits, NewContainer, Process
from bastide.model.assignment import Assignment, Eni
from bastide.model.faults import Unavailable
from bastide.model.network import Address, Interface, Subnet, Vpc, assemble_vpcs
from bastide.model.status import DesiredStatus, RuntimeClass, TaskStatus
from bastide.plan.oci.prepared import Prepared
from bastide.plan.oci.spec import render_pause_spec, sandbox_id

TASK = "d0c70" + "0" * 27  # a task id no real task has
CONTAINER = sandbox_id(TASK)
FREE_MIN_GIB = 5
SYNC_SLOW_MS = 50.0
BOOT_S = 60.0
PROVED = 42
# A sandbox that is over before the shim waits for it has no exit code (128 is seen); so it lives a second.
PROOFS = {
    RuntimeClass.GVISOR: ("dmesg | grep -q -i gvisor", "with gVisor's kernel"),
    RuntimeClass.RUNC: ("grep -q 'Seccomp:.*2' /proc/self/status", "behind a filter of this kernel's"),
}
ENI = Eni(
    id="eni-0d0c70d0c70d0c70d",
    mac="02:00:00:d0:c7:00",
    private_ip="172.31.0.10",
    subnet_id="subnet-0d0c70d0c70d0c70",
    subnet_cidr="172.31.0.0/20",
    vpc_id="vpc-0d0c70d0c70d0c70d",
    vpc_cidr="172.31.0.0/16",
    hostname="ip-172-31-0-10.ec2.internal",
)
NETWORK = assemble_vpcs(
    [
        Vpc(id=ENI.vpc_id, cidrs=(ENI.vpc_cidr,)),
        Subnet(id=ENI.subnet_id, vpc_id=ENI.vpc_id, cidr=ENI.subnet_cidr),
        Interface(
            id=ENI.id,
            vpc_id=ENI.vpc_id,
            subnet_id=ENI.subnet_id,
            mac=ENI.mac,
            addresses=(Address(ENI.private_ip),),
            task_id=TASK,
        ),
    ]
)
ASSIGNMENT = Assignment(
    task_arn="",
    task_id=TASK,
    version=1,
    desired_status=DesiredStatus.RUNNING,
    last_status=TaskStatus.PENDING,
    cpu_units=1024,
    memory_mib=512,
    storage_gib=1,
    eni=ENI,
    containers=(),
)
GIB = 1 << 30
NFT_TABLE = """table inet probe {
  chain input { type filter hook input priority 0; policy accept; tcp dport 22 drop; }
}
"""


async def probe_clock(settings: Settings) -> str:
    """Signatures are refused fifteen minutes either side of it."""
    installed_at = Path(__file__).stat().st_mtime
    if time.time() + 60 < installed_at:
        raise Unavailable("clock", why="the clock is earlier than the time Bastide was installed")
    return time.strftime("%Y-%m-%d %H:%M:%S %Z")


async def probe_space(settings: Settings) -> str:
    """Writes and syncs where the data lies."""
    with scratch(settings) as folder:
        free = shutil.disk_usage(folder).free
        began = time.monotonic()
        with (folder / "probe").open("wb") as file:
            for _ in range(5):
                file.write(os.urandom(65536))
                file.flush()
                os.fsync(file.fileno())
        sync_ms = (time.monotonic() - began) * 200
    if free < FREE_MIN_GIB * GIB:
        raise Unavailable("disk", why=f"{free / GIB:.1f} GiB are free below {settings.data_root}")
    slow = " (slow: API writes wait for it)" if sync_ms > SYNC_SLOW_MS else ""
    return f"{free / GIB:.0f} GiB free, a synced write takes {sync_ms:.1f} ms{slow}"


async def probe_ports(settings: Settings) -> str:
    """Binds them, unless our own server has them."""
    if SERVER.find(settings) is not None:
        return f"{settings.port} and {settings.metrics_address[1]} are held by our server"
    check_ports(settings)
    return f"{settings.port} and {settings.metrics_address[1]} are free"


async def probe_user(settings: Settings) -> str:
    """Runs the server's code as its user."""
    account = ensure_account(settings.server_user)
    with scratch(settings) as folder:
        folder.chmod(0o711)
        if not can_run(account, ["test", "-x", str(folder)]):
            why = (
                f"a folder above {settings.data_root} keeps {account.pw_name} out: chmod o+x, or --data-root"
            )
            raise Unavailable("folder", why=why)
        write_settings(settings, folder / SETTINGS_FILE, account.pw_uid, account.pw_gid)
        command = find_command(account, folder, folder / SETTINGS_FILE)
        said = await run(*as_account(account, ["id", "-un"]))
    copied = " from a copy of the code" if str(folder) in " ".join(command) else ""
    return f"{said.strip()} runs it with {command[0]}{copied}"


async def probe_namespace(settings: Settings) -> str:
    """A network namespace."""
    links = [
        line.split(":")[0].strip()
        for line in (await run("unshare", "--net", "cat", "/proc/net/dev")).splitlines()[2:]
    ]
    return f"made; it holds {', '.join(links)}"


async def probe_veth(settings: Settings) -> str:
    """A veth pair, in a namespace of its own."""
    script = (
        "ip link add probe0 type veth peer name probe1 && ip link set probe0 up && ip -br link show probe0"
    )
    return (await run("unshare", "--net", "sh", "-c", script)).split()[0] + " made"


async def probe_rules(settings: Settings) -> str:
    """A packet rule, in a namespace of its own."""
    script = "nft -f - && nft list table inet probe >/dev/null && nft --version"
    return "set by " + (await run("unshare", "--net", "sh", "-c", script, stdin=NFT_TABLE)).strip()


async def probe_disk(settings: Settings) -> str:
    """A task's filesystem on a loop device, and a container's overlay above it."""
    async with throw_away(settings) as (trial, folder), open_host(trial) as host:
        lower = folder / "lower"
        lower.mkdir()
        (lower / "seen").touch()
        path = await host.disks.ensure_disk(TASK, size_gib=1)
        try:
            size = shutil.disk_usage(path).total
            root = await host.disks.ensure_rootfs(TASK, "probe", [str(lower)])
            (root / "written").touch()
            if not (root / "seen").exists():
                raise Unavailable("disk", why="the overlay does not show its lower directory")
        finally:
            await host.disks.remove_disk(TASK)
    return f"a loop filesystem of {size / GIB:.2f} GiB with an overlay on it"


async def probe_cgroup(settings: Settings) -> str:
    """A task's control group."""
    async with throw_away(settings) as (trial, _), open_host(trial) as host:
        try:
            path = await host.cgroups.ensure_cgroup(TASK, Limits(cpu_units=256, memory_mib=512))
            await host.cgroups.ensure_cpu_quota(TASK, Limits(cpu_units=256, memory_mib=512))
        finally:
            await host.cgroups.remove_cgroup(TASK)
    return f"{path}, limited"


async def probe_network(settings: Settings) -> str:
    """A VPC's router and a task's interface in it."""
    async with throw_away(settings) as (trial, _), open_host(trial) as host:
        host.network.know(NETWORK)
        try:
            await host.network.ensure_eni(ENI, task_id=TASK)
        finally:
            await host.network.remove_eni(TASK)
    return f"an interface at {ENI.private_ip} of a VPC"


async def probe_sandbox(settings: Settings) -> str:
    """A task's sandbox, started by a containerd of its own: what runs in it sees what its class promises."""
    proof, seen = PROOFS[settings.runtime]
    async with (
        throw_away(settings) as (trial, folder),
        _containerd(daemon_of(trial)),
        open_host(trial) as host,
    ):
        began = time.monotonic()
        container = NewContainer(
            id=CONTAINER, labels={}, spec=_spec(trial, proof), rootfs=_busybox_root(folder / "root")
        )
        try:
            await host.runtime.ensure_container(container)
            await host.runtime.ensure_started(CONTAINER)
            async with asyncio.timeout(BOOT_S):
                while (state := await host.runtime.read_container(CONTAINER)) is not None:
                    if state.process is not Process.RUNNING:
                        break
                    await asyncio.sleep(0.05)
        finally:
            await host.runtime.remove_container(CONTAINER)
            await host.cgroups.remove_cgroup(TASK)
    code = None if state is None else state.exit_code
    if code != PROVED:
        raise Unavailable("sandbox", why=f"it started, but does not run {seen}: exit code {code}")
    return f"{settings.runtime}: started, ran and gone in {time.monotonic() - began:.1f} s, {seen}"


@contextlib.contextmanager
def scratch(settings: Settings) -> Iterator[Path]:
    """A folder on the data's disk."""
    place = settings.data_root
    while not place.exists():
        place = place.parent
    with tempfile.TemporaryDirectory(prefix=".bastide-doctor-", dir=place) as folder:
        yield Path(folder)


@contextlib.asynccontextmanager
async def throw_away(settings: Settings) -> AsyncIterator[tuple[Settings, Path]]:
    """An instance for one probe, on the same disks as the real one, and a folder for its own."""
    with scratch(settings) as data, tempfile.TemporaryDirectory(prefix="bastide-doctor-", dir="/run") as runs:
        trial = msgspec.structs.replace(
            settings,
            instance=f"doctor-{os.urandom(4).hex()}",
            data_root=data,
            run_root=Path(runs),
            public_pool="",
        )
        for folder in (trial.agent_folder, trial.run_folder):
            folder.mkdir(parents=True)
        try:
            yield trial, Path(runs)
        finally:  # runsc keeps a namespace mounted in its state folder
            unmount_below(data, Path(runs))


@contextlib.asynccontextmanager
async def _containerd(daemon: Daemon) -> AsyncIterator[None]:
    write_daemon_files(daemon)
    with (daemon.run_folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *daemon.argv, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env=daemon.environment()
        )
    try:
        deadline = time.monotonic() + BOOT_S
        while not daemon.socket.is_socket():
            if process.returncode is not None or time.monotonic() > deadline:
                tail = (daemon.run_folder / "log").read_text(errors="replace").splitlines()[-3:]
                raise Unavailable("containerd", why="containerd does not start: " + " | ".join(tail))
            await asyncio.sleep(0.05)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _busybox_root(folder: Path) -> Path:
    busybox = shutil.which("busybox")
    if busybox is None:
        raise Unavailable("busybox", why="busybox is not installed")
    for name in ("bin", "proc", "tmp", "dev", "sys"):
        (folder / name).mkdir(parents=True)
    shutil.copy2(busybox, folder / "bin" / "busybox")
    for applet in ("sh", "dmesg", "grep", "sleep"):
        (folder / "bin" / applet).symlink_to("busybox")
    return folder


def _spec(trial: Settings, proof: str) -> dict[str, Any]:
    """A task's own pause container, but for what it runs."""
    prepared = Prepared(
        runtime=trial.runtime, machine=platform.machine(), netns="", cgroup=f"/{trial.instance}/{TASK}"
    )
    spec = render_pause_spec(ASSIGNMENT, prepared, program="")
    spec["process"]["args"] = ["/bin/sh", "-c", f"sleep 1; {proof} && exit {PROVED}; exit 1"]
    return spec

"""What holds a container where the kernel is shared: namespaces, its group, the filter, hidden files."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from bastide.host.cgroups import find_hierarchies
from bastide.host.mounts import read_mounts
from bastide.host.ports import Process
from tests.contract.runtime.bench import RUNC, Bench

pytestmark = [pytest.mark.real, pytest.mark.parametrize("daemon", [RUNC], indirect=True)]

KINDS = ("net", "uts", "ipc", "pid", "mnt", "cgroup")
REFUSED = {
    "a new namespace": "unshare -m true",
    "a mount": "mount -t tmpfs none /tmp",
    "a new host name": "hostname evil",
    "the kernel's log": "dmesg",
    "a sysctl": "echo 1 >/proc/sys/kernel/panic",
    "sysrq": "echo h >/proc/sysrq-trigger",
    "a raw device": "mknod /tmp/disk b 7 0 && dd if=/tmp/disk of=/dev/null bs=512 count=1",
    "its own group": (
        "cd /sys/fs/cgroup;"
        " for file in new memory.max memory/memory.limit_in_bytes; do echo -1 >$file && exit 0; done; false"
    ),
}


@pytest.fixture
async def bench(real_bench: Bench) -> AsyncIterator[Bench]:
    yield real_bench


async def said(bench: Bench, line: str) -> list[str]:
    """What a shell in a new container writes."""
    container = await bench.run("sh", "-c", f"{line}; echo end")
    return (await bench.wait_output(container.id, "end\n")).split("\n")[:-2]


async def test_containers_share_network_names_and_ipc_and_nothing_else(bench: Bench) -> None:
    line = f"for kind in {' '.join(KINDS)}; do readlink /proc/self/ns/$kind; done; echo end; sleep 1000"
    one, other = await said(bench, line), await said(bench, line)
    host = [str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in KINDS]
    assert one[:3] == other[:3]
    assert not set(one[3:]) & set(other[3:])
    assert not {*one, *other} & set(host)


@pytest.mark.parametrize("what", REFUSED)
async def test_the_kernel_refuses(bench: Bench, what: str) -> None:
    assert await said(bench, f"({REFUSED[what]}) >/dev/null 2>&1 && echo done || echo refused") == ["refused"]


async def test_every_call_passes_the_filter(bench: Bench) -> None:
    status = await said(bench, "grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status")
    assert status == ["NoNewPrivs:\t0", "Seccomp:\t2"]


async def test_only_the_plain_devices_are_there(bench: Bench) -> None:
    plain = {"console", "core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr"}
    seen = set(await said(bench, "ls /dev"))
    assert seen - plain - {"stdin", "stdout", "tty", "urandom", "zero", "init"} == set()
    assert (
        await said(bench, "cat /proc/kcore 2>/dev/null; cat /proc/keys /proc/timer_list; ls /sys/firmware")
        == []
    )


async def test_the_first_process_is_spared_what_it_does_not_catch(
    bench: Bench,
) -> None:
    """As on Fargate, where the wait for stopTimeout comes from."""
    container = await bench.run("sleep", "1000")
    await bench.runtime.send_signal(container.id, signal.SIGTERM)
    await asyncio.sleep(0.3)
    state = await bench.runtime.read_container(container.id)
    assert state is not None and state.process is Process.RUNNING
    await bench.runtime.send_signal(container.id, signal.SIGKILL)
    assert (await bench.wait_ended(container.id)).exit_code == 137


async def test_a_containers_own_limits_hold_it_alone(bench: Bench) -> None:
    await bench.ensure_sandbox()
    neighbour = await bench.run("sleep", "1000")
    hog = bench.container("sh", "-c", "exec tail -c 200m /dev/zero")
    limits = hog.spec["linux"]["resources"] | {"memory": {"limit": 64 << 20}, "cpu": {"shares": 100}}
    hog = replace(hog, spec=hog.spec | {"linux": hog.spec["linux"] | {"resources": limits}})
    await bench.runtime.ensure_container(hog)
    assert read_group(bench, hog.id, "memory", "memory.limit_in_bytes", "memory.max") == str(64 << 20)
    await bench.runtime.ensure_started(hog.id)
    assert (await bench.wait_ended(hog.id)).exit_code == 137
    state = await bench.runtime.read_container(neighbour.id)
    assert state is not None and state.process is Process.RUNNING


async def test_one_shim_holds_the_whole_task(bench: Bench) -> None:
    await bench.run("sleep", "1000")
    await bench.run("sleep", "1000")
    shims = [
        words
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if b"containerd-shim-runc-v2" in (words := path.read_bytes().split(b"\0"))[0]
        and any(bench.task_id.encode() in word for word in words)
    ]
    assert len(shims) == 1


def read_group(bench: Bench, container_id: str, controller: str, legacy: str, unified: str) -> str:
    """A file of the container's own group."""
    found = find_hierarchies(read_mounts())
    root, name = (found.unified, unified) if found.unified else (found.legacy[controller], legacy)
    return (root / bench.cgroup.lstrip("/") / container_id / name).read_text().strip()

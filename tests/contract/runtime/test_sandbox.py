"""What only a real sandbox can show: one localhost, the spec's effects, restarts, nothing left behind."""

import asyncio
import contextlib
import hashlib
import os
import signal
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from bastide.host.containerd.runtime import SHIM_SOCKETS
from bastide.host.ports import Process
from bastide.model.faults import Unavailable
from tests.containerd_fixture import PrivateContainerd, skip_real
from tests.contract.runtime.bench import ENI, GVISOR, INIT, Bench

pytestmark = pytest.mark.real


async def test_containers_of_a_task_share_localhost(real_bench: Bench) -> None:
    await real_bench.run("sh", "-c", "echo hello >/tmp/x; httpd -f -p 8080 -h /tmp")
    caller = await real_bench.run("sh", "-c", "until wget -qO- http://127.0.0.1:8080/x; do sleep 0.1; done")
    assert "hello" in await real_bench.wait_output(caller.id, "hello")


@pytest.mark.parametrize("daemon", [GVISOR], indirect=True)
async def test_a_container_has_the_kernel_of_its_sandbox_and_the_size_of_its_task(real_bench: Bench) -> None:
    container = await real_bench.run(
        "sh", "-c", "cat /proc/version; grep MemTotal /proc/meminfo; cat /proc/sys/kernel/hostname; echo end"
    )
    seen = await real_bench.wait_output(container.id, "end")
    assert "gvisor" in seen.lower()
    assert "524288 kB" in seen
    assert ENI.hostname in seen


async def test_capabilities_are_dockers_and_none_for_others_than_root(real_bench: Bench) -> None:
    root = await real_bench.run("grep", "Cap", "/proc/self/status")
    seen = await real_bench.wait_output(root.id, "CapAmb")
    assert "CapBnd:\t00000000a80425fb" in seen
    assert "CapEff:\t00000000a80425fb" in seen
    assert "CapInh:\t0000000000000000" in seen
    user = await real_bench.run("grep", "Cap", "/proc/self/status", user="1000:2000")
    seen = await real_bench.wait_output(user.id, "CapAmb")
    assert "CapBnd:\t00000000a80425fb" in seen
    assert "CapEff:\t0000000000000000" in seen


async def test_error_output_and_output_arrive(real_bench: Bench) -> None:
    container = await real_bench.run("sh", "-c", "echo to-out; echo to-err >&2; echo end")
    seen = await real_bench.wait_output(container.id, "end")
    assert "to-out" in seen
    assert "to-err" in seen


@pytest.mark.parametrize("daemon", [GVISOR], indirect=True)
async def test_a_sandbox_killed_by_the_kernel_ends_every_container(real_bench: Bench) -> None:
    container = await real_bench.run("sleep", "1000")
    state = await real_bench.runtime.read_container(real_bench.sandbox)
    assert state is not None
    os.kill(state.pid, signal.SIGKILL)  # as the kernel does when the task's memory is used up
    for container_id in (real_bench.sandbox, container.id):
        assert (await real_bench.wait_ended(container_id)).exit_code not in (None, 0)


async def test_an_init_reaps_what_the_command_leaves_behind(real_bench: Bench) -> None:
    if not INIT.exists():
        skip_real("tini is not installed")
    line = "(sleep 0.1 &) ; sleep 1; for f in /proc/[0-9]*/stat; do cut -d' ' -f2-4 $f; done; echo end"
    container = await real_bench.run("sh", "-c", line, init=True)
    seen = await real_bench.wait_output(container.id, "end")
    assert "(docker-init) S 0" in seen
    assert "(sleep) Z" not in seen
    ended = await real_bench.wait_ended(container.id)
    assert ended.exit_code == 0


async def test_a_killed_containerd_stops_no_task(real_bench: Bench, daemon: PrivateContainerd) -> None:
    runtime = real_bench.runtime
    container = await real_bench.run("sh", "-c", "while true; do echo tick; sleep 0.1; done")
    ended = await real_bench.run("sh", "-c", "sleep 1; exit 9")
    before = await runtime.read_container(container.id)
    async with aclosing(runtime.watch()) as changes:  # type: ignore[type-var]
        assert await anext(changes) is None
        daemon.kill()
        real_bench.output(container.id)
        await real_bench.wait_output(container.id, "tick")
        with pytest.raises(Unavailable):
            await runtime.read_containers()
        await asyncio.sleep(1.5)  # the other container ends while nobody hears of it
        daemon.start()
        async with asyncio.timeout(20):
            while await anext(changes) is not None:
                pass
    assert await runtime.read_container(container.id) == before
    assert (await real_bench.wait_ended(ended.id)).exit_code == 9
    await runtime.remove_container(container.id)
    assert container.id not in await runtime.read_containers()


async def test_a_hanging_containerd_is_unavailable_and_nothing_is_lost(
    real_bench: Bench, daemon: PrivateContainerd, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = await real_bench.run("sleep", "1000")
    monkeypatch.setattr("bastide.host.containerd.channel.Channel.call.__kwdefaults__", SHORT)
    daemon.pause()
    try:
        with pytest.raises(Unavailable, match="did not answer in time"):
            await real_bench.runtime.read_container(container.id)
    finally:
        daemon.resume()
    monkeypatch.undo()
    state = await real_bench.runtime.read_container(container.id)
    assert state is not None
    assert state.process is Process.RUNNING


async def test_a_task_can_be_removed_sandbox_first(real_bench: Bench, daemon: PrivateContainerd) -> None:
    running, ended = await real_bench.run("sleep", "1000"), await real_bench.run("true")
    await real_bench.wait_ended(ended.id)
    created = real_bench.container("sleep", "1000")
    await real_bench.runtime.ensure_container(created)
    for container_id in (real_bench.sandbox, created.id, running.id, ended.id):
        await real_bench.runtime.remove_container(container_id)
    assert not [each for each in await _settled(daemon, real_bench) if real_bench.task_id in each]


async def test_removal_leaves_nothing(real_bench: Bench, daemon: PrivateContainerd) -> None:
    await real_bench.run("true")  # whatever is made once for all tasks is there now
    await real_bench.remove_task()
    before = await _settled(daemon, real_bench)
    container = await real_bench.run("sleep", "1000")
    running = {container.id, real_bench.sandbox}
    assert any(name in each for name in running for each in processes()), "the search finds what runs"
    await real_bench.remove_task()
    assert await _settled(daemon, real_bench) == before


SHORT = {"timeout_s": 0.5, "lease": None}


async def _settled(daemon: PrivateContainerd, bench: Bench) -> list[str]:
    """All of the task's that is left once containerd has cleaned up behind its shim."""
    seen: list[str] = []
    for _ in range(50):
        seen = sorted(_leftovers(daemon, bench))
        if not any(bench.task_id in each for each in seen):
            break
        await asyncio.sleep(0.1)
    return seen


def _leftovers(daemon: PrivateContainerd, bench: Bench) -> Iterator[str]:
    run_folder = str(daemon.daemon.run_folder)
    yield from (each for each in processes() if run_folder in each or bench.task_id in each)
    yield from (line for line in Path("/proc/self/mountinfo").read_text().splitlines() if run_folder in line)
    yield from (str(path) for path in daemon.daemon.run_folder.rglob("*"))
    yield from (str(path) for path in daemon.daemon.data_folder.rglob("*") if bench.task_id in str(path))
    yield from (str(path) for path in Path("/sys/fs/cgroup").glob(f"**{bench.cgroup}*"))
    if (shim := _shim_socket(daemon, bench.sandbox)).exists():
        yield f"{shim} of {bench.task_id}"


def _shim_socket(daemon: PrivateContainerd, sandbox: str) -> Path:
    address = f"{daemon.daemon.socket}/{daemon.instance}/{sandbox}"
    return SHIM_SOCKETS / hashlib.sha256(address.encode()).hexdigest()


def processes() -> list[str]:
    """Every process's arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue
    return found


async def test_a_killed_shim_leaves_no_socket(real_bench: Bench, daemon: PrivateContainerd) -> None:
    """A shim takes its socket along when it ends by itself; killed, it cannot."""
    await real_bench.run("sleep", "1000")
    sandbox = real_bench.sandbox
    assert _shim_socket(daemon, sandbox).is_socket()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            arguments = file.read_bytes().split(b"\0")
            if (
                arguments[0].endswith(daemon.daemon.shim.program.name.encode())
                and sandbox.encode() in arguments
            ):
                os.kill(int(file.parent.name), signal.SIGKILL)
    async with asyncio.timeout(20):
        while await real_bench.runtime.read_container(sandbox):
            with contextlib.suppress(Unavailable):  # containerd notices the loss a moment later
                await real_bench.runtime.remove_container(sandbox)
            await asyncio.sleep(0.1)
    assert not _shim_socket(daemon, sandbox).exists()

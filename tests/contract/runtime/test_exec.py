"""Programs run beside a container's own process, as health checks are."""

import asyncio
import time
from unittest.mock import AsyncMock

import pytest

from bastide.host.ports import ExecResult, Process
from bastide.model.faults import Conflict, Invalid, NotFound
from tests.containerd_fixture import PrivateContainerd
from tests.contract.runtime.bench import Bench

EXEC = "health"


async def run_in(bench: Bench, container_id: str, *arguments: str, timeout_s: float = 20.0) -> ExecResult:
    return await bench.runtime.exec(container_id, EXEC, arguments, timeout_s=timeout_s, output_max=4096)


@pytest.mark.parametrize(
    ("line", "code", "output"),
    [("echo well", 0, b"well\n"), ("exit 3", 3, b""), ("echo ill >&2; exit 1", 1, b"ill\n")],
)
async def test_a_program_gives_its_exit_code_and_what_it_wrote(
    bench: Bench, line: str, code: int, output: bytes
) -> None:
    container = await bench.run("sleep", "1000")
    for _ in range(2):
        answer = await run_in(bench, container.id, "sh", "-c", line)
        assert answer == ExecResult(exit_code=code, output=output)


async def test_what_takes_too_long_is_killed(bench: Bench) -> None:
    container = await bench.run("sleep", "1000")
    began = time.monotonic()
    answer = await run_in(bench, container.id, "sh", "-c", "echo begun; exec sleep 555", timeout_s=1.0)
    assert time.monotonic() - began < 10
    assert answer == ExecResult(exit_code=None, output=b"begun\n")
    state = await bench.runtime.read_container(container.id)
    assert state is not None
    assert state.process is Process.RUNNING


async def test_output_is_cut_and_nobody_waits_for_it(bench: Bench) -> None:
    container = await bench.run("sleep", "1000")
    answer = await run_in(bench, container.id, "sh", "-c", "dd if=/dev/zero bs=1k count=300 2>/dev/null")
    assert answer == ExecResult(exit_code=0, output=b"\0" * 4096)


async def test_a_program_that_is_not_there_cannot_be_run(bench: Bench) -> None:
    container = await bench.run("sleep", "1000")
    with pytest.raises(Invalid, match="/nonexistent"):
        await run_in(bench, container.id, "/nonexistent")
    assert (await run_in(bench, container.id, "sh", "-c", "exit 3")).exit_code == 3


async def test_nothing_runs_in_a_container_that_does_not(bench: Bench) -> None:
    container = await bench.run("true")
    await bench.wait_ended(container.id)
    for container_id in (container.id, "0" * len(container.id)):
        with pytest.raises((NotFound, Conflict)):
            await run_in(bench, container_id, "sh", "-c", "exit 0")


async def test_the_end_of_the_container_is_the_end_of_the_program(bench: Bench) -> None:
    container = await bench.run("sleep", "1000")
    running = asyncio.create_task(run_in(bench, container.id, "sh", "-c", "echo begun; exec sleep 555"))
    await asyncio.sleep(0.5)
    await bench.runtime.send_signal(container.id, 9)
    async with asyncio.timeout(15):
        answer = (await asyncio.gather(running, return_exceptions=True))[0]
    assert isinstance(answer, NotFound | Conflict | ExecResult)
    assert not isinstance(answer, ExecResult) or answer.exit_code not in (0, None)
    assert (await bench.wait_ended(container.id)).exit_code == 137


@pytest.mark.real
async def test_a_flood_of_output_holds_nobody_up(real_bench: Bench) -> None:
    container = await real_bench.run("sleep", "1000")
    flooding = asyncio.create_task(run_in(real_bench, container.id, "cat", "/dev/zero", timeout_s=2.0))
    gaps, before = [], time.monotonic()
    while not flooding.done():
        await asyncio.sleep(0.01)
        gaps.append(time.monotonic() - before)
        before = time.monotonic()
    assert await flooding == ExecResult(exit_code=None, output=b"\0" * 4096)
    assert max(gaps) < 0.5


@pytest.mark.real
async def test_a_program_runs_as_the_container_does(real_bench: Bench) -> None:
    container = await real_bench.run("sleep", "1000", user="1000:2000")
    answer = await run_in(
        real_bench,
        container.id,
        "sh",
        "-c",
        "id -u; id -g; echo $HOSTNAME; pwd; grep CapEff /proc/self/status",
    )
    assert answer.output.decode().splitlines() == [
        *("1000", "2000", "ip-172-31-0-5.us-east-1.compute.internal", "/", "CapEff:\t0000000000000000")
    ]


@pytest.mark.real
async def test_what_an_agent_left_behind_is_killed_before_the_next(
    real_bench: Bench, containerd: PrivateContainerd, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = await real_bench.run("sleep", "1000")
    channel = containerd.channel()
    killed = containerd.runtime(channel)
    monkeypatch.setattr(killed._checks, "_remove", AsyncMock())
    arguments = ("sh", "-c", "exec sleep 555")
    left = asyncio.create_task(killed.exec(container.id, EXEC, arguments, timeout_s=60, output_max=1))
    listing = ("sh", "-c", "grep -l 'sleep.55[5]' /proc/[0-9]*/cmdline; true")
    await asyncio.sleep(1)
    left.cancel()
    await channel.close()
    answer = await run_in(real_bench, container.id, *listing)
    assert answer.output == b""


@pytest.mark.real
async def test_a_child_that_keeps_the_output_open_delays_nobody(real_bench: Bench) -> None:
    container = await real_bench.run("sleep", "1000")
    for _ in range(2):
        began = time.monotonic()
        answer = await run_in(real_bench, container.id, "sh", "-c", "sleep 555 & echo well")
        assert answer == ExecResult(exit_code=0, output=b"well\n")
        assert time.monotonic() - began < 5

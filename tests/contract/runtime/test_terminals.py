"""Programs on a terminal of their own in a container, as exec sessions run them."""

import asyncio
import hashlib
import random
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from bastide.host.ports import Terminal
from bastide.model.faults import Conflict, Invalid, NotFound
from bastide.plan.oci.execs import render_exec_process
from tests.contract.runtime.bench import Bench

WAIT_S = 20.0
MIB = 1024 * 1024
SHELL = ("sh", "-c", "stty -echo; exec sh")  # nothing of what is typed comes back
READY = b"READY"


def sit_at(
    bench: Bench, container_id: str, *arguments: str, exec_id: str = "ecs-execute-command-0"
) -> AbstractAsyncContextManager[Terminal]:
    shape = partial(render_exec_process, arguments=arguments)
    return bench.runtime.terminal(container_id, exec_id, shape)


async def read_until(terminal: Terminal, end: bytes) -> bytes:
    seen = b""
    async with asyncio.timeout(WAIT_S):
        while end not in seen:
            data = await terminal.read(4096)
            assert data, f"ended after {seen!r}"
            seen += data
    return seen


async def read_all(terminal: Terminal) -> bytes:
    seen = bytearray()
    async with asyncio.timeout(WAIT_S):
        while data := await terminal.read(65536):
            seen += data
    return bytes(seen)


async def test_a_shell_answers_is_resized_interrupted_and_left(real_bench: Bench) -> None:
    container = await real_bench.run("sleep", "1000")
    async with sit_at(real_bench, container.id, *SHELL) as terminal:
        await terminal.write(b"echo REA''DY $((40+2))\n")
        assert b"READY 42" in await read_until(terminal, b"42")
        await terminal.resize(123, 45)
        await terminal.write(b"stty size\n")
        assert b"45 123" in await read_until(terminal, b"123")
        await terminal.write(b"sleep 1000; echo on''ward\n")
        await asyncio.sleep(0.3)
        await terminal.write(b"\x03")
        await terminal.write(b"echo ba''ck\n")
        assert b"onward" not in await read_until(terminal, b"back")
        await terminal.write(b"exit 3\n")
        await read_all(terminal)
        assert await terminal.wait() == 3


async def test_it_is_root_with_what_its_container_may_have_and_no_more(real_bench: Bench) -> None:
    container = await real_bench.run("sleep", "1000", user="1000:1000")
    own = await real_bench.runtime.exec(
        container.id, "own", ("grep", "CapBnd", "/proc/self/status"), timeout_s=WAIT_S, output_max=4096
    )
    async with sit_at(
        real_bench, container.id, "sh", "-c", "id -u; env; grep Cap /proc/self/status"
    ) as terminal:
        seen = (await read_all(terminal)).decode().splitlines()
    assert seen[0] == "0"
    assert "TERM=xterm-256color" in seen
    allowed = own.output.split()[1].decode()
    held = dict(line.split(":\t") for line in seen if line.startswith("Cap"))
    assert held["CapEff"] == held["CapPrm"] == held["CapBnd"] == allowed
    assert int(held["CapAmb"], 16) == 0


async def test_a_flood_arrives_whole_however_slowly_it_is_read(real_bench: Bench) -> None:
    container = await real_bench.run("sleep", "1000")
    written = random.Random(0).randbytes(16 * MIB)
    (real_bench.folder / container.id / "written").write_bytes(written)
    async with sit_at(real_bench, container.id, "sh", "-c", "stty raw; exec cat /written") as terminal:
        first = await terminal.read(1000)
        await asyncio.sleep(0.5)
        seen = first + await read_all(terminal)
        assert await terminal.wait() == 0
    assert len(seen) == len(written)
    assert hashlib.md5(seen).digest() == hashlib.md5(written).digest()


async def test_a_program_goes_when_nobody_sits_there_any_more(real_bench: Bench) -> None:
    container = await real_bench.run("sleep", "1000")
    async with sit_at(real_bench, container.id, *SHELL) as terminal:
        await terminal.write(b"echo $$ >/tmp/shell; sleep 777\n")
        await asyncio.sleep(0.5)
    assert await count_sleepers(real_bench, container.id) == 0
    async with sit_at(real_bench, container.id, "sleep", "777"):
        assert await count_sleepers(real_bench, container.id) == 1
    assert await count_sleepers(real_bench, container.id) == 0


async def test_what_an_earlier_agent_left_is_ended(real_bench: Bench) -> None:
    container = await real_bench.run("sleep", "1000")
    left = sit_at(real_bench, container.id, "sleep", "777")
    await left.__aenter__()
    assert await count_sleepers(real_bench, container.id) == 1
    await real_bench.runtime.end_terminals()
    assert await count_sleepers(real_bench, container.id) == 0
    await left.__aexit__(None, None, None)


async def test_what_cannot_be_run_is_told(real_bench: Bench) -> None:
    container = await real_bench.run("sleep", "1000")
    with pytest.raises(Invalid, match="/nonexistent"):
        async with sit_at(real_bench, container.id, "/nonexistent"):
            pass
    with pytest.raises((NotFound, Conflict)):
        async with sit_at(real_bench, "0" * len(container.id), "sh"):
            pass
    async with sit_at(real_bench, container.id, "sh", "-c", "exit 4") as terminal:
        await read_all(terminal)
        assert await terminal.wait() == 4


async def count_sleepers(bench: Bench, container_id: str) -> int:
    line = "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o 'sleep[ ]777' | grep -c ."
    for _ in range(20):
        answer = await bench.runtime.exec(
            container_id, "count", ("sh", "-c", line), timeout_s=WAIT_S, output_max=4096
        )
        if count := int(answer.output or b"0"):
            return count
        await asyncio.sleep(0.05)
    return 0

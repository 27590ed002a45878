"""How programs are run: their output, their failures, and that none outlives its caller."""

import asyncio
import time
from pathlib import Path

import pytest

from bastide.host.command import CommandFailed, run


async def test_what_a_program_says_is_the_answer() -> None:
    assert await run("cat", stdin="given\n") == "given\n"


async def test_a_failure_names_the_program_and_what_it_said() -> None:
    with pytest.raises(CommandFailed) as failed:
        await run("sh", "-c", "echo out; echo why >&2; exit 3")
    assert failed.value.code == 3
    assert str(failed.value) == "sh: why"


async def test_what_was_given_is_not_repeated() -> None:
    with pytest.raises(CommandFailed) as failed:
        await run("false", stdin="secret")
    assert "secret" not in str(failed.value)


async def test_a_program_that_is_not_there_is_a_failure() -> None:
    with pytest.raises(CommandFailed) as failed:
        await run("/nowhere/program")
    assert failed.value.code is None


async def test_one_that_takes_too_long_goes_with_its_children(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(CommandFailed, match="still running after"):
        await run("sh", "-c", f"sleep 600 & echo $! > {tmp_path}/child; wait", timeout_s=0.3)
    assert time.monotonic() - began < 10
    assert is_gone((tmp_path / "child").read_text().strip())


async def test_one_whose_caller_is_cancelled_goes_with_its_children(tmp_path: Path) -> None:
    child = tmp_path / "child"
    running = asyncio.create_task(run("sh", "-c", f"sleep 600 & echo $! > {child}; wait"))
    while not (child.exists() and child.read_text().endswith("\n")):
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert is_gone(child.read_text().strip())


async def test_one_cancelled_while_it_starts_goes_with_its_children(tmp_path: Path) -> None:
    for turns in range(25):
        child = tmp_path / f"child{turns}"
        running = asyncio.create_task(run("sh", "-c", f"sleep 600 & echo $! > {child}; wait"))
        for _ in range(turns):
            await asyncio.sleep(0.0005)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(20):
                await running
        if child.exists() and (pid := child.read_text().strip()):
            assert is_gone(pid)


def is_gone(pid: str) -> bool:
    """Gone, or dead and only waiting to be reaped by the machine's first process."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.01)
    return False

"""What every Runtime does with containers and processes; the fake and containerd alike."""

import asyncio
import signal
from contextlib import aclosing

import pytest

from bastide.host.ports import Process
from bastide.model.faults import Invalid, NotFound
from tests.contract.runtime.bench import FAKE, GVISOR, Bench


async def test_a_created_container_waits_to_be_started(bench: Bench) -> None:
    await bench.ensure_sandbox()
    container = bench.container("sleep", "1000")
    await bench.runtime.ensure_container(container)
    state = (await bench.runtime.read_containers())[container.id]
    assert (state.process, state.labels) == (Process.CREATED, {"part": "app"})


async def test_a_started_container_runs(bench: Bench) -> None:
    container = await bench.run("sleep", "1000")
    states = await bench.runtime.read_containers()
    assert states[container.id].process is Process.RUNNING
    assert states[bench.sandbox].process is Process.RUNNING
    assert states[container.id].exit_code is None


async def test_creating_and_starting_again_changes_nothing(bench: Bench) -> None:
    container = await bench.run("sleep", "1000")
    await bench.runtime.ensure_container(container)
    await bench.runtime.ensure_started(container.id)
    state = await bench.runtime.read_container(container.id)
    assert state is not None
    assert state.process is Process.RUNNING


@pytest.mark.parametrize(
    ("line", "code"),
    [("exit 0", 0), ("exit 1", 1), ("exit 255", 255), ("/nonexistent", 127), ("kill -SEGV $$", 139)],
)
async def test_the_exit_code_is_the_process_own(bench: Bench, line: str, code: int) -> None:
    container = await bench.run("sh", "-c", line, init=bench.is_first_immune)
    state = await bench.wait_ended(container.id)
    assert state.exit_code == code
    assert state.exited_at is not None


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, 137)])
async def test_a_signal_ends_a_process_that_does_not_catch_it(bench: Bench, number: int, code: int) -> None:
    container = await bench.run("sleep", "1000", init=bench.is_first_immune)
    await bench.runtime.send_signal(container.id, number)
    assert (await bench.wait_ended(container.id)).exit_code == code


async def test_a_process_may_catch_a_signal(bench: Bench) -> None:
    container = await bench.run("sh", "-c", "trap 'exit 3' TERM; echo ready; while true; do sleep 0.1; done")
    await bench.wait_output(container.id, "ready")
    await bench.runtime.send_signal(container.id, signal.SIGTERM)
    assert (await bench.wait_ended(container.id)).exit_code == 3


async def test_a_signal_to_what_is_gone_does_nothing(bench: Bench) -> None:
    container = await bench.run("true")
    await bench.wait_ended(container.id)
    await bench.runtime.send_signal(container.id, signal.SIGTERM)
    await bench.runtime.send_signal(container.id, signal.SIGUSR1)
    await bench.runtime.send_signal("0" * len(container.id), signal.SIGTERM)


async def test_a_program_that_is_not_there_cannot_start(bench: Bench) -> None:
    with pytest.raises(Invalid, match=r"/nonexistent.*no such file"):
        await bench.run("/nonexistent")
    state = await bench.runtime.read_container(bench.last_id)
    assert state is not None
    assert state.process in (
        Process.STOPPED,
        None,
    )  # runc looks for it at create, and then there is no process


async def test_a_container_needs_its_sandbox(bench: Bench) -> None:
    with pytest.raises(Invalid):
        await bench.runtime.ensure_container(bench.container("true"))


async def test_what_was_never_made_is_not_found(bench: Bench) -> None:
    assert await bench.runtime.read_container(bench.sandbox) is None
    assert await bench.runtime.read_memory_bytes(bench.sandbox) is None
    with pytest.raises(NotFound):
        await bench.runtime.ensure_started(bench.sandbox)
    await bench.runtime.remove_container(bench.sandbox)


async def test_removal_takes_a_running_container_and_leaves_its_neighbours(bench: Bench) -> None:
    first, second = await bench.run("sleep", "1000"), await bench.run("sleep", "1000")
    await bench.runtime.remove_container(first.id)
    await bench.runtime.remove_container(first.id)
    states = await bench.runtime.read_containers()
    assert first.id not in states
    assert states[second.id].process is Process.RUNNING


async def test_what_was_created_and_never_started_can_be_removed(bench: Bench) -> None:
    await bench.ensure_sandbox()
    container = bench.container("sleep", "1000")
    await bench.runtime.ensure_container(container)
    await bench.runtime.remove_container(container.id)
    assert await bench.runtime.read_container(container.id) is None
    neighbour = await bench.run("true")
    assert (await bench.wait_ended(neighbour.id)).exit_code == 0


async def test_a_sandbox_created_and_never_started_can_be_removed(bench: Bench) -> None:
    await bench.create_sandbox()
    await bench.runtime.remove_container(bench.sandbox)
    assert await bench.runtime.read_container(bench.sandbox) is None


async def test_a_removed_container_can_be_made_again(bench: Bench) -> None:
    container = await bench.run("true")
    await bench.wait_ended(container.id)
    await bench.runtime.remove_container(container.id)
    again = await bench.run("sleep", "1000")
    state = await bench.runtime.read_container(again.id)
    assert state is not None
    assert state.process is Process.RUNNING


@pytest.mark.parametrize("bench", [FAKE, GVISOR], indirect=True)
async def test_the_end_of_the_sandbox_is_the_end_of_all_in_it(bench: Bench) -> None:
    """With a shared kernel it is the agent that ends them."""
    container = await bench.run("sleep", "1000")
    await bench.runtime.send_signal(bench.sandbox, signal.SIGKILL)
    assert (await bench.wait_ended(bench.sandbox)).process is Process.STOPPED
    assert (await bench.wait_ended(container.id)).exit_code is not None


async def test_memory_is_counted_while_a_container_runs(bench: Bench) -> None:
    container = await bench.run("sleep", "1000")
    used = await bench.runtime.read_memory_bytes(container.id)
    assert used is not None
    assert 0 < used < 512 * 1024 * 1024


async def test_what_a_container_uses_is_counted_and_grows(bench: Bench) -> None:
    container = await bench.run("sh", "-c", "while true; do :; done")
    first = await bench.runtime.read_usage(container.id)
    await asyncio.sleep(0.1)
    second = await bench.runtime.read_usage(container.id)
    assert first is not None and second is not None
    assert second.cpu_ns > first.cpu_ns
    assert (second.memory_bytes > 0, second.processes > 0) == (True, True)
    assert await bench.runtime.read_usage("0" * 32 + "-0000000009") is None


async def test_a_watch_tells_first_to_look_and_then_what_changed(bench: Bench) -> None:
    async with aclosing(bench.runtime.watch()) as changes, asyncio.timeout(20):  # type: ignore[type-var]
        assert await anext(changes) is None
        container = await bench.run("sh", "-c", "exit 4")
        seen = [await anext(changes) for _ in range(3)]
        assert seen == [bench.sandbox, container.id, container.id]
    assert (await bench.wait_ended(container.id)).exit_code == 4

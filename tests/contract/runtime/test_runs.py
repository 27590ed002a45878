"""A container's runs one after another, and processes that containers see of each other."""

import signal

import pytest
from msgspec.structs import replace

from bastide.host.ports import NewContainer, Process
from bastide.model.container.runs import run_id
from tests.containerd_fixture import skip_real
from tests.contract.runtime.bench import INIT, Bench


async def test_a_container_is_run_again_in_its_place(bench: Bench) -> None:
    """Its neighbours and its root filesystem stay as they are."""
    neighbour = await bench.run("sleep", "1000")
    container = await bench.run("sh", "-c", "exit 7")
    for _ in range(3):
        assert (await bench.wait_ended(container.id)).exit_code == 7
        container = await next_run(bench, container)
    assert (await bench.wait_ended(container.id)).exit_code == 7
    state = await bench.runtime.read_container(neighbour.id)
    assert state is not None
    assert state.process is Process.RUNNING


async def next_run(bench: Bench, container: NewContainer) -> NewContainer:
    await bench.runtime.remove_container(container.id)
    again = replace(container, id=run_id(container.id, 1))
    await bench.runtime.ensure_container(again)
    await bench.runtime.ensure_started(again.id)
    return again


@pytest.mark.real
async def test_a_later_run_finds_what_an_earlier_one_wrote(real_bench: Bench) -> None:
    line = "echo run >>/count; grep -c run /count"
    container = await real_bench.run("sh", "-c", line)
    first = container.id
    for number in ("1", "2", "3"):
        assert number in await real_bench.wait_output(first, number)
        await real_bench.wait_ended(container.id)
        container = await next_run(real_bench, container)


@pytest.mark.real
async def test_containers_of_a_task_see_no_process_of_each_other(real_bench: Bench) -> None:
    await real_bench.run("sleep", "777")
    other = await real_bench.run("sh", "-c", "cat /proc/[0-9]*/cmdline; echo end")
    seen = await real_bench.wait_output(other.id, "end")
    assert "777" not in seen


@pytest.mark.real
async def test_with_pid_mode_task_they_see_and_signal_each_other(real_bench: Bench) -> None:
    real_bench.pid_mode = "task"
    sleeper = await real_bench.run("sleep", "777")
    find = "grep -l 'sleep.77[7]' /proc/[0-9]*/cmdline | cut -d/ -f3"
    line = f"cat /proc/[0-9]*/cmdline; kill -TERM $({find}); echo end"
    other = await real_bench.run("sh", "-c", line)
    seen = await real_bench.wait_output(other.id, "end")
    assert "777" in seen
    assert "/pause" in seen
    assert (await real_bench.wait_ended(sleeper.id)).exit_code == 143


@pytest.mark.real
async def test_with_pid_mode_task_orphans_are_cleared_away(real_bench: Bench) -> None:
    real_bench.pid_mode = "task"
    line = (
        "(sleep 0.2 &); (sh -c 'sleep 0.1 & exit 0' &); sleep 1; cut -d' ' -f2-4 /proc/[0-9]*/stat; echo end"
    )
    container = await real_bench.run("sh", "-c", line)
    seen = await real_bench.wait_output(container.id, "end")
    assert " Z " not in seen
    assert "(pause) S 0" in seen


@pytest.mark.real
async def test_with_pid_mode_task_a_container_is_removed_with_all_its_processes(real_bench: Bench) -> None:
    real_bench.pid_mode = "task"
    container = await real_bench.run("sh", "-c", "(sleep 888 &); echo up; exec sleep 999")
    await real_bench.wait_output(container.id, "up")
    await real_bench.runtime.send_signal(container.id, signal.SIGKILL)
    await real_bench.wait_ended(container.id)
    await real_bench.runtime.remove_container(container.id)
    other = await real_bench.run("sh", "-c", "cat /proc/[0-9]*/cmdline; echo end")
    seen = await real_bench.wait_output(other.id, "end")
    assert "888" not in seen


@pytest.mark.real
async def test_with_pid_mode_task_an_init_reaps_and_says_nothing(real_bench: Bench) -> None:
    if not INIT.exists():
        skip_real("tini is not installed")
    real_bench.pid_mode = "task"
    line = "(sh -c 'sleep 0.1 & exit 0' &); sleep 1; cut -d' ' -f2-4 /proc/[0-9]*/stat; echo end"
    container = await real_bench.run("sh", "-c", line, init=True)
    seen = await real_bench.wait_output(container.id, "end")
    assert "(docker-init) S" in seen
    assert " Z " not in seen
    assert "WARN" not in seen

"""When a task is counted: when it asks, and no more than once a second."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bastide.agent.metadata import stats
from bastide.agent.metadata.stats import TaskStats
from bastide.host.ports import NewContainer
from bastide.model.task_state import TaskState
from bastide.model.usage import Sample
from tests.assignments import assignment, container
from tests.fakes.cgroups import FakeCgroups
from tests.fakes.disks import FakeDisks
from tests.fakes.network import FakeNetwork
from tests.fakes.runtime import Behaviour, FakeRuntime

APP, SIDE = container("app"), container("side")
SPEC, STATE = assignment(APP, SIDE), TaskState(boot_id="boot")


class World:
    """A task one of whose containers runs; the first wait takes no time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = datetime(2026, 1, 2, tzinfo=UTC)
        self.runtime = FakeRuntime(lambda new: Behaviour())
        self.stats = TaskStats(
            self.runtime, FakeNetwork(), FakeDisks(Path()), FakeCgroups(), now=lambda: self.now
        )
        monkeypatch.setattr(stats, "pause", self._pause)

    async def start(self) -> None:
        await self.runtime.ensure_container(
            NewContainer(id=APP.runtime_id, labels={}, spec={"process": {"args": ["x"]}}, rootfs=Path())
        )
        await self.runtime.ensure_started(APP.runtime_id)

    async def read(self) -> tuple[Sample, Sample]:
        return await self.stats.read(SPEC, STATE)

    async def _pause(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(monkeypatch)
    await made.start()
    return made


def cpu(sample: Sample) -> int:
    return sample.containers["app"].cpu_ns


async def test_who_asks_first_waits_for_the_second_sample(world: World) -> None:
    before, now = await world.read()
    assert now.at - before.at == timedelta(seconds=1)
    assert cpu(now) > cpu(before)
    assert set(now.containers) == {"app"}
    assert now.host_cpu.total_ns > 0


async def test_who_asks_again_gets_what_lies_between(world: World) -> None:
    _, first = await world.read()
    assert (await world.read())[1] == first
    world.now += timedelta(seconds=20)
    before, now = await world.read()
    assert (before, now.at - before.at) == (first, timedelta(seconds=20))


async def test_after_a_while_it_is_counted_anew(world: World) -> None:
    await world.read()
    world.now += timedelta(minutes=2)
    before, now = await world.read()
    assert now.at - before.at == timedelta(seconds=1)


async def test_many_who_ask_at_once_are_counted_for_once(world: World) -> None:
    answers = await asyncio.gather(*(world.read() for _ in range(10)))
    assert len({cpu(now) for _, now in answers}) == 1


async def test_what_is_forgotten_is_not_kept(world: World) -> None:
    first = await world.read()
    world.stats.forget(SPEC.task_id)
    assert await world.read() != first

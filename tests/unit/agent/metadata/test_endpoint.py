"""Whom the endpoint answers and about what: each task about itself, and nobody about anybody else."""

import json
from pathlib import Path
from typing import Any

import pytest

from bastide.agent.asking.calls import Calls, Request
from bastide.agent.metadata.endpoint import TaskEndpoint
from bastide.agent.metadata.rates import BURST, KEPT_MAX, PER_S, Rates
from bastide.agent.metadata.stats import TaskStats
from bastide.host.ports import Answered, Asked
from bastide.model.status import TaskStatus
from bastide.model.task_state import TaskState
from tests.assignments import ENI, TASK_ID, assignment, container
from tests.fakes.cgroups import FakeCgroups
from tests.fakes.disks import FakeDisks
from tests.fakes.endpoints import FakeEndpoints
from tests.fakes.network import FakeNetwork
from tests.fakes.runtime import Behaviour, FakeRuntime

APP, SIDE = container("app"), container("side")
SPEC = assignment(APP, SIDE)
STATE = TaskState(boot_id="boot", status=TaskStatus.RUNNING)
NEIGHBOUR = "f" * 32 + "-0000000001"


class World:
    """One task, at ENI's address of its VPC."""

    def __init__(self) -> None:
        self.endpoints = FakeEndpoints()
        self.runtime = FakeRuntime(lambda new: Behaviour())
        self.network = FakeNetwork()
        self.stats = TaskStats(self.runtime, self.network, FakeDisks(Path()), FakeCgroups())
        self.endpoint = TaskEndpoint(self.endpoints, Calls(self._hear), self.stats)
        self.endpoint.find = self._find

    def _hear(self, request: Request) -> bool:
        """The server, which may be away."""
        return False

    def _find(self, vpc_id: str, address: str) -> tuple[Any, Any] | None:
        return (SPEC, STATE) if (vpc_id, address) == (ENI.vpc_id, ENI.private_ip) else None

    async def ask(
        self, target: str, *, method: str = "GET", vpc_id: str = ENI.vpc_id, address: str = ENI.private_ip
    ) -> Answered:
        return await self.endpoint.answer(vpc_id, Asked(address=address, method=method, target=target))


@pytest.fixture
def world() -> World:
    return World()


async def test_a_container_is_told_of_itself_and_of_its_task(world: World) -> None:
    for version in (3, 4):
        own = json.loads((await world.ask(f"/v{version}/{APP.runtime_id}")).body)
        assert own["Name"] == "app"
        whole = json.loads((await world.ask(f"/v{version}/{SIDE.runtime_id}/task")).body)
        assert [each["Name"] for each in whole["Containers"]] == ["app", "side"]


async def test_a_neighbours_path_is_not_found(world: World) -> None:
    answered = await world.ask(f"/v4/{NEIGHBOUR}")
    assert answered.status == 404
    assert json.loads(answered.body) == (
        "V4 container metadata handler: unable to get container ID from request: "
        f"unable to get docker ID from v3 endpoint ID: {NEIGHBOUR}"
    )
    answered = await world.ask(f"/v3/{NEIGHBOUR}/task")
    assert answered.status == 404
    assert json.loads(answered.body).startswith("V3 task metadata handler: unable to get task arn")


async def test_who_is_no_task_of_the_vpc_is_told_nothing(world: World) -> None:
    for where in ({"address": "172.31.0.9"}, {"vpc_id": "vpc-other"}):
        answered = await world.ask(f"/v4/{APP.runtime_id}", **where)
        assert (answered.status, b"172.31" in answered.body) == (404, False)
    assert (await world.ask(f"/v4/{TASK_ID}")).status == 404
    assert (await world.ask("/latest/meta-data")).status == 404


async def test_it_is_only_read(world: World) -> None:
    assert (await world.ask(f"/v4/{APP.runtime_id}", method="POST")).status == 405


async def test_who_asks_too_often_is_told_so(world: World) -> None:
    answers = [(await world.ask(f"/v4/{APP.runtime_id}")).status for _ in range(int(BURST) + 40)]
    assert answers[: int(BURST)] == [200] * int(BURST)
    assert answers[-1] == 429


def test_a_task_may_ask_at_the_ecs_agents_rate_and_is_alone_with_it() -> None:
    rates = Rates()
    assert sum(rates.take("a", now=0.0) for _ in range(200)) == BURST
    assert sum(rates.take("a", now=1.0) for _ in range(200)) == PER_S
    assert rates.take("b", now=1.0)
    for number in range(2 * KEPT_MAX):
        rates.take(str(number), now=1.0 + number)
    assert sum(rates.take("a", now=1.0 + 2 * KEPT_MAX) for _ in range(200)) == BURST

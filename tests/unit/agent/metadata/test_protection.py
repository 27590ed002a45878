"""What a task is told that asks for its protection, in the ECS agent's words."""

import asyncio
import json
from typing import Any

import pytest

from bastide.agent.asking.calls import Calls, Request
from bastide.agent.metadata.protection import Protection, unknown_task
from bastide.host.ports import Asked
from bastide.model.assignment import Identity
from bastide.model.messages.task_calls import ProtectionAnswer, ProtectionRequest
from tests.assignments import assignment, container

SPEC = assignment(container("app"), identity=Identity(role_arn="arn:aws:iam::000000000000:role/task"))


class World:
    """A server that says which request it heard."""

    def __init__(self) -> None:
        self.heard: list[ProtectionRequest] = []
        self.is_away = False
        self.calls = Calls(self._hear)
        self.protection = Protection(self.calls)

    async def ask(self, method: str, body: str = "", spec: Any = SPEC) -> tuple[int, Any]:
        asked = Asked(address="", method=method, target="", body=body.encode())
        answered = await self.protection.answer(spec, asked)
        return answered.status, json.loads(answered.body) if answered.body else None

    def _hear(self, request: Request) -> bool:
        assert isinstance(request, ProtectionRequest)
        self.heard.append(request)
        document = {"protection": {"ProtectionEnabled": request.enabled, "Minutes": request.minutes}}
        answer = ProtectionAnswer(task_arn=request.task_arn, status=200, document=document)
        if not self.is_away:
            asyncio.get_running_loop().call_soon(self.calls.take, answer)
        return not self.is_away


@pytest.fixture
def world() -> World:
    return World()


async def test_it_is_asked_and_set(world: World) -> None:
    assert (await world.ask("GET"))[0] == 200
    status, told = await world.ask("PUT", '{"ProtectionEnabled": true, "ExpiresInMinutes": 60}')
    assert (status, told) == (200, {"protection": {"ProtectionEnabled": True, "Minutes": 60}})
    assert [(each.enabled, each.minutes) for each in world.heard] == [(None, None), (True, 60)]


async def test_two_at_once_get_an_answer_each(world: World) -> None:
    on, off = '{"ProtectionEnabled": true}', '{"ProtectionEnabled": false}'
    answers = await asyncio.gather(world.ask("PUT", on), world.ask("PUT", off), world.ask("GET"))
    assert [told["protection"]["ProtectionEnabled"] for _, told in answers] == [True, False, None]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "failed to decode"),
        ("nonsense", "failed to decode"),
        ("[]", "failed to decode"),
        ('{"ProtectionEnabled": "yes"}', "failed to decode"),
        ('{"ProtectionEnabled": true, "Other": 1}', "failed to decode"),
        ("{}", "does not contain 'ProtectionEnabled' field"),
    ],
)
async def test_a_body_that_makes_no_sense_is_refused(world: World, body: str, words: str) -> None:
    status, told = await world.ask("PUT", body)
    assert (status, told["error"]["Code"]) == (400, "InvalidParameterException")
    assert (words in told["error"]["Message"], told["error"]["Arn"]) == (True, SPEC.task_arn)
    assert world.heard == []


async def test_without_a_role_nothing_may_be_asked(world: World) -> None:
    status, told = await world.ask("GET", spec=assignment(container("app")))
    assert (status, told["error"]["Code"]) == (403, "AccessDeniedException")


async def test_without_the_server_it_is_a_time_out(world: World) -> None:
    world.is_away = True
    assert (await world.ask("GET"))[0] == 504


async def test_only_get_and_put_mean_something(world: World) -> None:
    assert await world.ask("DELETE") == (405, None)


def test_an_id_of_nobodys_finds_no_task() -> None:
    answered = unknown_task()
    assert (answered.status, json.loads(answered.body)["error"]["Code"]) == (404, "ResourceNotFoundException")

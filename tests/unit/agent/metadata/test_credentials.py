"""The credentials a task gets from its host: its own, renewed in time, kept while nobody renews them."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bastide.agent.asking.calls import Calls, Request
from bastide.agent.metadata.credentials import RoleCredentials
from bastide.model.assignment import Identity
from bastide.model.faults import Invalid, Unavailable
from bastide.model.messages.task_calls import RoleAnswer
from bastide.model.task_state import TaskState
from tests.assignments import assignment, container

ROLE = "arn:aws:iam::000000000000:role/task"
SPEC = assignment(container("app"), identity=Identity(role_arn=ROLE))
PLAIN = assignment(container("app"))
ID = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
STATE = TaskState(boot_id="boot", credentials_id=ID)


class World:
    """A server that makes a session for every question."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        self.made = 0
        self.is_away = False
        self.refusal: str | None = None
        self.calls = Calls(self._hear)
        self.credentials = RoleCredentials(self.calls, now=lambda: self.now)

    async def key(self, credentials_id: str = ID) -> str:
        return str((await self.ask(credentials_id))[1]["AccessKeyId"])

    async def ask(self, credentials_id: str = ID) -> tuple[int, dict[str, Any]]:
        answered = await self.credentials.answer(SPEC, STATE, credentials_id)
        return answered.status, json.loads(answered.body)

    def _hear(self, request: Request) -> bool:
        if self.is_away:
            return False
        self.made += 1
        answer = RoleAnswer(
            task_arn=request.task_arn,
            role_arn=ROLE,
            access_key_id=f"ASIA{self.made}",
            secret_access_key="secret",
            token="token",
            expires_at=self.now + timedelta(hours=6),
        )
        if self.refusal is not None:
            answer = RoleAnswer(task_arn=request.task_arn, error=self.refusal)
        asyncio.get_running_loop().call_soon(self.calls.take, answer)
        return True


@pytest.fixture
def world() -> World:
    return World()


async def test_they_are_told_as_sdks_read_them(world: World) -> None:
    assert await world.ask() == (
        200,
        {
            "RoleArn": ROLE,
            "AccessKeyId": "ASIA1",
            "SecretAccessKey": "secret",
            "Token": "token",
            "Expiration": "2026-01-02T09:04:05Z",
        },
    )


async def test_they_are_the_same_until_an_hour_is_left_and_fresh_from_then_on(world: World) -> None:
    world.now += timedelta(microseconds=1)
    assert await world.key() == "ASIA1"
    world.now += timedelta(hours=4, minutes=59)
    assert await world.key() == "ASIA1"
    world.now += timedelta(minutes=2)
    assert await world.key() == "ASIA2"


async def test_without_the_server_they_go_on_until_they_end(world: World) -> None:
    await world.credentials.prepare(SPEC)
    world.is_away = True
    world.now += timedelta(hours=5, minutes=59)
    assert await world.key() == "ASIA1"
    world.now += timedelta(minutes=1)
    status, told = await world.ask()
    assert (status, told["code"], told["HTTPErrorCode"]) == (503, "CredentialsUninitialized", 503)
    world.is_away = False
    assert await world.key() == "ASIA2"


async def test_a_role_that_cannot_be_had_does_not_take_away_what_there_is(world: World) -> None:
    await world.credentials.prepare(SPEC)
    world.refusal = "it is gone"
    world.now += timedelta(hours=5, minutes=30)
    assert await world.key() == "ASIA1"


async def test_many_who_ask_at_once_get_one_session(world: World) -> None:
    keys = await asyncio.gather(*(world.key() for _ in range(10)))
    assert set(keys) == {"ASIA1"}


async def test_another_id_finds_nothing_and_costs_nothing(world: World) -> None:
    status, told = await world.ask("0" * 36)
    assert (status, told["code"]) == (404, "InvalidIdInRequest")
    assert (await world.ask(""))[0] == 400
    assert world.made == 0
    without = replace(STATE, credentials_id="")
    assert (await world.credentials.answer(PLAIN, without, ID)).status == 404


async def test_a_task_starts_with_them_or_says_why_not(world: World) -> None:
    await world.credentials.prepare(PLAIN)
    assert world.made == 0
    world.refusal = "ECS was unable to assume the role"
    with pytest.raises(Invalid, match="unable to assume"):
        await world.credentials.prepare(SPEC)
    world.is_away = True
    with pytest.raises(Unavailable):
        await world.credentials.prepare(SPEC)


async def test_what_is_forgotten_is_asked_for_anew(world: World) -> None:
    await world.credentials.prepare(SPEC)
    world.credentials.forget(SPEC.task_id)
    assert await world.key() == "ASIA2"

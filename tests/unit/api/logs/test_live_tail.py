"""StartLiveTail: who hears of which events, how many, and for how long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from bastide.api.logs import live_tail
from bastide.api.operation import Streams
from bastide.api.registry import SERVICES
from bastide.model.faults import Invalid, NotFound

ARN = "arn:aws:logs:eu-test-1:111122223333:log-group:app"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_tail, "UPDATE_S", 0.02)


@asynccontextmanager
async def tailing(logs: Any, *identifiers: str, **params: Any) -> AsyncIterator[Any]:
    operation = SERVICES["logs"]["StartLiveTail"]
    assert isinstance(operation, Streams)
    asked = {"logGroupIdentifiers": list(identifiers or (ARN,)), **params}
    async with aclosing(await operation.run(logs.store, logs.context, asked)) as events:
        name, started = await anext(events)
        assert (name, started["logGroupIdentifiers"]) == ("sessionStart", asked["logGroupIdentifiers"])
        yield events


async def results(events: Any) -> list[dict[str, Any]]:
    """Those of the next update that has any."""
    async with asyncio.timeout(5):
        async for name, update in events:
            assert name == "sessionUpdate"
            if update["sessionResults"]:
                found: list[dict[str, Any]] = update["sessionResults"]
                return found
    raise AssertionError


async def test_what_is_stored_is_told(logs: Any) -> None:
    await logs.put((0, "before"))
    async with tailing(logs) as events:
        await logs.put((1, "one"), (2, "two"))
        found = await results(events)
        assert [one["message"] for one in found] == ["one", "two"]
        assert found[0] == {
            "logGroupIdentifier": "111122223333:app",
            "logStreamName": "one",
            "message": "one",
            "timestamp": logs.now_ms + 1,
            "ingestionTime": logs.now_ms,
        }
        assert (await anext(events))[1]["sessionResults"] == []


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"logEventFilterPattern": "ERROR"}, ["ERROR a", "ERROR b"]),
        ({"logStreamNames": ["two"]}, ["ERROR b"]),
        ({"logStreamNamePrefixes": ["o", "x"]}, ["ERROR a", "fine"]),
    ],
)
async def test_filters(logs: Any, params: Any, expected: list[str]) -> None:
    await logs.call("CreateLogStream", logGroupName="app", logStreamName="two")
    async with tailing(logs, **params) as events:
        await logs.put((1, "ERROR a"), (2, "fine"))
        await logs.put((1, "ERROR b"), stream="two")
        found: list[str] = []
        while len(found) < len(expected):
            found += [one["message"] for one in await results(events)]
        assert found == expected


async def test_many_events_are_sampled(logs: Any) -> None:
    async with tailing(logs) as events:
        await logs.put(*((0, str(number)) for number in range(2_000)))
        async for _, update in events:
            if update["sessionResults"]:
                assert update["sessionMetadata"] == {"sampled": True}
                assert len(update["sessionResults"]) == 500
                return


async def test_a_session_ends_after_three_hours(logs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_tail, "SESSION_S", 0.03)
    async with tailing(logs) as events:
        names = [name async for name, _ in events]
    assert names[-1] == "SessionTimeoutException"


@pytest.mark.parametrize(
    ("identifiers", "params", "fault"),
    [
        (["app"], {}, Invalid),
        ([f"{ARN}:*"], {}, Invalid),
        ([ARN], {"logStreamNames": ["a"], "logStreamNamePrefixes": ["b"]}, Invalid),
        ([ARN, ARN], {"logStreamNames": ["a"]}, Invalid),
        ([ARN], {"logEventFilterPattern": "{ broken"}, Invalid),
        ([ARN + "x"], {}, NotFound),
    ],
)
async def test_what_cannot_be_is_refused_before_the_session(
    logs: Any, identifiers: list[str], params: Any, fault: type[Exception]
) -> None:
    with pytest.raises(fault):
        async with tailing(logs, *identifiers, **params):
            pass

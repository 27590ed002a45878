"""Logs' files follow the records: retention, deleted groups and streams."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bastide.control.log_groups import LogGroups
from bastide.store import Store
from bastide.store.logs.ids import DELETED_STREAM
from tests.unit.api.conftest import NOW, Api

DAY_MS = 86_400_000


class World:
    def __init__(self, store: Store, folder: Path) -> None:
        self.api = Api(store)
        self.folder = folder

    async def call(self, operation: str, **params: Any) -> Any:
        return await self.api.call(operation, service="logs", logGroupName="app", **params)

    async def put(self, stream: str, *days: int) -> None:
        for day in days:
            event = {"timestamp": int(NOW.timestamp() * 1000) - day * DAY_MS, "message": f"{day}"}
            await self.call("PutLogEvents", logStreamName=stream, logEvents=[event])

    async def look(self, *, days: float = 0) -> None:
        """Seal everything and keep order, so many days from now."""
        await self.api.store.logs.seal(at_once=True)
        await LogGroups(self.api.store, now=lambda: NOW + timedelta(days=days)).look()

    def segments(self) -> int:
        return len(list(self.folder.glob("logs/segments/*/*/*.parquet")))


@pytest.fixture
async def world(store: Store, tmp_path: Path) -> World:
    made = World(store, tmp_path)
    await made.call("CreateLogGroup")
    for stream in ("a", "b"):
        await made.call("CreateLogStream", logStreamName=stream)
    return made


async def test_whole_days_leave_the_disk_when_they_have_expired(world: World) -> None:
    await world.put("a", 0, 1, 2, 5)
    await world.look()
    assert world.segments() == 4
    await world.call("PutRetentionPolicy", retentionInDays=3)
    await world.look()
    assert world.segments() == 3
    await world.look(days=3)
    assert world.segments() == 1


async def test_nothing_of_a_deleted_group_stays(world: World) -> None:
    await world.put("a", 0)
    await world.look()
    await world.put("a", 0)
    await world.call("DeleteLogGroup")
    await world.look()
    await world.look()
    assert world.segments() == 0
    assert await world.api.store.logs.groups() == set()
    await world.call("CreateLogGroup")
    await world.call("CreateLogStream", logStreamName="a")
    assert (await world.call("GetLogEvents", logStreamName="a"))["events"] == []


async def test_a_deleted_stream_is_swept_out_and_forgotten(world: World) -> None:
    await world.put("a", 0, 1)
    await world.put("b", 0)
    await world.look()
    await world.put("a", 0)
    await world.call("DeleteLogStream", logStreamName="a")
    await world.call("CreateLogStream", logStreamName="a")
    found = await world.call("FilterLogEvents")
    assert [event["logStreamName"] for event in found["events"]] == ["b"]
    await world.look()
    assert world.segments() == 1
    assert await world.api.store.view(lambda txn: txn.count(DELETED_STREAM)) == 0
    assert (await world.call("GetLogEvents", logStreamName="a"))["events"] == []

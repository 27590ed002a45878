"""The lines of containers: which stream they land in, and what happens to odd ones."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

import msgspec
import pytest

from bastide.api.agents.reports import store_logs
from bastide.api.logs.lines import MESSAGE_MAX_BYTES
from bastide.model.assignment import LogLine, LogTarget
from bastide.model.faults import Invalid, NotFound
from bastide.model.frames import LogBatch

SEQUENCES = count()
NOW = datetime(2030, 1, 1, tzinfo=UTC)
TASK = "arn:aws:ecs:us-east-1:111122223333:task/default/" + "0" * 32


def target(group: str = "app", *, create_group: bool = False) -> LogTarget:
    return LogTarget(group=group, stream="web/app/1", region="eu-test-1", create_group=create_group)


async def store(logs: Any, to: LogTarget, *lines: tuple[int, str]) -> None:
    """Store them, or raise what is said against it."""
    batch = LogBatch(
        task_arn=TASK,
        container="app",
        source="stdout",
        sequence=next(SEQUENCES),
        target=to,
        lines=tuple(LogLine(stamp, text) for stamp, text in lines),
    )
    (fault,) = await store_logs(logs.store, [batch], NOW)
    if fault is not None:
        raise fault


async def read(logs: Any, group: str = "app") -> list[str]:
    found = await logs.call("GetLogEvents", logGroupName=group, logStreamName="web/app/1", startFromHead=True)
    return [event["message"] for event in found["events"]]


async def test_lines_make_their_stream_in_the_region_of_the_driver(logs: Any) -> None:
    await store(logs, target(), (1, "one"), (2, ""), (3, "three"))
    await store(logs, target(), (4, "four"))
    assert await read(logs) == ["one", "three", "four"]


async def test_a_missing_group_is_a_fault_unless_it_may_be_made(logs: Any) -> None:
    with pytest.raises(NotFound) as raised:
        await store(logs, target("new"), (1, "x"))
    assert raised.value.noun == "log group"
    await store(logs, target("new", create_group=True), (1, "x"))
    assert await read(logs, "new") == ["x"]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("region", ""),
        ("region", "../us-east-1"),
        ("region", "us/east"),
        ("group", "a group"),
        ("group", "a" * 513),
        ("stream", "a:b"),
        ("stream", "*"),
    ],
)
async def test_a_name_that_can_be_none_is_a_fault(logs: Any, member: str, value: str) -> None:
    wrong = msgspec.structs.replace(target(create_group=True), **{member: value})
    with pytest.raises(Invalid, match="is not valid"):
        await store(logs, wrong, (1, "x"))


async def test_long_lines_are_cut_between_characters(logs: Any) -> None:
    line = "é" * MESSAGE_MAX_BYTES  # two bytes each
    await store(logs, target(), (1, "a" + line))
    found = await logs.search(limit=10)
    pieces = [event["message"] for event in found["events"]]
    token = found.get("nextToken")
    while token:
        found = await logs.search(limit=10, nextToken=token)
        pieces += [event["message"] for event in found["events"]]
        token = found.get("nextToken")
    assert "".join(pieces) == "a" + line
    assert all(len(piece.encode()) <= MESSAGE_MAX_BYTES for piece in pieces)
    assert len(pieces) == 3

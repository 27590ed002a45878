"""Where what was shown in a session is kept."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bastide.api.exec.transcripts import Transcript, read_destination
from bastide.store import Record
from tests.account import VAULT, container
from tests.unit.api.exec.conftest import World

AWSLOGS = {
    "logDriver": "awslogs",
    "options": {"awslogs-group": "/app", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "t"},
}


async def shown_in(world: World, folder: Path, text: bytes = b"$ ls\r\nbin\r\n") -> str:
    """The id of a session in which this was shown."""
    arn = await world.run(container(logConfiguration=AWSLOGS))
    session_id: str = (await world.execute(arn))["session"]["sessionId"]
    record: Record = await world.account.record("exec-session", session_id)
    destination = await world.store.view(lambda txn: read_destination(txn, record))
    if destination is not None:
        transcript = Transcript(record, destination, folder)
        transcript.add(text)
        await transcript.store(world.store, world.account.settings, VAULT)
    return session_id


async def lines_of(world: World, group: str, stream: str) -> list[str]:
    answer = await world.call(
        "GetLogEvents", service="logs", logGroupName=group, logStreamName=stream, startFromHead=True
    )
    return [event["message"] for event in answer["events"]]


async def configure(world: World, **execute: Any) -> None:
    configuration = {"executeCommandConfiguration": execute}
    await world.call("UpdateCluster", cluster="default", configuration=configuration)


@pytest.fixture
async def groups(world: World, tmp_path: Path) -> None:
    world.account.settings = type(world.account.settings)(data_root=tmp_path)
    for name in ("/app", "/audit"):
        await world.call("CreateLogGroup", service="logs", logGroupName=name)


@pytest.mark.usefixtures("groups")
async def test_by_default_it_is_with_the_containers_lines(world: World, tmp_path: Path) -> None:
    session_id = await shown_in(world, tmp_path)
    assert await lines_of(world, "/app", session_id) == ["$ ls", "bin"]


@pytest.mark.usefixtures("groups")
async def test_none_is_nowhere(world: World, tmp_path: Path) -> None:
    await configure(world, logging="NONE")
    await shown_in(world, tmp_path)
    streams = await world.call("DescribeLogStreams", service="logs", logGroupName="/app")
    assert streams["logStreams"] == []


@pytest.mark.usefixtures("groups")
async def test_another_place_is_a_group_a_bucket_or_both(world: World, tmp_path: Path) -> None:
    await world.call("CreateBucket", service="s3", Bucket="audits")
    chosen = {"cloudWatchLogGroupName": "/audit", "s3BucketName": "audits", "s3KeyPrefix": "exec"}
    await configure(world, logging="OVERRIDE", logConfiguration=chosen, kmsKeyId="alias/mine")
    session_id = await shown_in(world, tmp_path)
    assert await lines_of(world, "/audit", session_id) == ["$ ls", "bin"]
    kept = await world.call("GetObject", service="s3", Bucket="audits", Key=f"exec/{session_id}.log")
    assert kept["Body"] == b"$ ls\r\nbin\r\n"
    shown = await world.call("DescribeClusters", clusters=["default"], include=["CONFIGURATIONS"])
    configuration = shown["clusters"][0]["configuration"]["executeCommandConfiguration"]
    assert configuration["kmsKeyId"] == "alias/mine"


async def test_a_group_that_is_not_there_costs_the_transcript_alone(world: World, tmp_path: Path) -> None:
    await configure(world, logging="OVERRIDE", logConfiguration={"cloudWatchLogGroupName": "/none"})
    await shown_in(world, tmp_path)


@pytest.mark.usefixtures("groups")
async def test_a_long_one_is_kept_whole(world: World, tmp_path: Path) -> None:
    session_id = await shown_in(world, tmp_path, b"".join(b"%06d\r\n" % n for n in range(60_000)))
    answer = await asyncio.wait_for(lines_of(world, "/app", session_id), 10)
    assert answer[0] == "000000"

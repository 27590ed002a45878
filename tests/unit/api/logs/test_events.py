"""PutLogEvents and GetLogEvents: limits, what is rejected, and pages in both directions."""

from typing import Any

import pytest

from bastide.model.faults import Invalid, NotFound

HOUR = 3600 * 1000
DAY = 24 * HOUR


def texts(result: dict[str, Any]) -> list[str]:
    return [event["message"] for event in result["events"]]


async def test_events_come_back_by_time_with_the_newest_page_first(logs: Any) -> None:
    await logs.put((-5, "b"), (-4, "c"))
    await logs.put((-9, "a"), (-1, "d"))
    page = await logs.get(limit=2)
    assert texts(page) == ["c", "d"]
    assert texts(await logs.get(limit=2, nextToken=page["nextBackwardToken"])) == ["a", "b"]
    assert texts(await logs.get()) == ["a", "b", "c", "d"]
    event = (await logs.get())["events"][0]
    assert event["timestamp"] == logs.now_ms - 9
    assert event["ingestionTime"] > 0


async def test_pages_forward_end_with_the_token_they_were_asked_with(logs: Any) -> None:
    await logs.put(*((number, str(number)) for number in range(7)))
    found, token = [], None
    for _ in range(10):
        page = await logs.get(startFromHead=True, limit=3, **({"nextToken": token} if token else {}))
        found.append(texts(page))
        if page["nextForwardToken"] == token:
            break
        token = page["nextForwardToken"]
    assert found == [["0", "1", "2"], ["3", "4", "5"], ["6"], []]
    await logs.put((99, "later"))
    assert texts(await logs.get(nextToken=token)) == ["later"]


async def test_turning_round_loses_nothing_and_repeats_nothing(logs: Any) -> None:
    await logs.put(*((0, str(number)) for number in range(6)))
    first = await logs.get(startFromHead=True, limit=3)
    second = await logs.get(limit=2, nextToken=first["nextForwardToken"])
    assert texts(second) == ["3", "4"]
    assert texts(await logs.get(nextToken=second["nextBackwardToken"])) == ["0", "1", "2"]
    start = await logs.get(nextToken=first["nextBackwardToken"])
    assert texts(start) == []
    assert start["nextBackwardToken"] == first["nextBackwardToken"]
    assert texts(await logs.get(limit=1, nextToken=start["nextForwardToken"])) == ["0"]
    end = await logs.get(nextToken=(await logs.get())["nextForwardToken"])
    assert texts(await logs.get(limit=2, nextToken=end["nextBackwardToken"])) == ["4", "5"]


async def test_an_empty_stream_can_be_followed(logs: Any) -> None:
    page = await logs.get()
    assert texts(page) == []
    await logs.put((0, "first"))
    assert texts(await logs.get(nextToken=page["nextForwardToken"])) == ["first"]


async def test_start_is_included_and_end_is_not(logs: Any) -> None:
    await logs.put((1, "a"), (2, "b"), (3, "c"))
    assert texts(await logs.get(startTime=logs.now_ms + 2, endTime=logs.now_ms + 3)) == ["b"]


async def test_a_page_holds_a_megabyte(logs: Any) -> None:
    await logs.put(*((number, str(number) * 400_000) for number in range(2)))
    await logs.put(*((number, str(number) * 400_000) for number in range(2, 4)))
    page = await logs.get(startFromHead=True)
    assert [text[0] for text in texts(page)] == ["0", "1"]
    page = await logs.get(nextToken=page["nextForwardToken"])
    assert [text[0] for text in texts(page)] == ["2", "3"]


@pytest.mark.parametrize(
    ("events", "stored", "rejected"),
    [
        (
            [(-15 * DAY, "old"), (0, "a"), (3 * HOUR, "new")],
            ["a"],
            {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2},
        ),
        ([(0, "a"), (2 * HOUR, "b"), (2 * HOUR + 1, "c")], ["a", "b"], {"tooNewLogEventStartIndex": 2}),
        ([(-20 * DAY, "x"), (-15 * DAY, "y")], [], {"tooOldLogEventEndIndex": 2}),
        ([(0, "a")], ["a"], None),
    ],
)
async def test_too_old_and_too_new_are_left_out(
    logs: Any, events: list[tuple[int, str]], stored: list[str], rejected: Any
) -> None:
    result = await logs.put(*events)
    assert result.get("rejectedLogEventsInfo") == rejected
    assert len(result["nextSequenceToken"]) == 56
    assert texts(await logs.get()) == stored


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([(1, "b"), (0, "a")], "chronological order"),
        ([(-25 * HOUR, "a"), (0, "b")], "24 hours"),
        ([(0, "é" * 524_276)], "1048578 bytes exceeds limit of 1048576"),
    ],
)
async def test_batches_beyond_the_rules_are_refused_whole(
    logs: Any, events: list[tuple[int, str]], why: str
) -> None:
    with pytest.raises(Invalid, match=why):
        await logs.put(*events)
    assert texts(await logs.get()) == []


async def test_the_largest_batch_is_taken(logs: Any) -> None:
    await logs.put((0, "x" * (1_048_576 - 26)))
    assert len(texts(await logs.get())[0]) == 1_048_550


async def test_retention_hides_and_rejects(logs: Any) -> None:
    await logs.put((-5 * HOUR, "old"), (0, "kept"))
    await logs.call("PutRetentionPolicy", logGroupName="app", retentionInDays=1)
    logs.move(20 * 3600)
    assert texts(await logs.get()) == ["kept"]
    assert texts(await logs.search()) == ["kept"]
    result = await logs.put((-23 * HOUR - 1, "a"), (0, "b"))
    assert "rejectedLogEventsInfo" not in result
    assert (await logs.put((-24 * HOUR - 1, "gone")))["rejectedLogEventsInfo"] == {
        "expiredLogEventEndIndex": 1
    }
    assert texts(await logs.get()) == ["a", "kept", "b"]
    await logs.call("DeleteRetentionPolicy", logGroupName="app")
    with pytest.raises(Invalid):
        await logs.call("PutRetentionPolicy", logGroupName="app", retentionInDays=2)


@pytest.mark.parametrize(
    ("group", "stream", "noun"), [("other", "one", "log group"), ("app", "other", "log stream")]
)
async def test_what_does_not_exist_is_named(logs: Any, group: str, stream: str, noun: str) -> None:
    place = {"logGroupName": group, "logStreamName": stream}
    event = {"timestamp": logs.now_ms, "message": "x"}
    for operation, more in [("PutLogEvents", {"logEvents": [event]}), ("GetLogEvents", {})]:
        with pytest.raises(NotFound) as raised:
            await logs.call(operation, **place, **more)
        assert raised.value.noun == noun


async def test_a_group_can_be_named_by_its_arn(logs: Any) -> None:
    await logs.put((0, "x"))
    arn = "arn:aws:logs:eu-test-1:111122223333:log-group:app"
    found = await logs.call("GetLogEvents", logGroupIdentifier=arn, logStreamName="one")
    assert texts(found) == ["x"]
    with pytest.raises(NotFound):
        elsewhere = arn.replace("eu-test-1", "us-east-1")
        await logs.call("GetLogEvents", logGroupIdentifier=elsewhere, logStreamName="one")
    with pytest.raises(Invalid):
        await logs.call("GetLogEvents", logStreamName="one")
    with pytest.raises(Invalid):
        await logs.get(nextToken="f/1")

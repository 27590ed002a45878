"""FilterLogEvents: across streams, by time, in pages that neither lose nor repeat an event."""

from typing import Any

import pytest

from bastide.api.logs import search
from bastide.model.faults import Invalid, NotFound
from bastide.store.logs import reading


def texts(result: dict[str, Any]) -> list[str]:
    return [event["message"] for event in result["events"]]


async def every_page(logs: Any, **params: Any) -> list[list[str]]:
    pages: list[list[str]] = []
    token: dict[str, str] = {}
    while True:
        page = await logs.search(**params, **token)
        pages.append(texts(page))
        if "nextToken" not in page:
            return pages
        token = {"nextToken": page["nextToken"]}


@pytest.fixture
async def filled(logs: Any) -> Any:
    """Two streams whose events take turns."""
    await logs.call("CreateLogStream", logGroupName="app", logStreamName="two")
    await logs.put((1, "a INFO"), (3, "c ERROR"), (5, "e INFO"))
    await logs.put((2, "b INFO"), (4, "d ERROR"), stream="two")
    return logs


async def test_streams_are_interleaved_by_time(filled: Any) -> None:
    result = await filled.search()
    assert [text[0] for text in texts(result)] == ["a", "b", "c", "d", "e"]
    assert [event["logStreamName"] for event in result["events"]] == ["one", "two"] * 2 + ["one"]
    assert len({event["eventId"] for event in result["events"]}) == 5
    assert result["searchedLogStreams"] == []
    assert "nextToken" not in result


async def test_streams_patterns_and_times_narrow_the_search(filled: Any) -> None:
    assert texts(await filled.search(filterPattern="ERROR")) == ["c ERROR", "d ERROR"]
    assert texts(await filled.search(logStreamNames=["two"])) == ["b INFO", "d ERROR"]
    assert texts(await filled.search(logStreamNamePrefix="o", filterPattern="ERROR")) == ["c ERROR"]
    now = filled.now_ms
    assert texts(await filled.search(startTime=now + 2, endTime=now + 3)) == ["b INFO", "c ERROR"]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 9])
async def test_pages_have_every_event_once(filled: Any, limit: int) -> None:
    pages = await every_page(filled, limit=limit)
    assert [text[0] for page in pages for text in page] == ["a", "b", "c", "d", "e"]
    assert all(len(page) <= limit for page in pages)
    assert pages[-1]
    backwards = await every_page(filled, limit=limit, startFromHead=False, startTime=filled.now_ms)
    assert [text[0] for page in backwards for text in page] == ["e", "d", "c", "b", "a"]


async def test_a_call_looks_at_a_bounded_number_of_events(
    filled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "LOOK_MAX_EVENTS", 1)
    monkeypatch.setattr(reading, "STEP_BYTES", 1)
    assert await every_page(filled, filterPattern="?x ?e") == [[], ["e INFO"]]


async def test_a_token_belongs_to_its_search(filled: Any) -> None:
    token = (await filled.search(limit=1))["nextToken"]
    for params in ({"nextToken": token, "filterPattern": "x"}, {"nextToken": "nonsense"}):
        with pytest.raises(Invalid):
            await filled.search(**params)


async def test_searches_that_cannot_be(filled: Any) -> None:
    with pytest.raises(NotFound):
        await filled.search(logStreamNames=["missing"])
    for params in (
        {"logStreamNames": ["one"], "logStreamNamePrefix": "o"},
        {"filterPattern": "{ broken"},
        {"startFromHead": False, "startTime": 1},
    ):
        with pytest.raises(Invalid):
            await filled.search(**params)


async def test_a_prefix_finds_the_streams_that_begin_with_it(filled: Any) -> None:
    for name in ("tea", "tin"):
        await filled.call("CreateLogStream", logGroupName="app", logStreamName=name)
        await filled.put((3, name), (6, name), stream=name)
    found = await every_page(filled, logStreamNamePrefix="t", limit=3)
    assert [text[:3] for page in found for text in page] == ["b I", "tea", "tin", "d E", "tea", "tin"]
    assert await every_page(filled, logStreamNamePrefix="x") == [[]]

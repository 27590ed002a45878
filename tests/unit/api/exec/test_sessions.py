"""Session Manager's calls about exec sessions."""

import pytest

from bastide.model.faults import Invalid, NotFound
from tests.unit.api.exec.conftest import World


async def test_a_session_that_was_terminated_is_history(world: World) -> None:
    session_id = (await world.execute(await world.run()))["session"]["sessionId"]
    for _ in range(2):
        answer = await world.call("TerminateSession", service="ssm", SessionId=session_id)
        assert answer == {"SessionId": session_id}
    assert await world.sessions() == []
    (shown,) = await world.sessions("History")
    assert (shown["SessionId"], shown["Status"]) == (session_id, "Terminated")
    assert shown["EndDate"] == world.account.now.timestamp()


async def test_resuming_gives_a_new_token_and_none_when_it_is_over(world: World) -> None:
    first = (await world.execute(await world.run()))["session"]
    again = await world.call("ResumeSession", service="ssm", SessionId=first["sessionId"])
    assert again["StreamUrl"] == first["streamUrl"]
    assert again["TokenValue"] not in ("", first["tokenValue"])
    await world.call("TerminateSession", service="ssm", SessionId=first["sessionId"])
    over = await world.call("ResumeSession", service="ssm", SessionId=first["sessionId"])
    assert "TokenValue" not in over


@pytest.mark.parametrize("operation", ["ResumeSession", "TerminateSession"])
async def test_what_is_not_there_is_told(world: World, operation: str) -> None:
    with pytest.raises(NotFound):
        await world.call(operation, service="ssm", SessionId="ecs-execute-command-0")


async def test_sessions_are_listed_newest_first_by_pages_and_filters(world: World) -> None:
    arn = await world.run()
    ids = []
    for _ in range(5):
        ids.append((await world.execute(arn))["session"]["sessionId"])
        world.account.later(10)
    shown: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = await world.call("DescribeSessions", service="ssm", State="Active", MaxResults=2, **token)
        shown += [each["SessionId"] for each in page["Sessions"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert shown == ids[::-1]
    only = [{"key": "SessionId", "value": ids[2]}]
    assert [each["SessionId"] for each in await world.sessions(Filters=only)] == [ids[2]]
    late = [{"key": "InvokedAfter", "value": "2026-01-02T03:04:30+00:00"}]
    assert [each["SessionId"] for each in await world.sessions(Filters=late)] == ids[:2:-1]
    with pytest.raises(Invalid):
        await world.sessions(Filters=[{"key": "InvokedAfter", "value": "soon"}])

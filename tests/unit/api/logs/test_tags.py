"""Tags of log groups."""

from typing import Any

import pytest

from bastide.model.faults import Invalid, LimitExceeded, NotFound

ARN = "arn:aws:logs:eu-test-1:111122223333:log-group:"


async def tags(logs: Any, arn: str) -> Any:
    return (await logs.call("ListTagsForResource", resourceArn=arn))["tags"]


async def test_tags_are_those_of_the_creation_and_what_came_later(logs: Any) -> None:
    await logs.call("CreateLogGroup", logGroupName="/web", tags={"a": "1", "b": "2"})
    arn = ARN + "/web"
    assert await tags(logs, arn) == {"a": "1", "b": "2"}
    await logs.call("TagResource", resourceArn=arn + ":*", tags={"b": "3", "c": "4"})
    await logs.call("UntagResource", resourceArn=arn, tagKeys=["a", "never"])
    assert await tags(logs, arn + ":*") == {"b": "3", "c": "4"}
    assert await tags(logs, ARN + "app") == {}


@pytest.mark.parametrize(
    ("arn", "fault"),
    [
        (ARN + "gone", NotFound),
        ("arn:aws:logs:us-east-1:111122223333:log-group:app", NotFound),
        ("arn:aws:logs:eu-test-1:111122223333:destination:app", Invalid),
        ("app", Invalid),
    ],
)
async def test_only_groups_of_the_region_have_tags(logs: Any, arn: str, fault: type[Exception]) -> None:
    with pytest.raises(fault):
        await tags(logs, arn)


async def test_the_older_operations_name_the_group(logs: Any) -> None:
    await logs.call("TagLogGroup", logGroupName="app", tags={"a": "1", "b": "2"})
    await logs.call("UntagLogGroup", logGroupName="app", tags=["a"])
    assert await logs.call("ListTagsLogGroup", logGroupName="app") == {"tags": {"b": "2"}}
    with pytest.raises(NotFound):
        await logs.call("ListTagsLogGroup", logGroupName="gone")


async def test_there_is_room_for_fifty(logs: Any) -> None:
    arn = ARN + "app"
    await logs.call("TagResource", resourceArn=arn, tags={f"k{at}": "v" for at in range(50)})
    await logs.call("TagResource", resourceArn=arn, tags={"k0": "again"})
    with pytest.raises(LimitExceeded):
        await logs.call("TagResource", resourceArn=arn, tags={"one more": ""})
    assert len(await tags(logs, arn)) == 50

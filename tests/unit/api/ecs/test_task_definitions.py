"""A task definition's life through the API: revisions, look-ups, lists, the way out."""

import asyncio
from typing import Any

import pytest

from bastide.api.failures import row_for
from bastide.model.faults import Fault
from bastide.store import Store
from tests.account import Account, definition

PREFIX = "arn:aws:ecs:us-east-1:000000000000:task-definition/"


async def refused(account: Account, operation: str, **params: Any) -> tuple[str, str]:
    """The code and the message of the error."""
    with pytest.raises(Fault) as caught:
        await account.call(operation, **params)
    row = row_for("ecs", caught.value)
    assert row is not None
    return row.code, row.message


async def describe(account: Account, identifier: str) -> dict[str, Any]:
    answer = await account.call("DescribeTaskDefinition", taskDefinition=identifier)
    shown: dict[str, Any] = answer["taskDefinition"]
    return shown


async def deregister(account: Account, *identifiers: str) -> None:
    for identifier in identifiers:
        await account.call("DeregisterTaskDefinition", taskDefinition=identifier)


async def listed(account: Account, **params: Any) -> list[str]:
    answer = await account.call("ListTaskDefinitions", **params)
    return [arn.removeprefix(PREFIX) for arn in answer["taskDefinitionArns"]]


async def families(account: Account, **params: Any) -> list[str]:
    answer = await account.call("ListTaskDefinitionFamilies", **params)
    names: list[str] = answer["families"]
    return names


async def test_the_same_again_is_a_new_revision(account: Account) -> None:
    assert [await account.register() for _ in range(2)] == [PREFIX + "web:1", PREFIX + "web:2"]


async def test_many_at_once_get_a_revision_each(account: Account) -> None:
    arns = await asyncio.gather(*(account.register() for _ in range(50)))
    assert set(arns) == {f"{PREFIX}web:{revision}" for revision in range(1, 51)}


async def test_a_refused_one_uses_no_revision(account: Account) -> None:
    await refused(account, "RegisterTaskDefinition", **definition(cpu="1"))
    await refused(account, "RegisterTaskDefinition", **definition(tags=[{"key": "aws:x", "value": ""}]))
    assert await account.register() == PREFIX + "web:1"


@pytest.mark.parametrize("identifier", ["web", "web:2", PREFIX + "web:2", PREFIX + "web"])
async def test_it_is_found_by_family_revision_or_arn(account: Account, identifier: str) -> None:
    await account.register()
    await account.register()
    assert (await describe(account, identifier))["revision"] == 2


async def test_the_tenth_revision_is_later_than_the_ninth(account: Account) -> None:
    for _ in range(11):
        await account.register()
    assert (await describe(account, "web"))["revision"] == 11
    assert (await listed(account))[-3:] == ["web:9", "web:10", "web:11"]


@pytest.mark.parametrize("identifier", ["web", "web:2", "nothing", "", "web:999999"])
async def test_an_unknown_one_cannot_be_described(account: Account, identifier: str) -> None:
    await deregister(account, await account.register())
    assert await refused(account, "DescribeTaskDefinition", taskDefinition=identifier) == (
        "ClientException",
        "Unable to describe task definition.",
    )


@pytest.mark.parametrize("revision", ["x", "-1", "0", "1.0", "", "1000001", "²", "9" * 5000])
async def test_a_revision_is_a_number(account: Account, revision: str) -> None:
    assert await refused(account, "DescribeTaskDefinition", taskDefinition=f"web:{revision}") == (
        "ClientException",
        f"Invalid revision number. Number: {revision}",
    )


async def test_tags_are_shown_when_asked_for(account: Account) -> None:
    tags = [{"key": "a", "value": "b"}]
    answer = await account.call("RegisterTaskDefinition", **definition(tags=tags))
    assert answer["tags"] == tags
    with_tags = await account.call("DescribeTaskDefinition", taskDefinition="web", include=["TAGS"])
    without = await account.call("DescribeTaskDefinition", taskDefinition="web")
    assert (with_tags["tags"], without["tags"]) == (tags, None)


async def test_regions_do_not_see_each_other(account: Account, store: Store) -> None:
    await account.register()
    other = Account(store, region="eu-west-1")
    assert await listed(other) == []
    await refused(other, "DescribeTaskDefinition", taskDefinition="web")
    code, _ = await refused(other, "DescribeTaskDefinition", taskDefinition=PREFIX + "web:1")
    assert code == "InvalidParameterException"


async def test_an_inactive_one_stays_and_the_family_falls_back(account: Account) -> None:
    await account.register()
    await account.register()
    account.later(10)
    answer = await account.call("DeregisterTaskDefinition", taskDefinition="web:2")
    assert answer["taskDefinition"]["status"] == "INACTIVE"
    assert answer["taskDefinition"]["deregisteredAt"] == account.now.timestamp()
    assert (await describe(account, "web"))["revision"] == 1
    assert (await describe(account, "web:2"))["status"] == "INACTIVE"
    assert await account.register() == PREFIX + "web:3"


async def test_deregistering_again_changes_nothing(account: Account) -> None:
    await account.register()
    first = await account.call("DeregisterTaskDefinition", taskDefinition="web:1")
    account.later(10)
    assert await account.call("DeregisterTaskDefinition", taskDefinition="web:1") == first
    await account.register()
    await deregister(account, "web:1")
    assert await families(account, status="ACTIVE") == ["web"]


async def test_deregistering_needs_a_revision_that_is_there(account: Account) -> None:
    await account.register()
    assert await refused(account, "DeregisterTaskDefinition", taskDefinition="web") == (
        "ClientException",
        "Revision is missing.",
    )
    code, _ = await refused(account, "DeregisterTaskDefinition", taskDefinition="web:2")
    assert code == "ClientException"


async def register_some(account: Account) -> None:
    for family in ("web", "web", "web-api", "web2", "a", "Web"):
        await account.register(family=family)
    await deregister(account, "a:1", "web:1")


async def test_lists_go_by_family_then_revision(account: Account) -> None:
    await register_some(account)
    in_order = ["Web:1", "web:2", "web-api:1", "web2:1"]
    assert await listed(account) == in_order
    assert await listed(account, sort="DESC") == in_order[::-1]
    assert await listed(account, status="INACTIVE") == ["a:1", "web:1"]
    assert await listed(account, status="DELETE_IN_PROGRESS") == []


async def test_a_family_prefix_is_a_whole_family_for_definitions(account: Account) -> None:
    await register_some(account)
    assert await listed(account, familyPrefix="web") == ["web:2"]
    assert await listed(account, familyPrefix="we") == []


async def test_families_are_listed_by_prefix_and_status(account: Account) -> None:
    await register_some(account)
    assert await families(account) == ["Web", "a", "web", "web-api", "web2"]
    assert await families(account, status="ACTIVE") == ["Web", "web", "web-api", "web2"]
    assert await families(account, status="INACTIVE") == ["a"]
    assert await families(account, familyPrefix="web", status="ALL") == ["web", "web-api", "web2"]


@pytest.mark.parametrize("sort", ["ASC", "DESC"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
async def test_pages_hold_everything_once(account: Account, sort: str, size: int) -> None:
    for _ in range(7):
        await account.register()
    seen: list[str] = []
    token = None
    while True:
        params: dict[str, Any] = {"nextToken": token} if token else {}
        page = await account.call("ListTaskDefinitions", sort=sort, maxResults=size, **params)
        assert len(page["taskDefinitionArns"]) <= size
        seen += page["taskDefinitionArns"]
        token = page["nextToken"]
        if token is None:
            break
    assert seen == sorted(seen, reverse=sort == "DESC")
    assert len(set(seen)) == 7


async def test_a_token_of_another_query_is_refused(account: Account) -> None:
    for _ in range(3):
        await account.register()
    page = await account.call("ListTaskDefinitions", maxResults=1)
    code, _ = await refused(
        account, "ListTaskDefinitions", maxResults=1, nextToken=page["nextToken"], sort="DESC"
    )
    assert code == "InvalidParameterException"


async def test_deleting_takes_inactive_ones_and_says_what_it_did_not_take(account: Account) -> None:
    await account.register()
    await account.register()
    await deregister(account, "web:1")
    account.later(5)
    answer = await account.call(
        "DeleteTaskDefinitions", taskDefinitions=["web:1", "web:2", "web:3", "web", "web:x"]
    )
    (deleted,) = answer["taskDefinitions"]
    assert (deleted["revision"], deleted["status"]) == (1, "DELETE_IN_PROGRESS")
    assert deleted["deleteRequestedAt"] == account.now.timestamp()
    reasons = {failure["arn"]: failure["reason"] for failure in answer["failures"]}
    assert reasons.keys() == {"web:2", "web:3", "web", "web:x"}
    assert "still in ACTIVE status" in reasons["web:2"]
    assert "does not exist" in reasons["web:3"]
    assert "identifier is invalid" in reasons["web"]
    assert (await describe(account, "web:1"))["status"] == "DELETE_IN_PROGRESS"
    again = await account.call("DeleteTaskDefinitions", taskDefinitions=["web:1"])
    assert again == {"taskDefinitions": [deleted], "failures": []}
    code, _ = await refused(account, "DeregisterTaskDefinition", taskDefinition="web:1")
    assert code == "ClientException"


@pytest.mark.parametrize(
    ("identifiers", "message"),
    [
        ([], "size of TaskDefinition references list must be greater than 0"),
        ([f"web:{n}" for n in range(1, 12)], "Size of TaskDefinition references list cannot exceed 10"),
    ],
)
async def test_deleting_takes_one_to_ten(account: Account, identifiers: list[str], message: str) -> None:
    assert await refused(account, "DeleteTaskDefinitions", taskDefinitions=identifiers) == (
        "InvalidParameterException",
        message,
    )

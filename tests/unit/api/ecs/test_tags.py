"""Tags: what is accepted, and tagging of what is there."""

from typing import Any

import pytest

from bastide.model.faults import Fault, Invalid, NotFound, Unsupported
from bastide.store import Record

HERE = "arn:aws:ecs:eu-test-1:111122223333:"
CLUSTER = HERE + "cluster/web"


@pytest.fixture
async def web(api: Any) -> Any:
    await api.call("CreateCluster", clusterName="web", tags=[{"key": "a", "value": "1"}])
    return api


async def tags_of(api: Any, arn: str) -> dict[str, str]:
    listed = await api.call("ListTagsForResource", resourceArn=arn)
    return {tag["key"]: tag["value"] for tag in listed["tags"]}


async def test_tags_are_added_replaced_and_removed(web: Any) -> None:
    await web.call("TagResource", resourceArn=CLUSTER, tags=[{"key": "a", "value": "2"}, {"key": "b"}])
    assert await tags_of(web, CLUSTER) == {"a": "2", "b": ""}
    await web.call("UntagResource", resourceArn=CLUSTER, tagKeys=["a", "never"])
    assert await tags_of(web, CLUSTER) == {"b": ""}
    (seen,) = (await web.call("DescribeClusters", clusters=["web"], include=["TAGS"]))["clusters"]
    assert seen["tags"] == [{"key": "b", "value": ""}]


@pytest.mark.parametrize(
    ("kind", "name"), [("task", "task/web/" + "0" * 32), ("task-definition", "task-definition/f:1")]
)
async def test_tasks_and_task_definitions_are_tagged_too(api: Any, kind: str, name: str) -> None:
    document = {"task": {"lastStatus": "RUNNING"}, "tags": []}
    await api.put(Record(kind, HERE + name, "111122223333/eu-test-1", document, name=name))
    await api.call("TagResource", resourceArn=HERE + name, tags=[{"key": "k", "value": "v"}])
    assert await tags_of(api, HERE + name) == {"k": "v"}


@pytest.mark.parametrize(
    "tag",
    [
        {"key": "aws:mine", "value": ""},
        {"key": "AWS:mine", "value": ""},
        {"key": "", "value": ""},
        {"key": "k" * 129, "value": ""},
        {"key": "k", "value": "v" * 257},
        {"key": "k", "value": "semi;colon"},
        {"key": "k!", "value": ""},
    ],
)
async def test_wrong_tags_are_refused(web: Any, tag: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        await web.call("TagResource", resourceArn=CLUSTER, tags=[tag])
    assert await tags_of(web, CLUSTER) == {"a": "1"}


async def test_any_script_may_stand_in_a_tag(web: Any) -> None:
    await web.call("TagResource", resourceArn=CLUSTER, tags=[{"key": "größe", "value": "大 +-=._:/@"}])
    assert (await tags_of(web, CLUSTER))["größe"] == "大 +-=._:/@"


async def test_there_is_a_limit_over_all_calls(web: Any) -> None:
    await web.call("TagResource", resourceArn=CLUSTER, tags=[{"key": f"k{n}"} for n in range(49)])
    await web.call("TagResource", resourceArn=CLUSTER, tags=[{"key": "a", "value": "2"}])
    with pytest.raises(Invalid, match="50"):
        await web.call("TagResource", resourceArn=CLUSTER, tags=[{"key": "one too many"}])


async def test_one_key_twice_is_refused(web: Any) -> None:
    with pytest.raises(Invalid, match="Duplicate"):
        await web.call("TagResource", resourceArn=CLUSTER, tags=[{"key": "x"}, {"key": "x"}])


@pytest.mark.parametrize(
    ("arn", "fault"),
    [
        (HERE + "cluster/gone", NotFound),
        (HERE + "task/web/" + "1" * 32, NotFound),
        (HERE + "service/web/s", Unsupported),
        ("arn:aws:ecs:eu-test-2:111122223333:cluster/web", Invalid),
        ("web", Invalid),
        ("arn:aws:s3:::bucket", Invalid),
    ],
)
async def test_what_cannot_be_tagged(web: Any, arn: str, fault: type[Fault]) -> None:
    with pytest.raises(fault):
        await web.call("TagResource", resourceArn=arn, tags=[{"key": "k"}])


async def test_a_deleted_cluster_has_no_tags_to_show(web: Any) -> None:
    await web.call("DeleteCluster", cluster="web")
    with pytest.raises(Invalid, match="inactive"):
        await web.call("ListTagsForResource", resourceArn=CLUSTER)

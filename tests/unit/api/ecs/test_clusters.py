"""Clusters: what the operations answer, and what stays in the store."""

from typing import Any

import pytest

from bastide.api.ecs.clusters import ensure_cluster, find_cluster
from bastide.api.operation import Context
from bastide.config import Settings
from bastide.model.faults import Fault, InUse, Invalid, NotFound, Unsupported
from bastide.store import Record

ARN = "arn:aws:ecs:eu-test-1:111122223333:cluster/"


def task(cluster: str, number: int, last_status: str, desired: str = "RUNNING", **shape: Any) -> Record:
    arn = f"arn:aws:ecs:eu-test-1:111122223333:task/{cluster}/{number:032x}"
    document = {"task": {"taskArn": arn, "lastStatus": last_status, "desiredStatus": desired, **shape}}
    return Record(
        "task",
        arn,
        "111122223333/eu-test-1",
        document,
        parent=ARN + cluster,
        name=arn[-32:],
        status=desired,
        state=last_status,
    )


def elsewhere(api: Any, **changes: str) -> Context:
    caller = api.ctx.caller
    moved = {"account": caller.account, "region": caller.region, **changes}
    return Context(
        caller=type(caller)(principal_arn=caller.principal_arn, user_id=caller.user_id, **moved),
        now=api.ctx.now,
        request_id="other",
        settings=Settings(),
        vault=api.ctx.vault,
    )


async def test_a_created_cluster_is_described(api: Any) -> None:
    created = (await api.call("CreateCluster", clusterName="web", tags=[{"key": "team", "value": "a"}]))[
        "cluster"
    ]
    assert created["clusterArn"] == ARN + "web"
    assert created["status"] == "ACTIVE"
    assert created["settings"] == [{"name": "containerInsights", "value": "disabled"}]
    assert created["tags"] == [{"key": "team", "value": "a"}]
    seen = await api.call("DescribeClusters", clusters=["web"], include=["TAGS", "SETTINGS"])
    assert seen["failures"] == []
    (cluster,) = seen["clusters"]
    assert cluster["tags"] == [{"key": "team", "value": "a"}]
    assert cluster["settings"] == [{"name": "containerInsights", "value": "disabled"}]


async def test_what_include_does_not_name_is_left_out(api: Any) -> None:
    await api.call(
        "CreateCluster",
        clusterName="web",
        tags=[{"key": "team", "value": "a"}],
        configuration={"executeCommandConfiguration": {"logging": "NONE"}},
    )
    (plain,) = (await api.call("DescribeClusters", clusters=["web"]))["clusters"]
    assert (plain["tags"], plain["settings"], plain["statistics"]) == ([], [], [])
    assert plain["configuration"] is None
    everything = ["TAGS", "SETTINGS", "STATISTICS", "CONFIGURATIONS", "ATTACHMENTS"]
    (whole,) = (await api.call("DescribeClusters", clusters=["web"], include=everything))["clusters"]
    assert whole["configuration"] == {"executeCommandConfiguration": {"logging": "NONE"}}
    assert {"name": "runningFargateTasksCount", "value": "0"} in whole["statistics"]
    assert whole["attachments"] == []


async def test_counts_come_from_the_tasks(api: Any) -> None:
    await api.call("CreateCluster", clusterName="web")
    statuses = ["RUNNING", "RUNNING", "PENDING", "PROVISIONING", "ACTIVATING"]
    for number, status in enumerate(statuses):
        await api.put(task("web", number, status))
    await api.put(task("web", 90, "STOPPED", "STOPPED"))
    await api.put(task("other", 91, "RUNNING"))
    (seen,) = (await api.call("DescribeClusters", clusters=["web"], include=["STATISTICS"]))["clusters"]
    assert (seen["runningTasksCount"], seen["pendingTasksCount"]) == (2, 3)
    statistics = {each["name"]: each["value"] for each in seen["statistics"]}
    assert (statistics["runningFargateTasksCount"], statistics["pendingFargateTasksCount"]) == ("2", "3")
    assert statistics["runningEC2TasksCount"] == "0"


async def test_missing_clusters_are_failures(api: Any) -> None:
    await api.call("CreateCluster", clusterName="web")
    seen = await api.call("DescribeClusters", clusters=["gone", ARN + "web", "web"])
    assert [each["clusterName"] for each in seen["clusters"]] == ["web"]
    assert seen["failures"] == [{"arn": ARN + "gone", "reason": "MISSING"}]


async def test_describing_nothing_means_the_default_cluster(api: Any) -> None:
    assert (await api.call("DescribeClusters"))["failures"] == [{"arn": ARN + "default", "reason": "MISSING"}]
    await api.call("CreateCluster")
    assert [each["clusterName"] for each in (await api.call("DescribeClusters"))["clusters"]] == ["default"]


async def test_the_default_cluster_is_made_when_first_used(api: Any) -> None:
    before = await api.store.view(lambda txn: find_cluster(txn, api.ctx, None))
    assert (before.name, before.version) == ("default", 0)
    assert (await api.call("ListClusters"))["clusterArns"] == []
    made = await api.run(lambda txn: ensure_cluster(txn, api.ctx, None))
    again = await api.run(lambda txn: ensure_cluster(txn, api.ctx, ARN + "default"))
    assert made == again == await api.store.view(lambda txn: find_cluster(txn, api.ctx, "default"))
    assert (await api.call("ListClusters"))["clusterArns"] == [ARN + "default"]


async def test_no_other_cluster_is_made_by_use(api: Any) -> None:
    with pytest.raises(NotFound):
        await api.run(lambda txn: ensure_cluster(txn, api.ctx, "web"))


async def test_creating_twice_gives_the_same_cluster(api: Any) -> None:
    first = await api.call("CreateCluster", clusterName="web", tags=[{"key": "a", "value": "b"}])
    assert await api.call("CreateCluster", clusterName="web") == first
    with pytest.raises(Invalid, match="inconsistent"):
        await api.call("CreateCluster", clusterName="web", tags=[{"key": "a", "value": "c"}])


async def test_a_deleted_cluster_stays_inactive_and_can_be_made_again(api: Any) -> None:
    await api.call("CreateCluster", clusterName="web", tags=[{"key": "a", "value": "b"}])
    assert (await api.call("DeleteCluster", cluster="web"))["cluster"]["status"] == "INACTIVE"
    assert (await api.call("ListClusters"))["clusterArns"] == []
    (seen,) = (await api.call("DescribeClusters", clusters=["web"]))["clusters"]
    assert seen["status"] == "INACTIVE"
    for operation in ("DeleteCluster", "UpdateCluster"):
        with pytest.raises(NotFound):
            await api.call(operation, cluster="web")
    made = (await api.call("CreateCluster", clusterName="web"))["cluster"]
    assert (made["status"], made["tags"]) == ("ACTIVE", [])


async def test_a_deleted_default_cluster_comes_back_with_use(api: Any) -> None:
    await api.call("CreateCluster")
    await api.call("DeleteCluster", cluster="default")
    with pytest.raises(NotFound):
        await api.store.view(lambda txn: find_cluster(txn, api.ctx, None))
    assert (await api.run(lambda txn: ensure_cluster(txn, api.ctx, None))).status == "ACTIVE"


@pytest.mark.parametrize("last_status", ["PROVISIONING", "RUNNING", "DEPROVISIONING"])
async def test_a_cluster_with_tasks_is_not_deleted(api: Any, last_status: str) -> None:
    await api.call("CreateCluster", clusterName="web")
    stored = await api.put(task("web", 1, last_status, "STOPPED"))
    with pytest.raises(InUse):
        await api.call("DeleteCluster", cluster="web")
    await api.put(stored.changed(document=task("web", 1, "STOPPED").document, state="STOPPED"))
    assert (await api.call("DeleteCluster", cluster="web"))["cluster"]["status"] == "INACTIVE"


async def test_updates_replace_what_they_name(api: Any) -> None:
    storage = {"managedStorageConfiguration": {"kmsKeyId": "k"}}
    await api.call("CreateCluster", clusterName="web", configuration=storage)
    updated = await api.call(
        "UpdateCluster",
        cluster="web",
        configuration={"executeCommandConfiguration": {"logging": "NONE"}},
        settings=[{"name": "containerInsights", "value": "enhanced"}],
    )
    assert updated["cluster"]["configuration"] == {
        **storage,
        "executeCommandConfiguration": {"logging": "NONE"},
    }
    changed = await api.call(
        "UpdateClusterSettings", cluster="web", settings=[{"name": "containerInsights", "value": "enabled"}]
    )
    assert changed["cluster"]["settings"] == [{"name": "containerInsights", "value": "enabled"}]
    assert changed["cluster"]["configuration"] == updated["cluster"]["configuration"]


@pytest.mark.parametrize(
    "params",
    [
        {"clusterName": "no spaces"},
        {"clusterName": ""},
        {"clusterName": "n" * 256},
        {"settings": [{"name": "containerInsights", "value": "on"}]},
        {"configuration": {"executeCommandConfiguration": {"logging": "OVERRIDE"}}},
        {"capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy": [{"capacityProvider": "SPOT"}]},
        {"tags": [{"key": "aws:x", "value": ""}]},
    ],
)
async def test_what_create_refuses_leaves_nothing_behind(api: Any, params: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        await api.call("CreateCluster", **params)
    assert (await api.call("ListClusters"))["clusterArns"] == []


async def test_service_connect_is_refused_not_pretended(api: Any) -> None:
    with pytest.raises(Unsupported, match=r"docs/compat\.md"):
        await api.call("CreateCluster", serviceConnectDefaults={"namespace": "internal"})


async def test_listing_pages_through_everything_once(api: Any) -> None:
    for number in range(7):
        await api.call("CreateCluster", clusterName=f"c{number}")
    seen: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = await api.call("ListClusters", maxResults=3, **token)
        seen += page["clusterArns"]
        if page["nextToken"] is None:
            break
        token = {"nextToken": page["nextToken"]}
    assert seen == [f"{ARN}c{number}" for number in range(7)]


@pytest.mark.parametrize(
    "params", [{"maxResults": 0}, {"maxResults": 101}, {"nextToken": "x"}, {"nextToken": "é"}]
)
async def test_wrong_pages_are_refused(api: Any, params: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        await api.call("ListClusters", **params)


async def test_a_token_is_of_no_use_in_another_region(api: Any) -> None:
    other = elsewhere(api, region="eu-test-2")
    for ctx in (api.ctx, other):
        for name in ("a", "b"):
            await api.call("CreateCluster", clusterName=name, ctx=ctx)
    token = (await api.call("ListClusters", maxResults=1))["nextToken"]
    with pytest.raises(Invalid) as caught:
        await api.call("ListClusters", maxResults=1, nextToken=token, ctx=other)
    assert caught.value.noun == "page token"


@pytest.mark.parametrize("place", [{"region": "eu-test-2"}, {"account": "999900001111"}])
async def test_places_do_not_see_each_other(api: Any, place: dict[str, str]) -> None:
    other = elsewhere(api, **place)
    await api.call("CreateCluster", clusterName="web")
    assert (await api.call("ListClusters", ctx=other))["clusterArns"] == []
    assert len((await api.call("DescribeClusters", clusters=["web"], ctx=other))["failures"]) == 1
    with pytest.raises(Invalid, match="Identifier is for"):
        await api.call("DescribeClusters", clusters=[ARN + "web"], ctx=other)


@pytest.mark.parametrize(
    ("identifier", "sentence"),
    [
        ("arn:aws:ecs:eu-test-1:111122223333:task/web/1", "Unsupported resource type: task"),
        ("arn:aws:iam::111122223333:root", "not an Amazon ECS ARN"),
        ("a/b", "Cluster must match"),
    ],
)
async def test_identifiers_of_something_else_are_refused(api: Any, identifier: str, sentence: str) -> None:
    with pytest.raises(Fault, match=sentence):
        await api.call("DeleteCluster", cluster=identifier)

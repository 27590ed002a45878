"""Capacity providers: the two that exist, and a cluster's list of them."""

from typing import Any

import pytest

from bastide.model.faults import Fault, InUse, Invalid, NotFound
from bastide.store import Record

CLUSTER = "arn:aws:ecs:eu-test-1:111122223333:cluster/web"
PROVIDER = "arn:aws:ecs:eu-test-1:111122223333:capacity-provider/"


@pytest.fixture
async def web(api: Any) -> Any:
    await api.call("CreateCluster", clusterName="web", capacityProviders=["FARGATE", "FARGATE_SPOT"])
    return api


async def test_both_fargate_providers_are_there(api: Any) -> None:
    seen = await api.call("DescribeCapacityProviders")
    assert [(each["name"], each["status"]) for each in seen["capacityProviders"]] == [
        ("FARGATE", "ACTIVE"),
        ("FARGATE_SPOT", "ACTIVE"),
    ]
    assert seen["capacityProviders"][0]["capacityProviderArn"] == PROVIDER + "FARGATE"


async def test_an_unknown_provider_is_a_failure(api: Any) -> None:
    seen = await api.call("DescribeCapacityProviders", capacityProviders=["mine", PROVIDER + "FARGATE"])
    assert [each["name"] for each in seen["capacityProviders"]] == ["FARGATE"]
    assert seen["failures"] == [{"arn": PROVIDER + "mine", "reason": "MISSING"}]


async def test_a_cluster_shows_only_its_own(api: Any) -> None:
    await api.call("CreateCluster", clusterName="web", capacityProviders=["FARGATE_SPOT"])
    seen = await api.call("DescribeCapacityProviders", cluster="web")
    assert [each["name"] for each in seen["capacityProviders"]] == ["FARGATE_SPOT"]


async def test_providers_come_in_pages(api: Any) -> None:
    first = await api.call("DescribeCapacityProviders", maxResults=1)
    second = await api.call("DescribeCapacityProviders", maxResults=1, nextToken=first["nextToken"])
    names = [each["name"] for page in (first, second) for each in page["capacityProviders"]]
    assert names == ["FARGATE", "FARGATE_SPOT"]
    assert second["nextToken"] is None
    with pytest.raises(Invalid):
        await api.call("DescribeCapacityProviders", maxResults=11)


async def test_put_replaces_both_lists(web: Any) -> None:
    put = await web.call(
        "PutClusterCapacityProviders",
        cluster="web",
        capacityProviders=["FARGATE"],
        defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}],
    )
    assert put["cluster"]["capacityProviders"] == ["FARGATE"]
    assert put["cluster"]["defaultCapacityProviderStrategy"] == [
        {"capacityProvider": "FARGATE", "weight": 1, "base": 0}
    ]
    (seen,) = (await web.call("DescribeClusters", clusters=["web"]))["clusters"]
    assert seen["capacityProviders"] == ["FARGATE"]
    assert seen["attachmentsStatus"] == "UPDATE_COMPLETE"


@pytest.mark.parametrize(
    ("providers", "strategy", "sentence"),
    [
        (["FARGATE"], [{"capacityProvider": "FARGATE_SPOT", "weight": 1}], "not associated"),
        (["FARGATE"], [{"capacityProvider": "FARGATE", "weight": 0}], "weight greater than 0"),
        (["FARGATE"], [{"capacityProvider": "FARGATE", "weight": 1}] * 2, "twice"),
        (
            ["FARGATE", "FARGATE_SPOT"],
            [
                {"capacityProvider": "FARGATE", "weight": 1, "base": 1},
                {"capacityProvider": "FARGATE_SPOT", "base": 1},
            ],
            "base greater than 0",
        ),
        (["mine"], [], "mine"),
    ],
)
async def test_wrong_strategies_are_refused(
    web: Any, providers: list[str], strategy: list[dict[str, Any]], sentence: str
) -> None:
    with pytest.raises(Fault, match=sentence):
        await web.call(
            "PutClusterCapacityProviders",
            cluster="web",
            capacityProviders=providers,
            defaultCapacityProviderStrategy=strategy,
        )


async def test_a_provider_in_use_stays(web: Any) -> None:
    document = {"task": {"capacityProviderName": "FARGATE_SPOT"}}
    record = Record(
        "task", "t", "111122223333/eu-test-1", document, parent=CLUSTER, name="t", status="RUNNING"
    )
    await web.put(record.changed(state="RUNNING"))
    asked = {"cluster": "web", "defaultCapacityProviderStrategy": []}
    with pytest.raises(InUse):
        await web.call("PutClusterCapacityProviders", capacityProviders=["FARGATE"], **asked)
    put = await web.call("PutClusterCapacityProviders", capacityProviders=["FARGATE_SPOT"], **asked)
    assert put["cluster"]["capacityProviders"] == ["FARGATE_SPOT"]


async def test_a_cluster_that_is_not_there_gets_none(api: Any) -> None:
    with pytest.raises(NotFound):
        await api.call(
            "PutClusterCapacityProviders",
            cluster="gone",
            capacityProviders=[],
            defaultCapacityProviderStrategy=[],
        )

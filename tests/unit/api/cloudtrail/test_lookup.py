"""LookupEvents by boto3: every attribute, times, pages, and who may ask. lookup_events."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bastide.api.keys.admin import AdminKey
from bastide.config import Settings
from bastide.store import Store
from tests.unit.api.serving import KEY, Served, serving

ACCOUNT = "111122223333"


@pytest.fixture
async def served(store: Store, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(store, Settings(account=ACCOUNT, data_root=tmp_path)) as running:
        await asyncio.to_thread(story, running)
        yield running


def story(served: Served) -> None:
    """What there is to look up."""
    ecs, ec2 = served.client("ecs"), served.client("ec2")
    for name in ("web", "jobs"):
        ecs.create_cluster(clusterName=name)
    ecs.list_clusters()
    ec2.create_internet_gateway()
    served.client("logs").create_log_group(logGroupName="/app")
    served.client("ecs", region="eu-test-2").create_cluster(clusterName="elsewhere")
    with pytest.raises(ClientError):
        served.client("ecs", key=AdminKey("AKIANOBODYNOBODY0000", "x" * 40)).list_clusters()


async def found(served: Served, **params: Any) -> list[dict[str, Any]]:
    await served.trail.flush()
    answer = await asyncio.to_thread(served.client("cloudtrail").lookup_events, **params)
    return list(answer["Events"])


async def named(served: Served, key: str, value: str) -> list[str]:
    asked = [{"AttributeKey": key, "AttributeValue": value}]
    return [event["EventName"] for event in await found(served, LookupAttributes=asked)]


async def test_the_newest_comes_first_and_only_of_this_region(served: Served) -> None:
    events = await found(served)
    names = [event["EventName"] for event in events]
    assert names[-3:] == ["ListClusters", "CreateCluster", "CreateCluster"]
    assert "elsewhere" not in json.dumps([event["CloudTrailEvent"] for event in events])
    event = events[-1]
    assert (event["EventSource"], event["ReadOnly"], event["Username"]) == (
        "ecs.amazonaws.com",
        "false",
        "root",
    )
    assert event["AccessKeyId"] == KEY.access_key_id
    told = json.loads(event["CloudTrailEvent"])
    assert (told["eventID"], told["requestParameters"]) == (event["EventId"], {"clusterName": "web"})
    assert event["EventTime"].replace(tzinfo=UTC) <= datetime.now(UTC) + timedelta(days=1)
    assert {"ResourceType": "AWS::ECS::Cluster", "ResourceName": "web"} in event["Resources"]


async def test_each_attribute(served: Served) -> None:
    first = (await found(served))[-1]
    assert await named(served, "EventId", first["EventId"]) == ["CreateCluster"]
    assert await named(served, "EventName", "CreateCluster") == ["CreateCluster"] * 2
    assert await named(served, "EventSource", "logs.amazonaws.com") == ["CreateLogGroup"]
    assert await named(served, "AccessKeyId", "AKIANOBODYNOBODY0000") == ["ListClusters"]
    assert await named(served, "ResourceName", "/app") == ["CreateLogGroup"]
    assert await named(served, "ResourceName", "web") == ["CreateCluster"]
    assert await named(served, "ResourceType", "AWS::EC2::InternetGateway") == ["CreateInternetGateway"]
    assert "ListClusters" in await named(served, "ReadOnly", "true")
    assert "ListClusters" not in await named(served, "ReadOnly", "false")
    assert "CreateLogGroup" in await named(served, "Username", "root")
    assert await named(served, "Username", "alice") == []
    assert await named(served, "EventName", 'odd"\\ name') == []


async def test_times_and_pages(served: Served) -> None:
    future, past = (datetime.now(UTC) + timedelta(hours=hours) for hours in (1, -1))
    assert await found(served, StartTime=future) == []
    assert await found(served, EndTime=past) == []
    everything = await found(served, StartTime=past, EndTime=future)
    client = served.client("cloudtrail")
    pages = client.get_paginator("lookup_events").paginate(
        StartTime=past, EndTime=future, PaginationConfig={"PageSize": 2}
    )
    seen = await asyncio.to_thread(lambda: [event for page in pages for event in page["Events"]])
    ids = [event["EventId"] for event in everything]
    assert [event["EventId"] for event in seen if event["EventId"] in ids] == ids


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"StartTime": 2_000_000_000, "EndTime": 1_000_000_000}, "InvalidTimeRangeException"),
        ({"NextToken": "no token"}, "InvalidNextTokenException"),
        (
            {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "a"}] * 2},
            "InvalidLookupAttributesException",
        ),
        (
            {"LookupAttributes": [{"AttributeKey": "ReadOnly", "AttributeValue": "yes"}]},
            "InvalidLookupAttributesException",
        ),
        ({"EventCategory": "insight"}, "InvalidEventCategoryException"),
        ({"MaxResults": 51}, "InvalidMaxResultsException"),
        ({"MaxResults": 0}, "InvalidMaxResultsException"),
        (
            {"LookupAttributes": [{"AttributeKey": "EventColour", "AttributeValue": "a"}]},
            "InvalidLookupAttributesException",
        ),
        (
            {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "a" * 2001}]},
            "InvalidLookupAttributesException",
        ),
        ({"LookupAttributes": [{"AttributeKey": "EventName"}]}, "InvalidLookupAttributesException"),
        ({"EventCategory": "data"}, "InvalidEventCategoryException"),
    ],
)
async def test_what_cannot_be_is_refused(served: Served, params: dict[str, Any], code: str) -> None:
    client = served.client("cloudtrail", validates=False)
    with pytest.raises(ClientError) as caught:
        await asyncio.to_thread(client.lookup_events, **params)
    assert caught.value.response["Error"]["Code"] == code


async def test_a_token_belongs_to_its_question(served: Served) -> None:
    client = served.client("cloudtrail")
    page = await asyncio.to_thread(client.lookup_events, MaxResults=1)
    with pytest.raises(ClientError) as caught:
        await asyncio.to_thread(client.lookup_events, NextToken=page["NextToken"], EndTime=2_000_000_000)
    assert caught.value.response["Error"]["Code"] == "InvalidNextTokenException"


async def test_it_needs_a_permission_and_the_rest_is_not_there(served: Served) -> None:
    iam = served.client("iam")
    await asyncio.to_thread(iam.create_user, UserName="alice")
    made = (await asyncio.to_thread(iam.create_access_key, UserName="alice"))["AccessKey"]
    alice = AdminKey(made["AccessKeyId"], made["SecretAccessKey"])
    client = served.client("cloudtrail", key=alice)
    with pytest.raises(ClientError, match="not authorized to perform: cloudtrail:LookupEvents"):
        await asyncio.to_thread(client.lookup_events)
    policy = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "cloudtrail:LookupEvents", "Resource": "*"},
    }
    put = {"UserName": "alice", "PolicyName": "p", "PolicyDocument": json.dumps(policy)}
    await asyncio.to_thread(lambda: iam.put_user_policy(**put))
    assert await asyncio.to_thread(client.lookup_events, MaxResults=1)
    with pytest.raises(ClientError, match=r"docs/compat\.md"):
        await asyncio.to_thread(served.client("cloudtrail").list_trails)

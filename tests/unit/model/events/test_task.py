"""When EventBridge is told of a task, and what it is told."""

from typing import Any

import pytest

from bastide.model.events.task import render_task_event, stamped

ARN = "arn:aws:ecs:eu-test-1:111122223333:task/web/0123456789abcdef0123456789abcdef"
AT_S = 1579802278.125


def document(version: int = 1, **members: Any) -> dict[str, Any]:
    containers = [{"name": "app", "lastStatus": "PENDING", "managedAgents": [{"lastStartedAt": 3.5}]}]
    task = {
        "taskArn": ARN,
        "attachments": [{"id": "a", "type": "ElasticNetworkInterface", "status": "ATTACHED"}],
        "containers": containers,
        "createdAt": 1579802000.5,
        "desiredStatus": "RUNNING",
        "lastStatus": "PENDING",
        "overrides": {"containerOverrides": [{"name": "app"}], "inferenceAcceleratorOverrides": []},
        "version": version,
    }
    return {"task": task | members, "tags": [{"key": "k", "value": "v"}]}


NEWS: list[dict[str, Any]] = [
    {"lastStatus": "RUNNING"},
    {"desiredStatus": "STOPPED"},
    {"connectivity": "CONNECTED"},
    {"containers": [{"name": "app", "lastStatus": "RUNNING"}]},
    {"containers": [{"name": "app", "lastStatus": "PENDING", "exitCode": 0}]},
]
NO_NEWS: list[dict[str, Any]] = [
    {},
    {"pullStartedAt": 1.0},
    {"healthStatus": "HEALTHY"},
    {"attachments": []},
    {"version": 7},
]


def test_a_new_task_is_news_of_version_one() -> None:
    after, is_news = stamped(None, document(version=9))
    assert (after["task"]["version"], is_news) == (1, True)


@pytest.mark.parametrize("members", NEWS, ids=str)
def test_a_change_that_is_news_counts(members: dict[str, Any]) -> None:
    after, is_news = stamped(document(4), document(4, **members))
    assert (after["task"]["version"], is_news) == (5, True)


@pytest.mark.parametrize("members", NO_NEWS, ids=str)
def test_a_change_that_is_none_does_not(members: dict[str, Any]) -> None:
    after, is_news = stamped(document(4), document(**{"version": 4} | members))
    assert (after["task"]["version"], is_news) == (4, False)


def test_the_document_is_eventbridges() -> None:
    event = render_task_event(document(3)["task"], at_s=AT_S)
    detail = event.pop("detail")
    assert event.pop("id") == render_task_event(document(3)["task"], at_s=0.0)["id"]
    assert event == {
        "version": "0",
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "account": "111122223333",
        "time": "2020-01-23T17:57:58Z",
        "region": "eu-test-1",
        "resources": [ARN],
    }
    assert detail["attachments"][0]["type"] == "eni"
    assert detail["createdAt"] == "2020-01-23T17:53:20.500Z"
    assert detail["updatedAt"] == "2020-01-23T17:57:58.125Z"
    assert detail["containers"][0]["managedAgents"] == [{"lastStartedAt": "1970-01-01T00:00:03.500Z"}]
    assert detail["overrides"] == {"containerOverrides": [{"name": "app"}]}
    assert (detail["version"], "tags" in detail) == (3, False)


def test_every_version_has_an_id_of_its_own() -> None:
    assert len({render_task_event(document(n)["task"], at_s=1.0)["id"] for n in range(1, 9)}) == 8

"""StopTask, DescribeTasks and ListTasks."""

from typing import Any

import pytest

from bastide.api.failures import row_for
from bastide.model.faults import Fault
from bastide.store import Record, Store
from tests.account import Account

PARAMETER = "InvalidParameterException"
UNKNOWN = "f" * 32


async def refused(account: Account, operation: str, **params: Any) -> tuple[str, str]:
    with pytest.raises(Fault) as caught:
        await account.call(operation, **params)
    row = row_for("ecs", caught.value)
    assert row is not None
    return row.code, row.message


async def run(account: Account, **params: Any) -> str:
    arn: str = (await account.run(**params))["tasks"][0]["taskArn"]
    return arn


async def listed(account: Account, **params: Any) -> set[str]:
    return set((await account.call("ListTasks", **params))["taskArns"])


async def test_stopping_records_what_is_wanted(account: Account) -> None:
    await account.register()
    arn = await run(account, tags=[{"key": "a", "value": "b"}])
    task = (await account.call("StopTask", task=arn, reason="enough"))["task"]
    assert (task["desiredStatus"], task["lastStatus"]) == ("STOPPED", "PROVISIONING")
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "enough")
    assert task["version"] == 2
    shown = await account.call("DescribeTasks", tasks=[arn], include=["TAGS"])
    assert shown["tasks"][0]["tags"] == []


async def test_without_a_reason_the_user_is_named(account: Account) -> None:
    await account.register()
    task = (await account.call("StopTask", task=await run(account)))["task"]
    assert task["stoppedReason"] == "Task stopped by user"


async def test_a_long_reason_is_cut(account: Account) -> None:
    await account.register()
    task = (await account.call("StopTask", task=await run(account), reason="x" * 2000))["task"]
    assert len(task["stoppedReason"]) == 1024


async def test_stopping_again_changes_nothing(account: Account) -> None:
    await account.register()
    arn = await run(account)
    first = await account.call("StopTask", task=arn, reason="first")
    assert await account.call("StopTask", task=arn, reason="second") == first
    await account.change_task(arn, lastStatus="STOPPED")
    task = (await account.call("StopTask", task=arn, reason="third"))["task"]
    assert (task["stoppedReason"], task["lastStatus"]) == ("first", "STOPPED")


@pytest.mark.parametrize("form", ["{arn}", "{id}", "default/{id}", "task/default/{id}"])
async def test_a_task_is_named_by_arn_or_id(account: Account, form: str) -> None:
    await account.register()
    arn = await run(account)
    named = form.format(arn=arn, id=arn.rsplit("/", 1)[1])
    assert (await account.call("DescribeTasks", tasks=[named]))["tasks"][0]["taskArn"] == arn
    assert (await account.call("StopTask", task=named))["task"]["taskArn"] == arn


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (UNKNOWN, "The referenced task was not found."),
        (
            f"arn:aws:ecs:us-east-1:000000000000:task/default/{UNKNOWN}",
            "The referenced task was not found.",
        ),
        ("short", "taskId length should be one of [32,36]"),
        ("", "taskId length should be one of [32,36]"),
        ("/" * 32, "taskId length should be one of [32,36]"),
        ("é" * 32, "taskId contains invalid characters"),
    ],
)
async def test_an_unknown_task_cannot_be_stopped(account: Account, task: str, message: str) -> None:
    assert await refused(account, "StopTask", task=task) == (PARAMETER, message)


@pytest.mark.parametrize("operation", ["StopTask", "DescribeTasks", "ListTasks"])
async def test_an_unknown_cluster_is_an_error(account: Account, operation: str) -> None:
    needed: dict[str, dict[str, Any]] = {
        "StopTask": {"task": UNKNOWN},
        "DescribeTasks": {"tasks": [UNKNOWN]},
    }
    params = needed.get(operation, {})
    assert await refused(account, operation, cluster="nowhere", **params) == (
        "ClusterNotFoundException",
        "Cluster not found.",
    )


async def test_what_is_missing_is_a_failure_and_not_an_error(account: Account) -> None:
    await account.register()
    arn = await run(account)
    unknown = f"arn:aws:ecs:us-east-1:000000000000:task/default/{UNKNOWN}"
    answer = await account.call("DescribeTasks", tasks=[UNKNOWN, arn, arn])
    assert [task["taskArn"] for task in answer["tasks"]] == [arn]
    assert answer["failures"] == [{"arn": unknown, "reason": "MISSING"}]


async def test_a_task_of_another_cluster_is_missing(account: Account) -> None:
    await account.register()
    await account.call("CreateCluster", clusterName="other")
    arn = await run(account)
    answer = await account.call("DescribeTasks", cluster="other", tasks=[arn])
    assert answer == {"tasks": [], "failures": [{"arn": arn, "reason": "MISSING"}]}
    code, _ = await refused(account, "StopTask", cluster="other", task=arn)
    assert code == PARAMETER


@pytest.mark.parametrize(
    ("tasks", "message"),
    [([], "Tasks cannot be empty."), ([UNKNOWN] * 101, "Tasks cannot have more than 100 elements.")],
)
async def test_one_to_a_hundred_are_described(account: Account, tasks: list[str], message: str) -> None:
    assert await refused(account, "DescribeTasks", tasks=tasks) == (PARAMETER, message)


async def test_tags_are_shown_when_asked_for(account: Account) -> None:
    await account.register()
    tags = [{"key": "a", "value": "b"}]
    arn = await run(account, tags=tags)
    (with_tags,) = (await account.call("DescribeTasks", tasks=[arn], include=["TAGS"]))["tasks"]
    (without,) = (await account.call("DescribeTasks", tasks=[arn]))["tasks"]
    assert (with_tags["tags"], without["tags"]) == (tags, None)


async def test_regions_do_not_see_each_other(account: Account, store: Store) -> None:
    await account.register()
    arn = await run(account)
    other = Account(store, region="eu-west-1")
    assert await listed(other) == set()
    assert (await other.call("DescribeTasks", tasks=[arn.rsplit("/", 1)[1]]))["tasks"] == []


async def some_tasks(account: Account) -> dict[str, str]:
    """Tasks by what is special about them."""
    await account.register()
    await account.register(family="db")
    tasks = {
        "web": await run(account, startedBy="me"),
        "db": await run(account, taskDefinition="db"),
        "stopped": await run(account, startedBy="me"),
        "service": await run(account),
    }
    await account.call("StopTask", task=tasks["stopped"])
    await account.change_task(tasks["service"], group="service:shop")
    cluster = "arn:aws:ecs:us-east-1:000000000000:cluster/default"
    service = Record("service", cluster + "/shop", account.context.scope, {}, parent=cluster, name="shop")
    await account.store.update(lambda txn: txn.put(service))
    return tasks


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, {"web", "db", "service"}),
        ({"desiredStatus": "RUNNING"}, {"web", "db", "service"}),
        ({"desiredStatus": "STOPPED"}, {"stopped"}),
        ({"desiredStatus": "PENDING"}, set()),
        ({"family": "db"}, {"db"}),
        ({"family": "d"}, set()),
        ({"family": "web", "desiredStatus": "STOPPED"}, {"stopped"}),
        ({"startedBy": "me"}, {"web"}),
        ({"startedBy": "nobody"}, set()),
        ({"launchType": "FARGATE"}, {"web", "db", "service"}),
        ({"launchType": "EC2"}, set()),
        ({"serviceName": "shop"}, {"service"}),
        ({"serviceName": "shop", "family": "db"}, set()),
        ({"containerInstance": "x"}, set()),
        ({"daemonName": "x"}, set()),
    ],
)
async def test_tasks_are_listed_by_filters(
    account: Account, filters: dict[str, Any], found: set[str]
) -> None:
    tasks = await some_tasks(account)
    assert await listed(account, **filters) == {tasks[name] for name in found}


async def test_started_by_stands_alone(account: Account) -> None:
    assert await refused(account, "ListTasks", startedBy="me", family="web") == (
        PARAMETER,
        "startedBy must be the only filter specified.",
    )


async def test_an_unknown_service_is_an_error(account: Account) -> None:
    assert await refused(account, "ListTasks", serviceName="x") == (
        "ServiceNotFoundException",
        "Service not found.",
    )


@pytest.mark.parametrize("size", [1, 4, 9, 100])
@pytest.mark.parametrize("filters", [{}, {"family": "web"}])
async def test_pages_hold_everything_once(account: Account, size: int, filters: dict[str, Any]) -> None:
    await account.register()
    await account.register(family="db")
    for family in ("web", "db", "web"):
        await account.run(taskDefinition=family, count=3)
    seen: list[str] = []
    token = None
    while True:
        more: dict[str, Any] = {"nextToken": token} if token else {}
        page = await account.call("ListTasks", maxResults=size, **filters, **more)
        assert len(page["taskArns"]) <= size
        seen += page["taskArns"]
        token = page["nextToken"]
        if token is None:
            break
    assert len(seen) == len(set(seen)) == (6 if filters else 9)


async def test_more_tasks_than_are_looked_at_at_once(account: Account) -> None:
    await account.register()
    network = await account.network()
    for _ in range(25):
        await account.run(count=10, networkConfiguration=network)
    last = await run(account, startedBy="last", networkConfiguration=network)
    assert await listed(account, startedBy="last") == {last}


@pytest.mark.parametrize("size", [0, 101, -1])
async def test_a_page_has_one_to_a_hundred(account: Account, size: int) -> None:
    code, _ = await refused(account, "ListTasks", maxResults=size)
    assert code == PARAMETER

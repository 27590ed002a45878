"""Which tasks can be protected, for how long, and what is said of those that cannot."""

from typing import Any

import pytest

from bastide.api.failures import row_for
from bastide.model.faults import Fault
from tests.account import Account


async def start(account: Account, *, group: str = "service:web", status: str = "RUNNING") -> str:
    """A task as a service would have started it."""
    await account.register()
    arn: str = (await account.run())["tasks"][0]["taskArn"]
    await account.change_task(arn, group=group, lastStatus=status)
    return arn


async def update(account: Account, *tasks: str, is_on: bool = True, **params: Any) -> Any:
    asked = {"cluster": "default", "tasks": list(tasks), "protectionEnabled": is_on, **params}
    return await account.call("UpdateTaskProtection", **asked)


async def get(account: Account, *tasks: str) -> Any:
    return await account.call("GetTaskProtection", cluster="default", tasks=list(tasks))


async def test_a_services_task_is_protected_until_it_expires(account: Account) -> None:
    arn = await start(account)
    answer = await get(account, arn)
    assert answer == {
        "protectedTasks": [{"taskArn": arn, "protectionEnabled": False, "expirationDate": None}],
        "failures": [],
    }
    until = account.now.timestamp() + 120 * 60
    shown = {"taskArn": arn, "protectionEnabled": True, "expirationDate": until}
    assert await update(account, arn) == {"protectedTasks": [shown], "failures": []}
    account.later(120 * 60 - 1)
    assert (await get(account, arn.rsplit("/", 1)[-1]))["protectedTasks"] == [shown]
    account.later(1)
    assert (await get(account, arn))["protectedTasks"][0]["protectionEnabled"] is False


async def test_a_later_word_takes_the_place_of_an_earlier_one(account: Account) -> None:
    arn = await start(account)
    await update(account, arn, expiresInMinutes=2880)
    answer = await update(account, arn, expiresInMinutes=1)
    assert answer["protectedTasks"][0]["expirationDate"] == account.now.timestamp() + 60
    answer = await update(account, arn, is_on=False)
    assert answer["protectedTasks"] == [{"taskArn": arn, "protectionEnabled": False, "expirationDate": None}]
    assert (await account.call("DescribeTasks", tasks=[arn]))["tasks"][0]["version"] == 1


async def test_what_cannot_be_protected_is_a_failure(account: Account) -> None:
    standalone = await start(account, group="family:web")
    starting = await start(account, status="PENDING")
    missing = standalone[:-32] + "0" * 32
    running = await start(account)
    for answer in (
        await update(account, standalone, starting, missing, running, running),
        await get(account, standalone, starting, missing, running),
    ):
        assert [one["taskArn"] for one in answer["protectedTasks"]] == [running]
        assert answer["failures"] == [
            {"arn": standalone, "reason": "TASK_NOT_VALID"},
            {"arn": starting, "reason": "TASK_NOT_VALID"},
            {"arn": missing, "reason": "MISSING"},
        ]


async def test_without_names_every_running_task_of_a_service_is_shown(account: Account) -> None:
    await start(account, group="family:web")
    running = await start(account)
    assert [one["taskArn"] for one in (await get(account))["protectedTasks"]] == [running]


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("UpdateTaskProtection", {"tasks": []}, "InvalidParameterException", "Tasks cannot be empty."),
    ("UpdateTaskProtection", {"tasks": ["0" * 32] * 11}, "InvalidParameterException", "more than 10"),
    ("UpdateTaskProtection", {"expiresInMinutes": 0}, "InvalidParameterException", "between 1 and 2880"),
    ("UpdateTaskProtection", {"expiresInMinutes": 2881}, "InvalidParameterException", "between 1 and 2880"),
    (
        "UpdateTaskProtection",
        {"protectionEnabled": False, "expiresInMinutes": 5},
        "InvalidParameterException",
        "only be set when",
    ),
    ("UpdateTaskProtection", {"tasks": ["x"]}, "InvalidParameterException", "taskId length"),
    ("UpdateTaskProtection", {"cluster": "no"}, "ClusterNotFoundException", "Cluster not found."),
    ("GetTaskProtection", {"tasks": ["0" * 32] * 101}, "InvalidParameterException", "more than 100"),
    ("GetTaskProtection", {"cluster": "no"}, "ClusterNotFoundException", "Cluster not found."),
]


@pytest.mark.parametrize(("operation", "members", "code", "words"), REFUSED)
async def test_it_is_refused(
    account: Account, operation: str, members: dict[str, Any], code: str, words: str
) -> None:
    asked = {"cluster": "default", "tasks": ["0" * 32], **members}
    if operation == "UpdateTaskProtection":
        asked = {"protectionEnabled": True, **asked}
    with pytest.raises(Fault) as caught:
        await account.call(operation, **asked)
    row = row_for("ecs", caught.value)
    assert row is not None
    assert row.code == code
    assert words in row.message

"""When tasks, their tokens and task definitions are gone for good."""

import asyncio
from typing import Any

import pytest

from bastide.config import Settings
from bastide.control.reaper import Reaper
from bastide.store import Record
from tests.account import Account

RETENTION_S = 100


def reaper(account: Account) -> Reaper:
    return Reaper(account.store, Settings(stopped_task_retention_s=RETENTION_S), now=lambda: account.now)


async def start(account: Account, **params: Any) -> str:
    arn: str = (await account.run(**params))["tasks"][0]["taskArn"]
    return arn


async def end(account: Account, arn: str) -> None:
    await account.change_task(
        arn, lastStatus="STOPPED", desiredStatus="STOPPED", stoppedAt=account.now.timestamp()
    )


async def is_there(account: Account, kind: str, key: str) -> bool:
    return await account.store.view(lambda txn: txn.get(kind, key)) is not None


async def delete_definition(account: Account) -> str:
    """The ARN of web:1, on its way out."""
    await account.call("DeregisterTaskDefinition", taskDefinition="web:1")
    answer = await account.call("DeleteTaskDefinitions", taskDefinitions=["web:1"])
    arn: str = answer["taskDefinitions"][0]["taskDefinitionArn"]
    return arn


async def test_a_task_that_has_not_stopped_stays(account: Account) -> None:
    await account.register()
    arn = await start(account)
    assert await reaper(account).reconcile(("task", arn)) is None
    assert await is_there(account, "task", arn)


async def test_a_stopped_task_stays_for_its_time(account: Account) -> None:
    await account.register()
    arn = await start(account)
    await end(account, arn)
    account.later(60)
    assert await reaper(account).reconcile(("task", arn)) == RETENTION_S - 60
    assert await is_there(account, "task", arn)
    account.later(40)
    assert await reaper(account).reconcile(("task", arn)) is None
    assert not await is_there(account, "task", arn)
    assert await reaper(account).reconcile(("task", arn)) is None


async def test_a_tasks_log_positions_go_with_it(account: Account) -> None:
    await account.register()
    arn = await start(account)
    position = Record("log-position", arn + "/app/stdout", account.context.scope, {"sequence": 1}, parent=arn)
    await account.store.update(lambda txn: txn.put(position))
    await end(account, arn)
    account.later(RETENTION_S)
    await reaper(account).reconcile(("task", arn))
    assert not await is_there(account, "log-position", position.key)


async def test_a_token_goes_with_its_last_task(account: Account) -> None:
    await account.register()
    answer = await account.run(count=2, clientToken="t")
    first, second = (task["taskArn"] for task in answer["tasks"])
    token = "arn:aws:ecs:us-east-1:000000000000:cluster/default/RunTask/t"
    for arn, token_is_there in ((first, True), (second, False)):
        await end(account, arn)
        account.later(RETENTION_S)
        await reaper(account).reconcile(("task", arn))
        assert await is_there(account, "client-token", token) is token_is_there


async def test_a_deleted_definition_is_gone_when_nothing_runs_it(account: Account) -> None:
    await account.register()
    task = await start(account)
    arn = await delete_definition(account)
    at_work = reaper(account)
    await at_work.reconcile(("task-definition", arn))
    assert await is_there(account, "task-definition", arn)
    await end(account, task)
    await at_work.reconcile(("task-definition", arn))
    assert not await is_there(account, "task-definition", arn)
    assert (await account.call("ListTaskDefinitionFamilies"))["families"] == []


async def test_a_revision_is_not_used_again(account: Account) -> None:
    await account.register()
    arn = await delete_definition(account)
    await reaper(account).reconcile(("task-definition", arn))
    assert (await account.register()).endswith("web:2")
    assert (await account.call("ListTaskDefinitionFamilies"))["families"] == ["web"]


@pytest.mark.parametrize("status", ["ACTIVE", "INACTIVE"])
async def test_a_definition_nobody_deletes_stays(account: Account, status: str) -> None:
    arn = await account.register()
    if status == "INACTIVE":
        await account.call("DeregisterTaskDefinition", taskDefinition=arn)
    await reaper(account).reconcile(("task-definition", arn))
    assert await is_there(account, "task-definition", arn)


async def test_at_work_it_sees_what_ends_and_what_ended_before(account: Account) -> None:
    await account.register()
    before, then = await start(account), await start(account)
    await end(account, before)
    account.later(RETENTION_S)
    at_work = asyncio.create_task(reaper(account).run())
    try:
        async with asyncio.timeout(10):
            while await is_there(account, "task", before):
                await asyncio.sleep(0.005)
            arn = await delete_definition(account)
            await end(account, then)
            while await is_there(account, "task-definition", arn):
                await asyncio.sleep(0.005)
        assert await is_there(account, "task", then)
    finally:
        at_work.cancel()


async def test_a_deleted_secret_goes_when_its_recovery_window_has_ended(account: Account) -> None:
    params = {"service": "secretsmanager", "Name": "db", "SecretString": "x"}
    arn = (await account.call("CreateSecret", **params))["ARN"]
    assert await reaper(account).reconcile(("secret", arn)) is None
    await account.call("DeleteSecret", service="secretsmanager", SecretId=arn, RecoveryWindowInDays=7)
    assert await reaper(account).reconcile(("secret", arn)) == 6 * 3600
    account.later(7 * 86400 - 60)
    assert await reaper(account).reconcile(("secret", arn)) == 60
    account.later(60)
    assert await is_there(account, "secret", arn)
    assert await reaper(account).reconcile(("secret", arn)) is None
    assert await account.store.view(lambda txn: txn.count("secret") + txn.count("secret-version")) == 0


async def test_a_restored_secret_stays(account: Account) -> None:
    arn = (await account.call("CreateSecret", service="secretsmanager", Name="db"))["ARN"]
    for operation in ("DeleteSecret", "RestoreSecret"):
        await account.call(operation, service="secretsmanager", SecretId=arn)
    account.later(40 * 86400)
    assert await reaper(account).reconcile(("secret", arn)) is None
    assert await is_there(account, "secret", arn)

"""What the server gives the agent of a task's host: keys of the task's own role, its tags, its protection."""

import json
from datetime import timedelta
from typing import Any

import pytest

from bastide.api.agents.task_calls import TaskCalls
from bastide.api.sts.sessions import open_session
from bastide.model.messages.task_calls import (
    ProtectionAnswer,
    ProtectionRequest,
    RoleAnswer,
    RoleRequest,
    TagsAnswer,
    TagsRequest,
    TaskRequest,
)
from bastide.store import Store
from tests import roles
from tests.account import VAULT, Account

HOST, ROLE = "host-1", "arn:aws:iam::000000000000:role/task"


class Placed:
    """A task of a service's, on a host, running."""

    def __init__(self, account: Account, arn: str) -> None:
        self.account, self.arn = account, arn
        self.calls = TaskCalls(account.store, account.settings, VAULT)

    async def ask(self, request: TaskRequest, *, host_id: str = HOST) -> Any:
        return await self.calls.answer(request, host_id=host_id, now=self.account.now)

    async def protection(self, **asked: Any) -> ProtectionAnswer:
        answer = await self.ask(ProtectionRequest(task_arn=self.arn, **asked))
        assert isinstance(answer, ProtectionAnswer)
        return answer

    async def permit(self, *actions: str) -> None:
        statement = {"Effect": "Allow", "Action": actions, "Resource": self.arn}
        document = json.dumps({"Version": "2012-10-17", "Statement": statement})
        named = {"RoleName": roles.TASK, "PolicyName": "own", "PolicyDocument": document}
        await self.account.call("PutRolePolicy", service="iam", **named)


async def place(
    account: Account, *, role: str | None = ROLE, group: str = "service:web", **run: Any
) -> Placed:
    await account.register(**({"taskRoleArn": role} if role else {}))
    (task,) = (await account.run(**run))["tasks"]
    record = await account.record("task", task["taskArn"])
    document = {**record.document, "host": HOST}
    await account.store.update(lambda txn: txn.put(record.changed(document=document)))
    await account.change_task(task["taskArn"], group=group, lastStatus="RUNNING")
    return Placed(account, task["taskArn"])


@pytest.fixture
def account(store: Store) -> Account:
    return Account(store)


async def test_a_role_is_given_as_a_session_of_six_hours_named_by_the_task(account: Account) -> None:
    placed = await place(account)
    given = await placed.ask(RoleRequest(placed.arn))
    assert isinstance(given, RoleAnswer)
    assert (given.error, given.role_arn, given.access_key_id[:4]) == (None, ROLE, "ASIA")
    assert given.expires_at == account.now + timedelta(hours=6)
    session = open_session(VAULT, given.token)
    assert session is not None
    task_id = placed.arn.rpartition("/")[2]
    assert session.arn == f"arn:aws:sts::000000000000:assumed-role/task/{task_id}"
    assert (session.access_key_id, session.secret_access_key) == (
        given.access_key_id,
        given.secret_access_key,
    )
    again = await placed.ask(RoleRequest(placed.arn))
    assert again.access_key_id != given.access_key_id
    assert given.secret_access_key not in repr(given)


async def test_the_role_of_the_override_is_the_tasks(account: Account) -> None:
    await account.role("other")
    other = ROLE.replace("task", "other")
    placed = await place(account, overrides={"taskRoleArn": other})
    assert (await placed.ask(RoleRequest(placed.arn))).role_arn == other


async def test_only_the_tasks_own_host_is_given_them_while_the_task_lives(account: Account) -> None:
    placed = await place(account)
    for host_id, status in (("host-2", "RUNNING"), (HOST, "STOPPED")):
        await account.change_task(placed.arn, lastStatus=status)
        given = await placed.ask(RoleRequest(placed.arn), host_id=host_id)
        assert (given.error, given.token) == ("the task is not on this host", "")
        assert (await placed.ask(TagsRequest(placed.arn), host_id=host_id)).error


async def test_a_role_that_is_gone_or_trusts_others_gives_nothing(account: Account) -> None:
    placed = await place(account)
    trust = {"RoleName": "task", "PolicyDocument": roles.TRUST.replace("ecs-tasks", "ec2")}
    await account.call("UpdateAssumeRolePolicy", service="iam", **trust)
    assert "ECS was unable to assume the role" in (await placed.ask(RoleRequest(placed.arn))).error
    without = await place(account, role=None)
    assert "no task IAM role credentials" in (await without.ask(RoleRequest(without.arn))).error


async def test_tags_are_those_of_now(account: Account) -> None:
    placed = await place(account)
    assert await placed.ask(TagsRequest(placed.arn)) == TagsAnswer(task_arn=placed.arn)
    await account.call("TagResource", resourceArn=placed.arn, tags=[{"key": "team", "value": "a"}])
    assert (await placed.ask(TagsRequest(placed.arn))).tags == {"team": "a"}


async def test_protection_is_set_as_the_role_and_seen_by_everybody(account: Account) -> None:
    placed = await place(account)
    await placed.permit("ecs:GetTaskProtection", "ecs:UpdateTaskProtection")
    off = {"protection": {"ProtectionEnabled": False, "TaskArn": placed.arn}}
    assert (await placed.protection()).document == off
    on = await placed.protection(enabled=True, minutes=60)
    until = (account.now + timedelta(minutes=60)).strftime("%Y-%m-%dT%H:%M:%SZ")
    shown = {"ProtectionEnabled": True, "ExpirationDate": until, "TaskArn": placed.arn}
    assert (on.status, on.document) == (200, {"protection": shown})
    told = await account.call("GetTaskProtection", cluster="default", tasks=[placed.arn])
    assert told["protectedTasks"][0]["protectionEnabled"] is True
    assert (await placed.protection(enabled=False)).document == off


async def test_protection_that_the_role_may_not_ask_for_is_refused(account: Account) -> None:
    placed = await place(account)
    await placed.permit("ecs:GetTaskProtection")
    refused = await placed.protection(enabled=True)
    assert refused.status == 400
    told = refused.document["error"]
    assert (told["Arn"], told["Code"]) == (placed.arn, "AccessDeniedException")
    assert "is not authorized to perform: ecs:UpdateTaskProtection" in told["Message"]
    assert len(refused.document["requestID"]) == 36
    without = await place(account, role=None)
    assert (await without.protection()).status == 403


async def test_what_the_operation_says_is_handed_on(account: Account) -> None:
    placed = await place(account, group="family:web")
    await placed.permit("ecs:*")
    failed = await placed.protection(enabled=True)
    assert (failed.status, failed.document) == (
        200,
        {"failure": {"Arn": placed.arn, "Reason": "TASK_NOT_VALID"}},
    )
    invalid = await placed.protection(enabled=True, minutes=0)
    assert (invalid.status, invalid.document["error"]["Code"]) == (400, "InvalidParameterException")

"""What a task is given, it is given as its execution role: every way in which a role may not."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from bastide.api.agents.reports import render_log_fault, store_logs
from bastide.api.task_environment.resolution import Resolver, Unresolved
from bastide.config import Settings
from bastide.model.assignment import LogTarget
from bastide.model.faults import Denied
from bastide.model.frames import LogBatch
from bastide.store import Store
from tests import roles
from tests.account import VAULT, Account, container

HOST, APP = "host-1", "arn:aws:iam::000000000000:role/app"
IMAGE = "000000000000.dkr.ecr.us-east-1.localhost:4566/team/app:1"


@pytest.fixture
def account(store: Store, tmp_path: Path) -> Account:
    return Account(store, settings=Settings(data_root=tmp_path))


class Started:
    """A task on a host, with an execution role of its own."""

    def __init__(self, account: Account, arn: str) -> None:
        self.account, self.arn = account, arn
        self.resolver = Resolver(account.store, account.settings, VAULT)

    async def environment(self) -> dict[str, str]:
        found = await self.resolver.resolve(self.arn, host_id=HOST, now_s=self.account.now.timestamp())
        return found["app"]

    async def login(self) -> tuple[str, str] | None:
        return await self.resolver.resolve_credentials(self.arn, "app", host_id=HOST, now=self.account.now)

    async def open_stream(self) -> str | None:
        target = LogTarget(group="/app", stream="t/app/1", region="us-east-1", create_group=True)
        batch = LogBatch(
            task_arn=self.arn, container="app", source="stdout", sequence=0, target=target, lines=()
        )
        (fault,) = await store_logs(self.account.store, [batch], self.account.now)
        return None if fault is None else render_log_fault(fault)

    async def permit(self, *actions: str, resource: str = "*") -> None:
        statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": statement})
        await self.account.call(
            "PutRolePolicy", service="iam", RoleName="app", PolicyName="own", PolicyDocument=document
        )


async def start(account: Account, **members: Any) -> Started:
    """A task of a role that trusts tasks and may do nothing."""
    _, create = roles.calls("app")[0]
    await account.call("CreateRole", service="iam", **create)
    await account.register(executionRoleArn=APP, containerDefinitions=[container(**members)])
    (task,) = (await account.run())["tasks"]
    record = await account.record("task", task["taskArn"])
    document = {**record.document, "host": HOST}
    await account.store.update(lambda txn: txn.put(record.changed(document=document)))
    return Started(account, task["taskArn"])


def told(started: Started, action: str) -> str:
    """The end of a refusal."""
    session = started.arn.rpartition("/")[2]
    return (
        f"AccessDeniedException: User: arn:aws:sts::000000000000:assumed-role/app/{session} "
        f"is not authorized to perform: {action} on resource: "
    )


async def test_a_secret_needs_its_permission(account: Account) -> None:
    made = await account.call("CreateSecret", service="secretsmanager", Name="db", SecretString="pw")
    started = await start(account, secrets=[{"name": "DB", "valueFrom": made["ARN"]}])
    with pytest.raises(Unresolved) as refused:
        await started.environment()
    assert told(started, "secretsmanager:GetSecretValue") + made["ARN"] in str(refused.value)
    assert "unable to retrieve secret from asm" in str(refused.value)
    await started.permit("secretsmanager:GetSecretValue", resource=made["ARN"])
    assert await started.environment() == {"DB": "pw"}


@pytest.mark.parametrize(("effect", "own"), [("Allow", ()), ("Deny", ("secretsmanager:*",))])
async def test_a_secrets_own_policy_counts(account: Account, effect: str, own: tuple[str, ...]) -> None:
    made = await account.call("CreateSecret", service="secretsmanager", Name="db", SecretString="pw")
    started = await start(account, secrets=[{"name": "DB", "valueFrom": made["ARN"]}])
    if own:
        await started.permit(*own)
    statement = {"Effect": effect, "Principal": {"AWS": APP}, "Action": "secretsmanager:*", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    await account.call("PutResourcePolicy", service="secretsmanager", SecretId="db", ResourcePolicy=text)
    if effect == "Allow":
        assert await started.environment() == {"DB": "pw"}
        return
    with pytest.raises(Unresolved, match="with an explicit deny in a resource-based policy"):
        await started.environment()


PARAMETER = "arn:aws:ssm:us-east-1:000000000000:parameter/app/db"


@pytest.mark.parametrize("value_from", ["/app/db", PARAMETER])
async def test_a_parameter_needs_its_permission(account: Account, value_from: str) -> None:
    await account.call("PutParameter", service="ssm", Name="/app/db", Value="pw", Type="SecureString")
    started = await start(account, secrets=[{"name": "DB", "valueFrom": value_from}])
    with pytest.raises(Unresolved) as refused:
        await started.environment()
    assert told(started, "ssm:GetParameters") + PARAMETER in str(refused.value)
    await started.permit("ssm:GetParameters", resource=PARAMETER)
    assert await started.environment() == {"DB": "pw"}


async def test_an_image_of_our_own_registry_needs_a_token(account: Account) -> None:
    started = await start(account, image=IMAGE)
    with pytest.raises(Unresolved) as refused:
        await started.login()
    assert told(started, "ecr:GetAuthorizationToken") + "*" in str(refused.value)
    assert "unable to retrieve ecr registry auth" in str(refused.value)
    await started.permit("ecr:GetAuthorizationToken")
    pair = await started.login()
    assert pair is not None
    assert pair[0] == "AWS"


async def last_used(account: Account) -> dict[str, Any]:
    found = await account.call("GetRole", service="iam", RoleName="app")
    return dict(found["Role"]["RoleLastUsed"])


@pytest.mark.parametrize("what", ["environment", "login", "open_stream"])
async def test_what_is_done_for_a_task_is_a_use_of_the_role(account: Account, what: str) -> None:
    await account.call("PutParameter", service="ssm", Name="/db", Value="pw", Type="String")
    started = await start(account, image=IMAGE, secrets=[{"name": "DB", "valueFrom": "/db"}])
    assert await last_used(account) == {}
    with contextlib.suppress(Unresolved):  # a use that is refused is one too
        await getattr(started, what)()
    used = {"LastUsedDate": account.now.timestamp(), "Region": "us-east-1"}
    assert await last_used(account) == used
    details = await account.call("GetAccountAuthorizationDetails", service="iam", Filter=["Role"])
    assert used in [role["RoleLastUsed"] for role in details["RoleDetailList"]]


async def test_a_task_that_needs_nothing_uses_no_role(account: Account) -> None:
    started = await start(account)
    await started.environment()
    assert await started.login() is None
    assert await last_used(account) == {}


async def test_output_needs_its_permissions(account: Account) -> None:
    started = await start(account)
    for allowed, missing in (
        ((), "logs:CreateLogGroup"),
        (("logs:CreateLogGroup",), "logs:CreateLogStream"),
        (("logs:CreateLogGroup", "logs:CreateLogStream"), "logs:PutLogEvents"),
    ):
        if allowed:
            await started.permit(*allowed)
        assert told(started, missing) in str(await started.open_stream())
    await started.permit("logs:*")
    assert await started.open_stream() is None


@pytest.mark.parametrize("member", ["taskRoleArn", "executionRoleArn"])
async def test_a_role_that_is_not_there_or_trusts_others_is_not_passed(account: Account, member: str) -> None:
    await account.register(**{member: APP})
    with pytest.raises(Denied, match="ECS was unable to assume the role"):
        await account.run()
    other = roles.TRUST.replace("ecs-tasks", "ec2")
    await account.call("CreateRole", service="iam", RoleName="app", AssumeRolePolicyDocument=other)
    with pytest.raises(Denied, match="ECS was unable to assume the role"):
        await account.run()
    named = {"RoleName": "app", "PolicyDocument": roles.TRUST}
    await account.call("UpdateAssumeRolePolicy", service="iam", **named)
    assert len((await account.run())["tasks"]) == 1


async def test_a_role_that_is_gone_when_the_task_starts_stops_it(account: Account) -> None:
    started = await start(account, image=IMAGE)
    await account.call("DeleteRole", service="iam", RoleName="app")
    with pytest.raises(Unresolved, match="ECS was unable to assume the role"):
        await started.login()
    assert "ECS was unable to assume the role" in str(await started.open_stream())

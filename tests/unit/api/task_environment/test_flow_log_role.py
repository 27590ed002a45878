"""A flow log's records are written as its role: it has to trust flow logs, and be allowed to write."""

import json
from pathlib import Path
from typing import Any

import pytest

from bastide.api.agents.reports import render_log_fault, store_logs
from bastide.config import Settings
from bastide.model.assignment import LogLine, LogTarget
from bastide.model.frames import LogBatch
from bastide.store import Store
from tests import roles
from tests.account import Account

ROLE = "arn:aws:iam::000000000000:role/flows"
TRUST = roles.TRUST.replace("ecs-tasks", "vpc-flow-logs")
MAY = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")


@pytest.fixture
def account(store: Store, tmp_path: Path) -> Account:
    return Account(store, settings=Settings(data_root=tmp_path))


class Logged:
    """A flow log of a VPC, with a role named `flows`, that may or may not be there."""

    def __init__(self, account: Account, flow_log_id: str) -> None:
        self.account, self.id = account, flow_log_id

    async def make_role(self, trust: str, *actions: str) -> None:
        await self.account.call("CreateRole", service="iam", RoleName="flows", AssumeRolePolicyDocument=trust)
        statement = {"Effect": "Allow", "Action": actions or ["s3:GetObject"], "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": statement})
        await self.account.call(
            "PutRolePolicy", service="iam", RoleName="flows", PolicyName="own", PolicyDocument=document
        )

    async def deliver(self, sequence: int = 1) -> str | None:
        batch = LogBatch(
            task_arn=f"arn:aws:ec2:us-east-1:000000000000:vpc-flow-log/{self.id}",
            container="eni-1",
            source="flow",
            sequence=sequence,
            target=LogTarget(group="flows", stream="eni-1-all", region="us-east-1", create_group=True),
            lines=(LogLine(1, "2 …"),),
        )
        (fault,) = await store_logs(self.account.store, [batch], self.account.now)
        return None if fault is None else render_log_fault(fault)

    async def shown(self) -> dict[str, Any]:
        (document,) = (await self.account.call("DescribeFlowLogs", service="ec2"))["FlowLogs"]
        return dict(document)


async def logged(account: Account) -> Logged:
    made = await account.call("CreateVpc", service="ec2", CidrBlock="10.0.0.0/16")
    answer = await account.call(
        "CreateFlowLogs",
        service="ec2",
        ResourceIds=[made["Vpc"]["VpcId"]],
        ResourceType="VPC",
        TrafficType="ALL",
        LogGroupName="flows",
        DeliverLogsPermissionArn=ROLE,
    )
    return Logged(account, answer["FlowLogIds"][0])


@pytest.mark.parametrize(
    ("trust", "actions"), [("", MAY), (roles.TRUST, MAY), (TRUST, MAY[:2])], ids=["none", "trust", "policy"]
)
async def test_a_role_that_may_not_delivers_nothing(
    account: Account, trust: str, actions: tuple[str, ...]
) -> None:
    one = await logged(account)
    if trust:
        await one.make_role(trust, *actions)
    assert await one.deliver() is not None
    shown = await one.shown()
    assert (shown["DeliverLogsStatus"], shown["DeliverLogsErrorMessage"]) == ("FAILED", "Access error")
    groups = await account.call("DescribeLogGroups", service="logs")
    assert groups["logGroups"] == []


async def test_a_role_that_may_again_delivers_again(account: Account) -> None:
    one = await logged(account)
    assert await one.deliver() is not None
    await one.make_role(TRUST, *MAY)
    assert await one.deliver(2) is None
    shown = await one.shown()
    assert shown["DeliverLogsStatus"] == "SUCCESS"
    assert "DeliverLogsErrorMessage" not in shown
    read = await account.call("GetLogEvents", service="logs", logGroupName="flows", logStreamName="eni-1-all")
    assert [event["message"] for event in read["events"]] == ["2 …"]

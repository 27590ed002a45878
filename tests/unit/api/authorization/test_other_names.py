"""The same thing by another name: whoever may everything but one thing does not get it that way either."""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.api.authorization.test_enforcement import FARGATE
from tests.unit.api.authorization.world import (
    ACCOUNT,
    DENIED,
    ECS,
    REGION,
    ROLE,
    World,
    allow,
    deny,
    policy,
    refused,
    session_keys,
    trusting,
)

LOGS, SSM = f"arn:aws:logs:{REGION}:{ACCOUNT}", f"arn:aws:ssm:{REGION}:{ACCOUNT}"
IAM = f"arn:aws:iam::{ACCOUNT}"
TASK_ID = "0" * 32
TASKS = trusting({"Service": "ecs-tasks.amazonaws.com"})


def denied(call: Callable[..., Any], **params: Any) -> str:
    """What a call says that must be denied."""
    code, message = refused(call, **params)
    assert code in DENIED, message
    return message


async def test_a_task_of_another_cluster(world: World) -> None:
    await asyncio.to_thread(tasks, world)


def tasks(world: World) -> None:
    for name in ("dev", "prod"):
        world.admin("ecs").create_cluster(clusterName=name)
    dev = allow("ecs:*", [f"{ECS}:cluster/dev", f"{ECS}:task/dev/*"])
    ecs = world.client("ecs", world.user("ann", dev))
    denied(ecs.stop_task, cluster="dev", task=f"{ECS}:task/prod/{TASK_ID}")
    denied(ecs.stop_task, cluster="dev", task=f"prod/{TASK_ID}")
    denied(ecs.get_task_protection, cluster="prod")
    # What is allowed is about the cluster that was allowed, whichever one the call speaks of besides.
    for cluster in ("dev", "prod"):
        (failure,) = ecs.describe_tasks(cluster=cluster, tasks=[f"dev/{TASK_ID}"])["failures"]
        assert failure["arn"] == f"{ECS}:task/dev/{TASK_ID}"
    not_in_prod = deny("ecs:*", Condition={"ArnEquals": {"ecs:cluster": f"{ECS}:cluster/prod"}})
    ecs = world.client("ecs", world.user("bob", allow("ecs:*"), not_in_prod))
    denied(ecs.list_tasks, cluster="prod", family="web")
    assert ecs.list_tasks(cluster="dev", family="web")["taskArns"] == []


async def test_a_role_by_its_name(world: World) -> None:
    await asyncio.to_thread(roles, world)


def roles(world: World) -> None:
    world.role("boss", TASKS, allow("s3:*"), Path="/high/")
    boss = f"{ROLE}/high/boss"
    keys = world.user("ann", allow("*"), deny("iam:PassRole", boss))
    ecs, iam = world.client("ecs", keys), world.client("iam", keys)
    for given in ("boss", "BOSS", boss):
        asked = {"family": "web", "taskRoleArn": given, **FARGATE}
        assert f"iam:PassRole on resource: {boss}" in denied(ecs.register_task_definition, **asked)
        world.admin("ecs").register_task_definition(**asked)
        assert boss in denied(ecs.run_task, taskDefinition="web")
        overrides = {"executionRoleArn": given}
        assert boss in denied(ecs.run_task, taskDefinition="web", overrides=overrides)
    world.iam.create_instance_profile(InstanceProfileName="web")
    assert boss in denied(iam.add_role_to_instance_profile, InstanceProfileName="web", RoleName="boss")
    vpc = world.admin("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    asked = {"ResourceIds": [vpc], "ResourceType": "VPC", "TrafficType": "ALL", "LogGroupName": "flows"}
    code, message = refused(
        world.client("ec2", keys).create_flow_logs, DeliverLogsPermissionArn="boss", **asked
    )
    assert (code, boss in message) == ("UnauthorizedOperation", True)


async def test_a_log_group(world: World) -> None:
    await asyncio.to_thread(log_groups, world)


def log_groups(world: World) -> None:
    admin, now_ms = world.admin("logs"), int(time.time() * 1000)
    admin.create_log_group(logGroupName="hidden")
    admin.create_log_stream(logGroupName="hidden", logStreamName="s")
    event = {"timestamp": now_ms, "message": "hush"}
    admin.put_log_events(logGroupName="hidden", logStreamName="s", logEvents=[event])
    keys = world.user("ann", allow("logs:*"), deny("logs:*", f"{LOGS}:log-group:hidden:*"))
    logs = world.client("logs", keys)
    period = {"startTime": 0, "endTime": now_ms // 1000 + 1, "queryString": "fields @message"}
    for name in (
        "hidden",
        f"{LOGS}:log-group:hidden",
        f"{LOGS}:hidden",
        f"arn::logs:{REGION}:{ACCOUNT}:log-group:hidden",
        f"arn:aws-cn:logs:{REGION}:{ACCOUNT}:log-group:hidden",
    ):
        refused(logs.get_log_events, logGroupIdentifier=name, logStreamName="s")
        refused(logs.filter_log_events, logGroupIdentifier=name)
        refused(logs.describe_log_streams, logGroupIdentifier=name)
        refused(logs.start_query, logGroupIdentifiers=[name], **period)
        refused(logs.start_query, logGroupNames=[name], **period)
        refused(
            logs.put_log_group_deletion_protection, logGroupIdentifier=name, deletionProtectionEnabled=True
        )
        refused(logs.tag_resource, resourceArn=name, tags={"a": "b"})
        refused(logs.list_tags_for_resource, resourceArn=name)
    pointer = base64.urlsafe_b64encode(json.dumps(["hidden", now_ms, 0]).encode()).decode()
    assert "log-group:hidden:" in denied(logs.get_log_record, logRecordPointer=pointer)


@pytest.mark.parametrize(
    "name",
    [
        "/parameters/x",
        "/parameters/x:1",
        f"{SSM}:parameter/parameters/x",
        f"{SSM}:parameters/x",
        f"{SSM}:/parameters/x",
        f"arn:aws-cn:ssm:{REGION}:{ACCOUNT}:parameter/parameters/x:1",
    ],
)
async def test_a_parameter(world: World, name: str) -> None:
    def attempt() -> None:
        world.admin("ssm").put_parameter(Name="/parameters/x", Value="hush", Type="String")
        keys = world.user("ann", allow("ssm:*"), deny("ssm:*", f"{SSM}:parameter/parameters/*"))
        ssm = world.client("ssm", keys)
        refused(ssm.get_parameter, Name=name)
        refused(ssm.get_parameter_history, Name=name)
        try:
            assert ssm.get_parameters(Names=[name])["Parameters"] == []
        except ssm.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] in DENIED

    await asyncio.to_thread(attempt)


async def test_a_user_by_a_name_it_is_given_or_a_key(world: World) -> None:
    await asyncio.to_thread(users, world)


def users(world: World) -> None:
    world.iam.create_user(UserName="dev-bob")
    world.iam.create_group(GroupName="dev-ops")
    mine = [f"{IAM}:user/dev-*", f"{IAM}:group/dev-*", f"{IAM}:user/${{aws:username}}"]
    keys = world.user("ann", allow("iam:*", mine))
    iam = world.client("iam", keys)
    assert "user/boss" in denied(iam.update_user, UserName="dev-bob", NewUserName="boss")
    assert "user/high/dev-bob" in denied(iam.update_user, UserName="dev-bob", NewPath="/high/")
    assert "group/boss" in denied(iam.update_group, GroupName="dev-ops", NewGroupName="boss")
    iam.update_user(UserName="dev-bob", NewUserName="dev-eve")
    other = world.user("cid")["aws_access_key_id"]
    assert "user/cid" in denied(iam.get_access_key_last_used, AccessKeyId=other)
    assert iam.get_access_key_last_used(AccessKeyId=keys["aws_access_key_id"])["UserName"] == "ann"
    assert "user/cid" in denied(
        iam.simulate_principal_policy, PolicySourceArn=f"{IAM}:user/cid", ActionNames=["ecs:RunTask"]
    )


async def test_a_role_at_a_path_is_the_one_that_policies_name(world: World) -> None:
    await asyncio.to_thread(role_at_a_path, world)


def role_at_a_path(world: World) -> None:
    """A session's ARN says nothing of its role's path."""
    sts = world.client("sts", world.user("ann"))
    arn = world.role("deploy", trusting({"AWS": f"{IAM}:user/ann"}), allow("secretsmanager:*"), Path="/ci/")
    keys = session_keys(sts.assume_role(RoleArn=arn, RoleSessionName="run")["Credentials"])
    admin, secrets = world.admin("secretsmanager"), world.client("secretsmanager", keys)
    admin.create_secret(Name="db", SecretString="hush")
    assert secrets.get_secret_value(SecretId="db")["SecretString"] == "hush"
    named = {"Principal": {"AWS": arn}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    admin.put_resource_policy(SecretId="db", ResourcePolicy=policy({"Effect": "Deny", **named}))
    assert "in a resource-based policy" in denied(secrets.get_secret_value, SecretId="db")
    next_role = world.role("next", trusting({"AWS": arn}), allow("s3:*"))
    world.client("sts", keys).assume_role(RoleArn=next_role, RoleSessionName="run")

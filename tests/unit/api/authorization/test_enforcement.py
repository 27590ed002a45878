"""What users may and may not, tried by boto3 with keys of their own."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.api.authorization.world import (
    ACCOUNT,
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

ANN = f"arn:aws:iam::{ACCOUNT}:user/ann"
CONTAINER = {"name": "app", "image": "app:1", "essential": True}
FARGATE = {
    "requiresCompatibilities": ["FARGATE"],
    "networkMode": "awsvpc",
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [CONTAINER],
}


async def test_a_user_may_nothing_unless_allowed(world: World) -> None:
    await asyncio.to_thread(nothing_unless_allowed, world)


def nothing_unless_allowed(world: World) -> None:
    keys = world.user("ann")
    ecs = world.client("ecs", keys)
    assert refused(ecs.list_clusters) == (
        "AccessDeniedException",
        f"User: {ANN} is not authorized to perform: ecs:ListClusters on resource: * because no "
        "identity-based policy allows the ecs:ListClusters action",
    )
    assert world.client("sts", keys).get_caller_identity()["Arn"] == ANN
    world.permit("ann", allow("ecs:*"))
    assert ecs.list_clusters()["clusterArns"] == []
    world.permit("ann", allow("ecs:*"), deny("ecs:List*"))
    assert refused(ecs.list_clusters)[1].endswith("with an explicit deny in an identity-based policy")
    iam = world.client("iam", keys)
    assert refused(iam.list_users)[0] == "AccessDenied"
    ec2 = world.client("ec2", keys)
    assert refused(ec2.describe_vpcs)[0] == "UnauthorizedOperation"
    s3 = world.client("s3", keys)
    assert refused(s3.list_buckets)[0] == "AccessDenied"


async def test_a_key_that_is_off_or_gone_signs_nothing(world: World) -> None:
    await asyncio.to_thread(keys_off_and_gone, world)


def keys_off_and_gone(world: World) -> None:
    keys = world.user("ann", allow("*"))
    ecs, named = world.client("ecs", keys), {"UserName": "ann", "AccessKeyId": keys["aws_access_key_id"]}
    ecs.list_clusters()
    used = world.iam.get_access_key_last_used(AccessKeyId=keys["aws_access_key_id"])["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("ecs", REGION)
    world.iam.update_access_key(Status="Inactive", **named)
    assert refused(ecs.list_clusters)[0] == "UnrecognizedClientException"
    world.iam.update_access_key(Status="Active", **named)
    ecs.list_clusters()
    world.iam.delete_access_key(**named)
    assert refused(ecs.list_clusters)[0] == "UnrecognizedClientException"
    other = world.client("ecs", {**keys, "aws_secret_access_key": "x" * 40})
    assert refused(other.list_clusters)[0] == "UnrecognizedClientException"


async def test_a_developer_registers_with_one_role_and_runs_in_one_cluster(world: World) -> None:
    await asyncio.to_thread(developer, world)


def developer(world: World) -> None:
    statements = (
        allow("ecs:RegisterTaskDefinition", f"{ECS}:task-definition/web:*"),
        allow(
            "ecs:RunTask",
            f"{ECS}:task-definition/web:*",
            Condition={"ArnEquals": {"ecs:cluster": f"{ECS}:cluster/dev"}},
        ),
        allow(
            "iam:PassRole",
            f"{ROLE}/web",
            Condition={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        ),
    )
    ecs = world.client("ecs", world.user("ann", *statements))
    world.admin("ecs").create_cluster(clusterName="dev")
    ecs.register_task_definition(family="web", taskRoleArn=f"{ROLE}/web", **FARGATE)
    registered = {"family": "web", "taskRoleArn": f"{ROLE}/admin", **FARGATE}
    world.admin("ecs").register_task_definition(**registered)  # a revision that she may not hand its role to
    running = refused(ecs.run_task, cluster="dev", taskDefinition="web:2")
    assert f"perform: iam:PassRole on resource: {ROLE}/admin" in running[1]
    passing = refused(ecs.register_task_definition, family="web", taskRoleArn=f"{ROLE}/admin", **FARGATE)
    assert passing == (
        "AccessDeniedException",
        f"User: {ANN} is not authorized to perform: iam:PassRole on resource: {ROLE}/admin because no "
        "identity-based policy allows the iam:PassRole action",
    )
    family = refused(ecs.register_task_definition, family="db", **FARGATE)
    assert f"on resource: {ECS}:task-definition/db:*" in family[1]
    tagging = refused(
        ecs.register_task_definition, family="web", tags=[{"key": "a", "value": "b"}], **FARGATE
    )
    assert "is not authorized to perform: ecs:TagResource" in tagging[1]
    elsewhere = refused(ecs.run_task, cluster="prod", taskDefinition="web:1")
    assert elsewhere[0] == "AccessDeniedException"
    assert f"on resource: {ECS}:task-definition/web:1 because" in elsewhere[1]
    overriding = refused(
        ecs.run_task, cluster="dev", taskDefinition="web:1", overrides={"taskRoleArn": f"{ROLE}/admin"}
    )
    assert "iam:PassRole" in overriding[1]
    allowed = refused(ecs.run_task, cluster="dev", taskDefinition="web:1")  # there is no network here
    assert allowed[0] == "InvalidParameterException"
    for cluster, decision in (("dev", "allowed"), ("prod", "implicitDeny")):
        entry = {
            "ContextKeyName": "ecs:cluster",
            "ContextKeyValues": [f"{ECS}:cluster/{cluster}"],
            "ContextKeyType": "string",
        }
        simulated = world.iam.simulate_principal_policy(
            PolicySourceArn=ANN,
            ActionNames=["ecs:RunTask"],
            ResourceArns=[f"{ECS}:task-definition/web:1"],
            ContextEntries=[entry],
        )
        assert simulated["EvaluationResults"][0]["EvalDecision"] == decision


async def test_a_flow_log_is_given_a_role_as_a_task_is(world: World) -> None:
    await asyncio.to_thread(flow_log, world)


def flow_log(world: World) -> None:
    passing = allow(
        "iam:PassRole",
        f"{ROLE}/flows",
        Condition={"StringEquals": {"iam:PassedToService": "vpc-flow-logs.amazonaws.com"}},
    )
    ec2 = world.client("ec2", world.user("ann", allow("ec2:CreateFlowLogs"), passing))
    vpc = world.admin("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    asked = {"ResourceIds": [vpc], "ResourceType": "VPC", "TrafficType": "ALL", "LogGroupName": "flows"}
    other = refused(ec2.create_flow_logs, DeliverLogsPermissionArn=f"{ROLE}/admin", **asked)
    assert f"perform: iam:PassRole on resource: {ROLE}/admin" in other[1]
    assert ec2.create_flow_logs(DeliverLogsPermissionArn=f"{ROLE}/flows", **asked)["FlowLogIds"]


@pytest.mark.parametrize(
    ("service", "statement", "operation", "allowed", "refused_params"),
    [
        (
            "logs",
            allow("logs:GetLogEvents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/one:*"),
            "get_log_events",
            {"logGroupName": "/one", "logStreamName": "s"},
            {"logGroupName": "/two", "logStreamName": "s"},
        ),
        (
            "logs",
            allow("logs:FilterLogEvents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/one:*"),
            "filter_log_events",
            {"logGroupName": "/one"},
            {"logGroupName": "/two"},
        ),
        (
            "ecr",
            allow("ecr:*", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/one"),
            "list_images",
            {"repositoryName": "one"},
            {"repositoryName": "two"},
        ),
        (
            "ssm",
            allow("ssm:GetParameter", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/one/*"),
            "get_parameter",
            {"Name": "/one/x"},
            {"Name": "/two/x"},
        ),
        (
            "secretsmanager",
            allow("secretsmanager:*", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:one*"),
            "describe_secret",
            {"SecretId": "one"},
            {"SecretId": "two"},
        ),
        (
            "s3",
            allow("s3:GetObject", "arn:aws:s3:::bucket/${aws:username}/*"),
            "get_object",
            {"Bucket": "bucket", "Key": "ann/x"},
            {"Bucket": "bucket", "Key": "bob/x"},
        ),
        (
            "iam",
            allow("iam:*", f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"),
            "list_access_keys",
            {"UserName": "ann"},
            {"UserName": "bob"},
        ),
        (
            "ecs",
            allow("ecs:DescribeTasks", f"{ECS}:task/dev/*"),
            "describe_tasks",
            {"cluster": "dev", "tasks": ["0" * 32]},
            {"cluster": "prod", "tasks": ["0" * 32]},
        ),
    ],
)
async def test_one_resource_is_allowed_and_its_neighbour_is_not(
    world: World,
    service: str,
    statement: dict[str, Any],
    operation: str,
    allowed: dict[str, Any],
    refused_params: dict[str, Any],
) -> None:
    def attempt() -> None:
        client = world.client(service, world.user("ann", statement))
        call = getattr(client, operation)
        denied = {"AccessDenied", "AccessDeniedException"}
        assert refused(call, **refused_params)[0] in denied
        try:
            call(**allowed)
        except client.exceptions.ClientError as error:  # allowed to ask for what is not there
            assert error.response["Error"]["Code"] not in denied

    await asyncio.to_thread(attempt)


async def test_a_repositorys_own_policy_counts(world: World) -> None:
    await asyncio.to_thread(repository_policy, world)


def repository_policy(world: World) -> None:
    admin = world.admin("ecr")
    admin.create_repository(repositoryName="one")
    ecr = world.client("ecr", world.user("ann"))
    assert refused(ecr.list_images, repositoryName="one")[0] == "AccessDeniedException"
    granting = {"Effect": "Allow", "Principal": {"AWS": ANN}, "Action": "ecr:ListImages"}
    admin.set_repository_policy(repositoryName="one", policyText=policy(granting))
    assert ecr.list_images(repositoryName="one")["imageIds"] == []
    admin.set_repository_policy(repositoryName="one", policyText=policy(granting | {"Effect": "Deny"}))
    assert refused(ecr.list_images, repositoryName="one")[1].endswith("in a resource-based policy")
    assert admin.list_images(repositoryName="one")["imageIds"] == []
    assert refused(ecr.get_authorization_token)[0] == "AccessDeniedException"


async def test_groups_boundaries_tags_and_addresses_count_at_once(world: World) -> None:
    await asyncio.to_thread(everything_counts, world)


def everything_counts(world: World) -> None:
    iam, ecs = world.iam, world.client("ecs", world.user("ann"))
    iam.create_group(GroupName="devs")
    iam.put_group_policy(GroupName="devs", PolicyName="p", PolicyDocument=policy(allow("ecs:*")))
    iam.add_user_to_group(GroupName="devs", UserName="ann")
    ecs.list_clusters()
    bound = iam.create_policy(PolicyName="b", PolicyDocument=policy(allow("s3:*")))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=bound)
    assert refused(ecs.list_clusters)[1].endswith(
        "because no permissions boundary allows the ecs:ListClusters action"
    )
    iam.create_policy_version(PolicyArn=bound, PolicyDocument=policy(allow("*")), SetAsDefault=True)
    ecs.list_clusters()
    iam.remove_user_from_group(GroupName="devs", UserName="ann")
    assert refused(ecs.list_clusters)[0] == "AccessDeniedException"
    near = {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}, "Bool": {"aws:SecureTransport": "false"}}
    red = {"StringEquals": {"aws:PrincipalTag/team": "red", "aws:RequestedRegion": REGION}}
    world.permit("ann", allow("ecs:*", Condition=near | red))
    ecs.list_clusters()
    iam.tag_user(UserName="ann", Tags=[{"Key": "team", "Value": "blue"}])
    assert refused(ecs.list_clusters)[0] == "AccessDeniedException"


async def test_nobody_locks_the_admin_out(world: World) -> None:
    def attempt() -> None:
        world.admin("ecr").create_repository(repositoryName="one")
        forbidding = {"Effect": "Deny", "Principal": "*", "Action": "*"}
        world.admin("ecr").set_repository_policy(repositoryName="one", policyText=policy(forbidding))
        world.admin("ecr").list_images(repositoryName="one")

    await asyncio.to_thread(attempt)


async def test_keys_that_end_make_none_that_stay(world: World) -> None:
    def attempt() -> None:
        keys = world.user("ann", allow("*"))
        sts = world.client("sts", keys)
        session = session_keys(sts.get_session_token()["Credentials"])
        federated = sts.get_federation_token(Name="fed", Policy=policy(allow("*")))["Credentials"]
        root = session_keys(world.admin("sts").get_session_token()["Credentials"])
        for held in (session, session_keys(federated), root):
            world.client("ecs", held).list_clusters()
            iam = world.client("iam", held)
            for _ in range(6):  # it is nobody's guess, and does not wait
                told = refused(iam.create_access_key, UserName="ann")
            assert told == ("InvalidClientTokenId", "The security token included in the request is invalid")
        arn = world.role("boss", trusting({"AWS": ANN}), allow("iam:*"))
        assumed = world.client("sts", session).assume_role(RoleArn=arn, RoleSessionName="ci")
        world.client("iam", session_keys(assumed["Credentials"])).list_users()

    await asyncio.to_thread(attempt)


async def test_sessions_of_a_role_have_its_permissions_and_no_more(world: World) -> None:
    await asyncio.to_thread(role_sessions, world)


def role_sessions(world: World) -> None:
    sts = world.client("sts", world.user("ann"))
    arn = world.role("deploy", trusting({"AWS": ANN}), allow("ecs:*"), allow("s3:*"))
    asked = {"RoleArn": arn, "RoleSessionName": "ci"}
    session = sts.assume_role(Policy=policy(allow("ecs:List*"), allow("iam:*")), **asked)
    keys = session_keys(session["Credentials"])
    assert world.client("sts", keys).get_caller_identity()["Arn"] == session["AssumedRoleUser"]["Arn"]
    ecs = world.client("ecs", keys)
    ecs.list_clusters()
    assert refused(ecs.describe_clusters)[1].endswith(
        "because no session policy allows the ecs:DescribeClusters action"
    )
    assert refused(world.client("iam", keys).list_users)[1].endswith(
        "because no identity-based policy allows the iam:ListUsers action"
    )
    forged = {**keys, "aws_session_token": keys["aws_session_token"][:-8] + "AAAAAAA="}
    assert refused(world.client("ecs", forged).list_clusters)[0] == "UnrecognizedClientException"
    borrowed = session_keys(sts.assume_role(**asked)["Credentials"])
    mixed = {**keys, "aws_session_token": borrowed["aws_session_token"]}
    assert refused(world.client("ecs", mixed).list_clusters)[0] == "UnrecognizedClientException"
    issued = int(session["Credentials"]["Expiration"].timestamp()) - 3600
    for moment, is_revoked in ((issued, False), (issued + 1, True)):
        revoking = {"DateLessThan": {"aws:TokenIssueTime": datetime.fromtimestamp(moment, UTC).isoformat()}}
        revoked = policy(deny("*", Condition=revoking))
        world.iam.put_role_policy(RoleName="deploy", PolicyName="revoke", PolicyDocument=revoked)
        if is_revoked:
            told = refused(ecs.list_clusters)[1]
            assert told.endswith("with an explicit deny in an identity-based policy")
        else:
            ecs.list_clusters()
    for name in ("own", "revoke"):
        world.iam.delete_role_policy(RoleName="deploy", PolicyName=name)
    world.iam.delete_role(RoleName="deploy")
    world.role("deploy", trusting({"AWS": ANN}), allow("*"))
    code, told = refused(ecs.list_clusters)  # another role has its name
    assert (code, told) == (
        "UnrecognizedClientException",
        "The security token included in the request is invalid",
    )

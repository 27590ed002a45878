"""What calls need permission for: on which resources, with which condition keys."""

from typing import Any

import pytest

from bastide.api.authorization.decision import Demand
from bastide.api.authorization.demands import demands
from bastide.api.authorization.table import ACTIONS
from bastide.api.registry import SERVICES
from bastide.model.arn import last_of
from bastide.store import Store
from tests.account import ROLE, Account

ECS = "arn:aws:ecs:us-east-1:000000000000"
EC2 = "arn:aws:ec2:us-east-1:000000000000"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "ENABLED"}}
TAGS = [{"key": "team", "value": "red"}]
# What an operation's own keys are in a request, in lower case; `TASK` stands for a task's ARN.
CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "RunTask",
        {
            "cluster": "dev",
            "taskDefinition": "web",
            "enableExecuteCommand": True,
            "enableECSManagedTags": False,
            "propagateTags": "TASK_DEFINITION",
            "overrides": {"cpu": "1 vCPU", "memory": "2GB"},
            "networkConfiguration": NETWORK,
            "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}],
            "volumeConfigurations": [{"name": "v"}],
        },
        {
            "ecs:cluster": f"{ECS}:cluster/dev",
            "ecs:task-definition": f"{ECS}:task-definition/web:1",
            "ecs:enable-execute-command": "true",
            "ecs:enable-ecs-managed-tags": "false",
            "ecs:propagate-tags": "TASK_DEFINITION",
            "ecs:task-cpu": "1024",
            "ecs:task-memory": "2048",
            "ecs:subnet": ("subnet-1",),
            "ecs:auto-assign-public-ip": "true",
            "ecs:capacity-provider": ("FARGATE_SPOT",),
            "ecs:enable-ebs-volumes": "true",
        },
    ),
    (
        "RegisterTaskDefinition",
        {
            "family": "web",
            "cpu": ".5 vcpu",
            "memory": "1024",
            "requiresCompatibilities": ["FARGATE"],
            "containerDefinitions": [{"name": "app", "privileged": True}],
        },
        {
            "ecs:task-cpu": "512",
            "ecs:task-memory": "1024",
            "ecs:compute-compatibility": ("FARGATE",),
            "ecs:privileged": "true",
        },
    ),
    (
        "ExecuteCommand",
        {"task": "TASK", "command": "sh"},  # its only container
        {"ecs:cluster": f"{ECS}:cluster/default", "ecs:container-name": "app", "ecs:task": "TASK"},
    ),
    (
        "ExecuteCommand",
        {"cluster": "dev", "task": "0" * 32, "container": "web", "command": "sh"},
        {
            "ecs:cluster": f"{ECS}:cluster/dev",
            "ecs:container-name": "web",
            "ecs:task": f"{ECS}:task/dev/{'0' * 32}",
        },
    ),
    ("StopTask", {"task": "TASK"}, {"ecs:cluster": f"{ECS}:cluster/default"}),
    ("DescribeTasks", {"tasks": ["TASK"]}, {"ecs:cluster": f"{ECS}:cluster/default"}),
    ("ListTasks", {"cluster": "dev"}, {"ecs:cluster": f"{ECS}:cluster/dev"}),
    ("GetTaskProtection", {"cluster": "dev"}, {"ecs:cluster": f"{ECS}:cluster/dev"}),
    (
        "UpdateTaskProtection",
        {"cluster": "dev", "tasks": [], "protectionEnabled": True},
        {"ecs:cluster": f"{ECS}:cluster/dev"},
    ),
    (
        "CreateCluster",
        {
            "clusterName": "dev",
            "capacityProviders": ["FARGATE"],
            "configuration": {"managedStorageConfiguration": {"fargateEphemeralStorageKmsKeyId": "k"}},
        },
        {"ecs:capacity-provider": ("FARGATE",), "ecs:fargate-ephemeral-storage-kms-key": "k"},
    ),
    (
        "UpdateCluster",
        {
            "cluster": "dev",
            "configuration": {"managedStorageConfiguration": {"fargateEphemeralStorageKmsKeyId": "k"}},
        },
        {"ecs:fargate-ephemeral-storage-kms-key": "k"},
    ),
    (
        "PutClusterCapacityProviders",
        {"cluster": "dev", "capacityProviders": [], "defaultCapacityProviderStrategy": []},
        {},
    ),
    (
        "PutClusterCapacityProviders",
        {
            "cluster": "dev",
            "capacityProviders": ["FARGATE"],
            "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE"}],
        },
        {"ecs:capacity-provider": ("FARGATE",)},
    ),
    *(
        (operation, {"name": "serviceLongArnFormat"}, {"ecs:account-setting": "serviceLongArnFormat"})
        for operation in ("PutAccountSetting", "PutAccountSettingDefault", "DeleteAccountSetting")
    ),
]


@pytest.fixture
async def account(store: Store) -> Account:
    """A cluster `default` with a task of one container, family `web`."""
    made = Account(store)
    await made.call("CreateCluster", clusterName="default")
    await made.register()
    return made


async def asked(account: Account, service: str, operation: str, **params: Any) -> list[Demand]:
    """What a call needs permission for."""
    ctx = account.context
    return await account.store.view(lambda txn: list(demands(txn, ctx, service, operation, params)))


def own_keys(demand: Demand, service: str) -> dict[str, Any]:
    return {key: value for key, value in demand.keys.items() if key.startswith(f"{service}:")}


@pytest.mark.parametrize(("operation", "params", "keys"), CASES)
async def test_ecs_fills_in_its_keys(
    account: Account, operation: str, params: dict[str, Any], keys: dict[str, Any]
) -> None:
    task = (await account.run())["tasks"][0]["taskArn"] if "TASK" in str(params) else ""
    text = {
        name: [task] if value == ["TASK"] else task if value == "TASK" else value
        for name, value in params.items()
    }
    wanted = {key: task if value == "TASK" else value for key, value in keys.items()}
    first, *_ = await asked(account, "ecs", operation, **text)
    assert first.action == f"ecs:{operation}"
    assert own_keys(first, "ecs") == wanted


def test_every_key_of_every_operation_of_ecs_is_shown_above() -> None:
    shown = {(operation, key) for operation, _, keys in CASES for key in keys}
    counted = {
        (operation, key)
        for operation in SERVICES["ecs"]
        for key in ACTIONS["ecs", operation].keys
        if key.startswith("ecs:") and "resourcetag/" not in key
    }
    assert counted - shown == {("TagResource", "ecs:createaction")}  # of what is made: see below


@pytest.mark.parametrize(
    ("operation", "params", "resource"),
    [
        ("RunTask", {"taskDefinition": "web", "tags": TAGS}, f"{ECS}:task/default/*"),
        ("RunTask", {"taskDefinition": "web", "cluster": "dev", "tags": TAGS}, f"{ECS}:task/dev/*"),
        ("CreateCluster", {"clusterName": "x", "tags": TAGS}, f"{ECS}:cluster/x"),
        ("RegisterTaskDefinition", {"family": "x", "tags": TAGS}, f"{ECS}:task-definition/x:*"),
    ],
)
async def test_tags_on_what_ecs_makes(
    account: Account, operation: str, params: dict[str, Any], resource: str
) -> None:
    _, tagging, *_ = await asked(account, "ecs", operation, **params)  # RunTask passes roles besides
    assert (tagging.action, tagging.resource) == ("ecs:TagResource", resource)
    assert own_keys(tagging, "ecs") == {"ecs:createaction": operation}
    assert tagging.keys["aws:requesttag/team"] == "red"
    assert tagging.keys["aws:tagkeys"] == ("team",)


async def test_passed_roles_are_asked_one_by_one(account: Account) -> None:
    roles = {"taskRoleArn": "arn:aws:iam::000000000000:role/task", "executionRoleArn": ROLE}
    _, *passed = await asked(account, "ecs", "RegisterTaskDefinition", family="x", **roles)
    assert [(each.action, each.resource) for each in passed] == [
        ("iam:PassRole", role) for role in roles.values()
    ]
    assert all(each.keys["iam:passedtoservice"] == "ecs-tasks.amazonaws.com" for each in passed)


async def network(account: Account) -> tuple[str, str, str]:
    """A VPC with a tagged subnet and a group."""
    vpc = (await account.call("CreateVpc", service="ec2", CidrBlock="10.9.0.0/16"))["Vpc"]["VpcId"]
    tags = [{"ResourceType": "subnet", "Tags": [{"Key": "team", "Value": "red"}]}]
    subnet = await account.call(
        "CreateSubnet", service="ec2", VpcId=vpc, CidrBlock="10.9.0.0/24", TagSpecifications=tags
    )
    group = await account.call(
        "CreateSecurityGroup", service="ec2", VpcId=vpc, GroupName="web", Description="web"
    )
    return vpc, subnet["Subnet"]["SubnetId"], group["GroupId"]


async def test_ec2_asks_about_what_is_named_and_about_what_is_made(account: Account) -> None:
    vpc, subnet, group = await network(account)
    (deleted,) = await asked(account, "ec2", "DeleteSubnet", SubnetId=subnet)
    assert deleted.resource == f"{EC2}:subnet/{subnet}"
    assert deleted.keys["ec2:resourcetag/team"] == deleted.keys["aws:resourcetag/team"] == "red"
    assert deleted.keys["ec2:vpc"] == f"{EC2}:vpc/{vpc}"
    assert (deleted.keys["ec2:subnetid"], deleted.keys["ec2:region"]) == (subnet, "us-east-1")
    made = await asked(account, "ec2", "CreateSubnet", VpcId=vpc, CidrBlock="10.9.1.0/24")
    assert {each.resource for each in made} == {f"{EC2}:vpc/{vpc}", f"{EC2}:subnet/*"}
    interface = await asked(account, "ec2", "CreateNetworkInterface", SubnetId=subnet, Groups=[group])
    assert {each.resource for each in interface} == {
        f"{EC2}:network-interface/*",
        f"{EC2}:subnet/{subnet}",
        f"{EC2}:security-group/{group}",
    }
    tagged = await asked(
        account, "ec2", "CreateTags", Resources=[vpc, group], Tags=[{"Key": "a", "Value": "b"}]
    )
    assert {each.resource for each in tagged} == {f"{EC2}:vpc/{vpc}", f"{EC2}:security-group/{group}"}
    assert {each.action for each in tagged} == {"ec2:CreateTags"}
    (described,) = await asked(account, "ec2", "DescribeSubnets", SubnetIds=[subnet])
    assert described.resource == "*"


async def test_ec2_knows_what_is_named_otherwise_than_by_its_id(account: Account) -> None:
    vpc, subnet, _ = await network(account)
    groups = (await account.call("DescribeSecurityGroups", service="ec2"))["SecurityGroups"]
    own = next(each["GroupId"] for each in groups if each["GroupName"] == "web")
    (by_name,) = await asked(account, "ec2", "AuthorizeSecurityGroupIngress", GroupName="web")
    assert by_name.resource == f"{EC2}:security-group/{own}"
    table = await account.call("CreateRouteTable", service="ec2", VpcId=vpc)
    key = table["RouteTable"]["RouteTableId"]
    joined = await account.call("AssociateRouteTable", service="ec2", RouteTableId=key, SubnetId=subnet)
    (parted,) = await asked(account, "ec2", "DisassociateRouteTable", AssociationId=joined["AssociationId"])
    assert parted.resource == f"{EC2}:route-table/{key}"
    address = await account.call("AllocateAddress", service="ec2")
    (released,) = await asked(account, "ec2", "ReleaseAddress", PublicIp=address["PublicIp"])
    assert last_of(released.resource) == address["AllocationId"]


async def test_tags_on_what_ec2_makes(account: Account) -> None:
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "team", "Value": "red"}]}]
    made, tagging = await asked(account, "ec2", "CreateVpc", CidrBlock="10.8.0.0/16", TagSpecifications=tags)
    assert (made.action, made.resource) == ("ec2:CreateVpc", f"{EC2}:vpc/*")
    assert made.keys["aws:requesttag/team"] == "red"
    assert (tagging.action, tagging.resource) == ("ec2:CreateTags", f"{EC2}:vpc/*")
    assert (tagging.keys["ec2:createaction"], tagging.keys["aws:tagkeys"]) == ("CreateVpc", ("team",))


async def test_iam_knows_the_boundary_there_is(account: Account) -> None:
    bound = "arn:aws:iam::aws:policy/PowerUserAccess"
    policy = await account.call(
        "CreatePolicy",
        service="iam",
        PolicyName="p",
        PolicyDocument='{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}',
        Tags=[{"Key": "team", "Value": "red"}],
    )
    await account.call("CreateUser", service="iam", UserName="ann", PermissionsBoundary=bound)
    arn = policy["Policy"]["Arn"]
    (attached,) = await asked(account, "iam", "AttachUserPolicy", UserName="ann", PolicyArn=arn)
    assert own_keys(attached, "iam") == {"iam:permissionsboundary": bound, "iam:policyarn": arn}
    (deleted,) = await asked(account, "iam", "DeletePolicy", PolicyArn=arn)
    assert deleted.keys["iam:resourcetag/team"] == "red"
    other = await asked(account, "iam", "PutUserPermissionsBoundary", UserName="ann", PermissionsBoundary=arn)
    assert other[0].keys["iam:permissionsboundary"] == arn


async def test_tags_of_parameters_and_log_groups_count(account: Account) -> None:
    await account.call("CreateLogGroup", service="logs", logGroupName="/web", tags={"team": "red"})
    (deleted,) = await asked(account, "logs", "DeleteLogGroup", logGroupName="/web")
    assert deleted.keys["aws:resourcetag/team"] == "red"
    tags = [{"Key": "team", "Value": "red"}]
    await account.call("PutParameter", service="ssm", Name="/a", Value="b", Type="String", Tags=tags)
    (read,) = await asked(account, "ssm", "GetParameter", Name="/a:1")
    assert read.keys["ssm:resourcetag/team"] == "red"
    (below,) = await asked(account, "ssm", "GetParametersByPath", Path="/", Recursive=True)
    assert below.keys["ssm:recursive"] == "true"

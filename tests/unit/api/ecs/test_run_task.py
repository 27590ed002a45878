"""RunTask: what is refused and how it says so, what the answer holds, how a token makes it repeatable."""

from collections import Counter
from typing import Any

import pytest

from bastide.api.failures import row_for
from bastide.model.faults import Conflict, Fault
from bastide.store import Record
from tests.account import ROLE, Account, container
from tests.unit.api.ecs.requests import AWSLOGS, ENV_FILE, ec2, logs, mounted, one, several

Members = dict[str, Any]
PARAMETER = "InvalidParameterException"
CLIENT = "ClientException"
NOT_YET = "UnsupportedFeatureException"
INCOMPATIBLE = "PlatformTaskDefinitionIncompatibilityException"
NOT_COMPATIBLE = "The selected task definition is not compatible with the selected compute strategy"
NO_INSTANCES = "No Container Instances were found in your cluster."
SPOT = {"capacityProvider": "FARGATE_SPOT", "weight": 1}
NORMAL = {"capacityProvider": "FARGATE", "weight": 1}


async def refused(account: Account, **params: Any) -> tuple[str, str]:
    with pytest.raises(Fault) as caught:
        await account.run(**params)
    row = row_for("ecs", caught.value)
    assert row is not None
    return row.code, row.message


async def add_subnet(account: Account, subnet: str, *, vpc: str) -> None:
    document = {
        "SubnetId": subnet,
        "VpcId": vpc,
        "CidrBlock": "10.0.0.0/24",
        "AvailabilityZone": "us-east-1a",
    }
    record = Record("subnet", subnet, account.context.scope, document, parent=vpc, name=subnet)
    await account.store.update(lambda txn: txn.put(record))


REFUSED: list[tuple[Members, str, str]] = [
    ({"taskDefinition": "nothing"}, CLIENT, "TaskDefinition not found."),
    ({"taskDefinition": "web:9"}, CLIENT, "TaskDefinition not found."),
    ({"taskDefinition": "web:x"}, CLIENT, "Invalid revision number. Number: x"),
    ({"cluster": "nowhere"}, "ClusterNotFoundException", "Cluster not found."),
    ({"count": 0}, PARAMETER, "Count should be between 1 and 10."),
    ({"count": -1}, PARAMETER, "Count should be between 1 and 10."),
    ({"count": 11}, PARAMETER, "Count should be between 1 and 10."),
    ({"group": "g" * 256}, PARAMETER, "group must be at most 255 characters long."),
    ({"group": "service:web"}, PARAMETER, "Invalid namespace for group."),
    ({"startedBy": "a" * 129}, PARAMETER, "startedBy can have up to 128"),
    ({"startedBy": "a b"}, PARAMETER, "startedBy can have up to 128"),
    ({"startedBy": "a\n"}, PARAMETER, "startedBy can have up to 128"),
    ({"clientToken": "a" * 65}, PARAMETER, "clientToken can have up to 64"),
    ({"clientToken": "a b"}, PARAMETER, "clientToken can have up to 64"),
    ({"clientToken": "é"}, PARAMETER, "clientToken can have up to 64"),
    ({"clientToken": ""}, PARAMETER, "clientToken can have up to 64"),
    ({"propagateTags": "SERVICE"}, PARAMETER, "propagateTags cannot be SERVICE"),
    ({"tags": [{"key": "aws:x", "value": ""}]}, PARAMETER, "aws:"),
    (
        {"placementConstraints": [{"type": "distinctInstance"}]},
        PARAMETER,
        "Placement constraints are not supported",
    ),
    ({"placementStrategy": [{"type": "random"}]}, PARAMETER, "Placement strategies are not supported"),
    ({"enableExecuteCommand": True}, PARAMETER, "a valid taskRoleArn is not being used"),
    # 2.2 network
    (
        {"networkConfiguration": None},
        PARAMETER,
        "Network Configuration must be provided when networkMode 'awsvpc'",
    ),
    (
        {"networkConfiguration": {}},
        PARAMETER,
        "Network Configuration must be provided when networkMode 'awsvpc'",
    ),
    (
        {"networkConfiguration": {"awsvpcConfiguration": {"subnets": []}}},
        PARAMETER,
        "subnets can not be empty.",
    ),
    (
        {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"] * 17}}},
        PARAMETER,
        "subnets can have at most 16 items.",
    ),
    (
        {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"], "securityGroups": ["g"] * 6}}},
        PARAMETER,
        "securityGroups can have at most 5 items.",
    ),
    (
        {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-x"]}}},
        PARAMETER,
        "Error retrieving subnet information for [subnet-x]: The subnet ID 'subnet-x' does not exist "
        "(ErrorCode: InvalidSubnetID.NotFound)",
    ),
    # 2.4 launch type, strategy, platform
    (
        {"capacityProviderStrategy": [NORMAL]},
        PARAMETER,
        "Specify either Launch Type or Capacity Provider Strategy, but not both.",
    ),
    (
        {"launchType": None, "capacityProviderStrategy": [NORMAL]},
        PARAMETER,
        "The specified capacity provider strategy cannot contain a capacity provider that is not associated "
        "with the cluster. Associate the capacity provider with the cluster or specify a valid capacity "
        "provider and try again.",
    ),
    ({"launchType": None}, PARAMETER, "Assign public IP is not supported for this launch type."),
    ({"launchType": "EC2"}, PARAMETER, "Assign public IP is not supported for this launch type."),
    ({"launchType": "EC2", "networkConfiguration": None}, PARAMETER, NO_INSTANCES),
    ({"launchType": None, "networkConfiguration": None}, PARAMETER, NO_INSTANCES),
    ({"launchType": "EXTERNAL", "networkConfiguration": None}, PARAMETER, NO_INSTANCES),
    ({"launchType": "MANAGED_INSTANCES", "networkConfiguration": None}, PARAMETER, NO_INSTANCES),
    (
        {"launchType": "EC2", "networkConfiguration": None, "platformVersion": "1.4.0"},
        PARAMETER,
        "The platform version must be null when specifying an EC2 launch type.",
    ),
    *(
        ({"platformVersion": version}, "PlatformUnknownException", "The specified platform does not exist.")
        for version in ("1.0.0", "1.1.0", "1.2.0", "1.5.0", "2", "latest", " 1.4.0")
    ),
    (
        {"volumeConfigurations": [{"name": "v", "managedEBSVolume": {"roleArn": ROLE}}]},
        NOT_YET,
        "docs/compat.md",
    ),
    (
        {"platformVersion": "1.3.0", "overrides": {"cpu": "8192", "memory": "16384"}},
        INCOMPATIBLE,
        "task size",
    ),
    (
        {"platformVersion": "1.3.0", "overrides": {"ephemeralStorage": {"sizeInGiB": 30}}},
        INCOMPATIBLE,
        "ephemeralStorage",
    ),
]


@pytest.mark.parametrize(("params", "code", "words"), REFUSED, ids=lambda value: str(value)[:60])
async def test_it_is_refused_in_these_words(account: Account, params: Members, code: str, words: str) -> None:
    await account.register()
    found, message = await refused(account, **params)
    assert found == code
    assert words in message
    assert (await account.call("ListTasks"))["taskArns"] == []


DEFINITIONS: list[tuple[Members, Members, str, str]] = [
    (ec2(networkMode="bridge", **one(memory=64)), {}, PARAMETER, NOT_COMPATIBLE),
    ({"requiresCompatibilities": ["EC2"], **one(privileged=True)}, {}, PARAMETER, NOT_COMPATIBLE),
    # what a task here would not get
    (one(**logs("splunk", **{"splunk-url": "u", "splunk-token": "t"})), {}, NOT_YET, "log driver splunk"),
    (mounted(configuredAtLaunch=True), {}, NOT_YET, "configuredAtLaunch"),
    (
        one(systemControls=[{"namespace": "net.ipv4.tcp_keepalive_time", "value": "500"}]),
        {},
        CLIENT,
        "'net.ipv4.tcp_keepalive_time' of container 'app' would take no effect",
    ),
    (
        {**mounted(s3filesVolumeConfiguration={"fileSystemArn": "a"}), "taskRoleArn": ROLE},
        {},
        NOT_YET,
        "s3filesVolumeConfiguration",
    ),
    ({"runtimePlatform": {"cpuArchitecture": "ARM64"}}, {}, NOT_YET, "ARM64"),
    (
        {
            "runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},
            "cpu": "1024",
            "memory": "2048",
        },
        {},
        NOT_YET,
        "Windows",
    ),
    (
        {
            "runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},
            "cpu": "1024",
            "memory": "2048",
        },
        {"platformVersion": "1.4.0"},
        "PlatformUnknownException",
        "does not exist",
    ),
    (
        {
            "proxyConfiguration": {
                "containerName": "app",
                "properties": [{"name": "IgnoredUID", "value": "1"}],
            }
        },
        {},
        NOT_YET,
        "proxyConfiguration",
    ),
    # what platform version 1.3.0 lacks
    *(
        (members, {"platformVersion": "1.3.0"}, INCOMPATIBLE, "requires platform version 1.4.0 or later")
        for members in (
            {"ephemeralStorage": {"sizeInGiB": 21}},
            {"cpu": "8192", "memory": "16384"},
            {"cpu": "16 vCPU", "memory": "32 GB"},
            {"pidMode": "task"},
            mounted(efsVolumeConfiguration={"fileSystemId": "fs-1"}),
            mounted(configuredAtLaunch=True),
            one(systemControls=[{"namespace": "net.core.somaxconn", "value": "1"}]),
            one(environmentFiles=[ENV_FILE]),
            one(linuxParameters={"capabilities": {"add": ["SYS_PTRACE"]}}),
            one(secrets=[{"name": "S", "valueFrom": "arn:aws:secretsmanager:r:0:secret:s-AbCdEf:key::"}]),
        )
    ),
    (
        {"taskRoleArn": ROLE},
        {"platformVersion": "1.3.0", "enableExecuteCommand": True},
        INCOMPATIBLE,
        "ECS Exec",
    ),
]


@pytest.mark.parametrize(
    ("members", "params", "code", "words"), DEFINITIONS, ids=lambda value: str(value)[:60]
)
async def test_a_definition_that_registers_may_still_not_run(
    account: Account, members: Members, params: Members, code: str, words: str
) -> None:
    await account.register(**members)
    found, message = await refused(account, **params)
    assert found == code
    assert words in message


async def test_an_inactive_definition_does_not_run(account: Account) -> None:
    await account.register()
    await account.call("DeregisterTaskDefinition", taskDefinition="web:1")
    assert await refused(account, taskDefinition="web:1") == (CLIENT, "TaskDefinition is inactive")
    assert await refused(account, taskDefinition="web") == (CLIENT, "TaskDefinition not found.")


async def test_groups_and_subnets_belong_to_one_vpc(account: Account) -> None:
    await account.register()
    (subnet, _) = (await account.network())["awsvpcConfiguration"]["subnets"]
    await add_subnet(account, "subnet-other", vpc="vpc-other")
    network = {"subnets": [subnet, "subnet-other"]}
    found = await refused(account, networkConfiguration={"awsvpcConfiguration": network})
    assert found == (PARAMETER, "The subnets must be in the same VPC.")
    groups = await account.call("DescribeSecurityGroups", service="ec2")
    group = groups["SecurityGroups"][0]["GroupId"]
    network = {"subnets": ["subnet-other"], "securityGroups": [group]}
    found = await refused(account, networkConfiguration={"awsvpcConfiguration": network})
    assert found == (PARAMETER, "Security groups and subnets must be in the same VPC.")
    network = {"subnets": [subnet], "securityGroups": ["sg-x"]}
    code, message = await refused(account, networkConfiguration={"awsvpcConfiguration": network})
    assert (code, "(ErrorCode: InvalidGroup.NotFound)" in message) == (PARAMETER, True)


async def test_a_subnet_of_another_region_is_not_there(account: Account) -> None:
    elsewhere = Account(account.store, region="eu-west-1")
    await account.register()
    network = await elsewhere.network()
    _, message = await refused(account, networkConfiguration=network)
    assert "InvalidSubnetID.NotFound" in message


async def test_the_answer_shows_a_task_on_its_way(account: Account) -> None:
    await account.register(**several({}, {"cpu": 128, "memory": 256, "memoryReservation": 128}))
    answer = await account.run(group="g", startedBy="me/1", cluster="default")
    (task,) = answer["tasks"]
    assert answer["failures"] == []
    assert (task["lastStatus"], task["desiredStatus"]) == ("PROVISIONING", "RUNNING")
    assert (task["launchType"], task["platformVersion"], task["platformFamily"]) == (
        "FARGATE",
        "1.4.0",
        "Linux",
    )
    assert (task["cpu"], task["memory"]) == ("256", "512")
    assert (task["group"], task["startedBy"]) == ("g", "me/1")
    assert task["createdAt"] == account.now.timestamp()
    assert task["version"] == 1
    assert task["ephemeralStorage"] == task["fargateEphemeralStorage"] == {"sizeInGiB": 20}
    assert task["overrides"] == {
        "containerOverrides": [{"name": "c0"}, {"name": "c1"}],
        "inferenceAcceleratorOverrides": [],
    }
    assert task["attributes"] == [
        {"name": "ecs.cpu-architecture", "value": "x86_64"},
        {"name": "bastide.runtime", "value": "gvisor"},
    ]
    (attachment,) = task["attachments"]
    assert (attachment["type"], attachment["status"]) == ("ElasticNetworkInterface", "PRECREATED")
    assert [detail["name"] for detail in attachment["details"]] == ["subnetId"]
    first, second = task["containers"]
    assert (first["cpu"], first["lastStatus"], "memory" in first) == ("0", "PENDING", False)
    assert (second["cpu"], second["memory"], second["memoryReservation"]) == ("128", "256", "128")
    assert second["containerArn"].startswith(task["taskArn"].replace(":task/", ":container/"))
    assert "capacityProviderName" not in task


async def test_the_group_is_the_family_unless_named(account: Account) -> None:
    await account.register()
    assert (await account.run())["tasks"][0]["group"] == "family:web"


async def test_several_tasks_are_spread_over_the_subnets(account: Account) -> None:
    await account.register()
    tasks = (await account.run(count=10))["tasks"]
    assert len({task["taskArn"] for task in tasks}) == 10
    subnets = Counter(task["attachments"][0]["details"][0]["value"] for task in tasks)
    assert sorted(subnets.values()) == [5, 5]


async def test_storage_and_sizes_can_be_overridden(account: Account) -> None:
    await account.register(ephemeralStorage={"sizeInGiB": 30})
    assert (await account.run())["tasks"][0]["ephemeralStorage"] == {"sizeInGiB": 30}
    overrides = {
        "cpu": "1 vCPU",
        "memory": "2GB",
        "ephemeralStorage": {"sizeInGiB": 40},
        "containerOverrides": [{"name": "app", "cpu": 512, "memory": 1024, "command": ["x"]}],
    }
    (task,) = (await account.run(overrides=overrides))["tasks"]
    assert (task["cpu"], task["memory"]) == ("1024", "2048")
    assert task["ephemeralStorage"] == {"sizeInGiB": 40}
    assert (task["containers"][0]["cpu"], task["containers"][0]["memory"]) == ("512", "1024")
    assert task["overrides"] == {**overrides, "inferenceAcceleratorOverrides": []}


async def test_the_default_group_of_the_vpc_applies(account: Account) -> None:
    await account.register()
    arn = (await account.run())["tasks"][0]["taskArn"]
    network = (await account.record("task", arn)).document["network"]
    groups = await account.call("DescribeSecurityGroups", service="ec2")
    assert network["securityGroups"] == [groups["SecurityGroups"][0]["GroupId"]]
    assert network["assignPublicIp"] == "ENABLED"


async def test_tags_come_from_request_definition_and_ecs(account: Account) -> None:
    await account.register(tags=[{"key": "a", "value": "definition"}, {"key": "b", "value": "definition"}])
    asked = {"tags": [{"key": "a", "value": "request"}]}
    (plain,) = (await account.run(**asked))["tasks"]
    assert plain["tags"] == asked["tags"]
    (none,) = (await account.run(propagateTags="NONE"))["tasks"]
    assert none["tags"] == []
    (full,) = (await account.run(**asked, propagateTags="TASK_DEFINITION", enableECSManagedTags=True))[
        "tasks"
    ]
    assert {tag["key"]: tag["value"] for tag in full["tags"]} == {
        "a": "request",
        "b": "definition",
        "aws:ecs:clusterName": "default",
    }


async def use_strategy(account: Account, *strategy: Members) -> None:
    await account.call("CreateCluster")
    await account.call(
        "PutClusterCapacityProviders",
        cluster="default",
        capacityProviders=["FARGATE", "FARGATE_SPOT"],
        defaultCapacityProviderStrategy=list(strategy),
    )


@pytest.mark.parametrize(
    ("strategy", "count", "spread"),
    [
        ([NORMAL], 3, {"FARGATE": 3}),
        ([NORMAL, SPOT], 10, {"FARGATE": 5, "FARGATE_SPOT": 5}),
        ([NORMAL, {**SPOT, "weight": 4}], 10, {"FARGATE": 2, "FARGATE_SPOT": 8}),
        ([{**NORMAL, "base": 2}, {**SPOT, "weight": 1}], 2, {"FARGATE": 2}),
        ([{**NORMAL, "base": 2, "weight": 0}, SPOT], 5, {"FARGATE": 2, "FARGATE_SPOT": 3}),
        ([{**NORMAL, "base": 20}, SPOT], 5, {"FARGATE": 5}),
    ],
)
async def test_a_strategy_takes_bases_first_then_weights(
    account: Account, strategy: list[Members], count: int, spread: dict[str, int]
) -> None:
    await account.register()
    await use_strategy(account)
    answer = await account.run(launchType=None, capacityProviderStrategy=strategy, count=count)
    assert Counter(task["capacityProviderName"] for task in answer["tasks"]) == spread
    assert {task["launchType"] for task in answer["tasks"]} == {"FARGATE"}


async def test_the_clusters_strategy_is_used_without_a_launch_type(account: Account) -> None:
    await account.register()
    await use_strategy(account, SPOT)
    (task,) = (await account.run(launchType=None))["tasks"]
    assert task["capacityProviderName"] == "FARGATE_SPOT"
    (task,) = (await account.run())["tasks"]
    assert "capacityProviderName" not in task


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        ([{"capacityProvider": "FARGATE", "weight": 0}], "weight greater than 0"),
        ([{**NORMAL, "base": 1}, {**SPOT, "base": 1}], "Only one capacity provider"),
        ([NORMAL, NORMAL], "same capacity provider twice"),
    ],
)
async def test_a_strategy_must_make_sense(account: Account, strategy: list[Members], words: str) -> None:
    await account.register()
    await use_strategy(account)
    code, message = await refused(account, launchType=None, capacityProviderStrategy=strategy)
    assert code == PARAMETER
    assert words in message


@pytest.mark.parametrize(("asked", "resolved"), [("LATEST", "1.4.0"), ("1.4.0", "1.4.0"), ("1.3.0", "1.3.0")])
async def test_the_platform_version_is_resolved(account: Account, asked: str, resolved: str) -> None:
    await account.register()
    (task,) = (await account.run(platformVersion=asked))["tasks"]
    assert task["platformVersion"] == resolved


async def test_a_token_finds_the_tasks_it_made(account: Account) -> None:
    await account.register()
    network = await account.network()
    first = await account.run(clientToken="t", count=2, networkConfiguration=network)
    account.later(60)
    assert await account.run(clientToken="t", count=2, networkConfiguration=network) == first
    assert len((await account.call("ListTasks"))["taskArns"]) == 2


async def test_a_token_finds_stopped_tasks_by_name_only(account: Account) -> None:
    await account.register()
    arn = (await account.run(clientToken="t"))["tasks"][0]["taskArn"]
    await account.change_task(arn, lastStatus="STOPPED", desiredStatus="STOPPED")
    assert (await account.run(clientToken="t"))["tasks"] == [
        {"taskArn": arn, "lastStatus": "STOPPED", "desiredStatus": "STOPPED"}
    ]


async def test_a_token_is_for_one_request(account: Account) -> None:
    await account.register()
    arn = (await account.run(clientToken="t"))["tasks"][0]["taskArn"]
    with pytest.raises(Conflict) as caught:
        await account.run(clientToken="t", count=2)
    assert caught.value.ids == (arn,)
    row = row_for("ecs", caught.value)
    assert row is not None
    assert row.code == "ConflictException"


async def test_a_token_is_a_clusters_own_and_lasts_a_day(account: Account) -> None:
    await account.register()
    await account.call("CreateCluster", clusterName="other")
    first = (await account.run(clientToken="t"))["tasks"][0]["taskArn"]
    other = (await account.run(clientToken="t", cluster="other"))["tasks"][0]["taskArn"]
    account.later(24 * 3600 + 1)
    later = (await account.run(clientToken="t"))["tasks"][0]["taskArn"]
    assert len({first, other, later}) == 3


async def test_a_refused_call_keeps_no_token(account: Account) -> None:
    await refused(account, clientToken="t")
    await account.register()
    assert len((await account.run(clientToken="t"))["tasks"]) == 1


async def test_a_container_logs_and_runs(account: Account) -> None:
    await account.register(containerDefinitions=[container(**logs(**AWSLOGS))])
    assert len((await account.run())["tasks"]) == 1

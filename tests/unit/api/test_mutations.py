"""Good calls with pieces torn out, doubled or replaced by junk: refused or done, never a server error."""

import copy
import logging
import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bastide.api.audit import Trail
from bastide.api.ec2.making import ensure_default_vpc
from bastide.api.gateway import Gateway
from bastide.api.keys.signing import Keys
from bastide.api.metrics import Metrics
from bastide.config import Settings
from bastide.store import Store
from bastide.wire import spec
from bastide.wire.http import Request, Response
from tests.unit.api.conftest import VAULT, context
from tests.unit.api.serving import KEY

ROUNDS = 1500
REGION = "us-east-1"
HOST = "127.0.0.1:4566"
CLUSTER = "arn:aws:ecs:us-east-1:000000000000:cluster/"
STRATEGY = [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}]
NETWORK = {"subnets": ["SUBNET"], "securityGroups": ["GROUP"], "assignPublicIp": "ENABLED"}
CONTAINER = {
    "name": "web",
    "image": "demo:latest",
    "cpu": 10,
    "memory": 100,
    "portMappings": [{"containerPort": 80, "protocol": "tcp", "name": "web"}],
    "environment": [{"name": "A", "value": "B"}],
    "mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}],
    "ulimits": [{"name": "nofile", "softLimit": 10, "hardLimit": 20}],
    "linuxParameters": {"capabilities": {"drop": ["ALL"]}},
    "systemControls": [{"namespace": "net.ipv4.tcp_sack", "value": "1"}],
    "healthCheck": {"command": ["CMD", "x"], "interval": 5},
    "stopTimeout": 5,
}
DEFINITION = {
    "family": "f",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "ephemeralStorage": {"sizeInGiB": 30},
    "volumes": [{"name": "v"}],
    "containerDefinitions": [
        CONTAINER,
        {"name": "side", "image": "x", "dependsOn": [{"containerName": "web", "condition": "START"}]},
    ],
}
RUN = {
    "taskDefinition": "f",
    "launchType": "FARGATE",
    "count": 1,
    "tags": [{"key": "a", "value": "b"}],
    "networkConfiguration": {"awsvpcConfiguration": NETWORK},
    "overrides": {"cpu": "512", "memory": "1024", "containerOverrides": [{"name": "web", "command": ["a"]}]},
}
EVENTS = [
    {"timestamp": 1795390000000, "message": "hello"},
    {"timestamp": 1795390000001, "message": '{"a":1}'},
]
STREAM = {"logGroupName": "g", "logStreamName": "s"}
SECRET_TAGS = [{"Key": "a", "Value": "b"}]
SECRET = {"Name": "s", "Description": "d", "Tags": SECRET_TAGS}
SECRET_FILTERS = [{"Key": "name", "Values": ["s", "!t"]}]
BY_LABEL = [{"Key": "Label", "Option": "Equals", "Values": ["l"]}]
BY_NAME = [{"Key": "Name", "Option": "BeginsWith", "Values": ["/p"]}]
CALLS: list[tuple[str, str, Any]] = [
    ("ecs", "RegisterTaskDefinition", DEFINITION),
    ("ecs", "RunTask", RUN),
    (
        "ecs",
        "CreateCluster",
        {"clusterName": "web", "capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy": STRATEGY},
    ),
    (
        "ecs",
        "PutClusterCapacityProviders",
        {"cluster": "default", "capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy": STRATEGY},
    ),
    (
        "ecs",
        "UpdateCluster",
        {"cluster": "web", "settings": [{"name": "containerInsights", "value": "enabled"}]},
    ),
    ("ecs", "ListTasks", {"maxResults": 5, "startedBy": "s"}),
    ("ecs", "DescribeTasks", {"tasks": ["0" * 32], "include": ["TAGS"]}),
    ("ecs", "StopTask", {"task": "0" * 32, "reason": "x"}),
    ("ecs", "TagResource", {"resourceArn": CLUSTER + "default", "tags": [{"key": "k", "value": "v"}]}),
    ("ecs", "ListTaskDefinitions", {"familyPrefix": "f", "sort": "DESC", "maxResults": 2}),
    ("ecs", "DescribeTaskDefinition", {"taskDefinition": "f:1"}),
    ("ecs", "ListAccountSettings", {"effectiveSettings": True, "maxResults": 3}),
    ("logs", "CreateLogGroup", {"logGroupName": "g"}),
    ("logs", "CreateLogStream", STREAM),
    ("logs", "PutLogEvents", {**STREAM, "logEvents": EVENTS}),
    ("logs", "GetLogEvents", {**STREAM, "limit": 1, "startFromHead": True, "startTime": 1}),
    ("logs", "FilterLogEvents", {"logGroupName": "g", "filterPattern": "{ $.a = 1 }", "limit": 1}),
    ("logs", "DescribeLogStreams", {"logGroupName": "g", "orderBy": "LastEventTime", "limit": 1}),
    ("secretsmanager", "CreateSecret", {**SECRET, "SecretString": "x", "ClientRequestToken": "1" * 32}),
    ("secretsmanager", "PutSecretValue", {"SecretId": "s", "SecretString": "y", "VersionStages": ["A"]}),
    ("secretsmanager", "GetSecretValue", {"SecretId": "s", "VersionStage": "AWSCURRENT"}),
    ("secretsmanager", "UpdateSecret", {"SecretId": "s", "Description": "d", "SecretBinary": "AAAA"}),
    ("secretsmanager", "DescribeSecret", {"SecretId": "s"}),
    ("secretsmanager", "ListSecretVersionIds", {"SecretId": "s", "MaxResults": 1, "IncludeDeprecated": True}),
    ("secretsmanager", "ListSecrets", {"MaxResults": 1, "SortBy": "name", "Filters": SECRET_FILTERS}),
    ("secretsmanager", "UntagResource", {"SecretId": "s", "TagKeys": ["a"]}),
    ("ssm", "PutParameter", {"Name": "/p/a", "Value": "v", "Type": "StringList", "Overwrite": True}),
    ("ssm", "LabelParameterVersion", {"Name": "/p/a", "ParameterVersion": 1, "Labels": ["l"]}),
    ("ssm", "GetParameter", {"Name": "/p/a:1", "WithDecryption": True}),
    ("ssm", "GetParameters", {"Names": ["/p/a", "/p/b:l"]}),
    ("ssm", "GetParametersByPath", {"Path": "/p", "Recursive": True, "ParameterFilters": BY_LABEL}),
    ("ssm", "DescribeParameters", {"ParameterFilters": BY_NAME, "MaxResults": 1}),
    ("ssm", "GetParameterHistory", {"Name": "/p/a", "MaxResults": 1}),
    ("ssm", "AddTagsToResource", {"ResourceType": "Parameter", "ResourceId": "/p/a", "Tags": SECRET_TAGS}),
]
JUNK: list[Any] = [
    *(None, [], {}, "", "x", 0, 1, -1, 2**31, 2**63, 1.5, 1e300, True, False, "é", "\x00", "a" * 300),
    *(["x"], {"a": 1}, "*", "arn:x", "f:0", "NaN", "9" * 20, "1 GB", ":", "/", "[", "{ $. = }", "?", CLUSTER),
]
TAILS = ("x", " ", "/", "\n", "é", "0")


class Torn:
    """Calls the gateway, signed, and tears at parameters."""

    def __init__(self, gateway: Gateway, seed: int) -> None:
        self.gateway = gateway
        self.random = random.Random(seed)

    async def call(self, service: str, operation: str, params: Any) -> Response:
        of = spec.service(service)
        headers = {
            "X-Amz-Target": f"{of.target_prefix}.{operation}",
            "Content-Type": "application/x-amz-json-1.1",
        }
        request = AWSRequest("POST", f"http://{HOST}/", data=msgspec.json.encode(params), headers=headers)
        SigV4Auth(Credentials(KEY.access_key_id, KEY.secret_access_key), service, REGION).add_auth(request)
        sent = request.prepare()
        signed = {name.lower(): str(value) for name, value in request.headers.items()} | {"host": HOST}
        answer = await self.gateway.answer(Request("POST", "/", "", signed, sent.body))
        assert isinstance(answer, Response)
        return answer

    def torn(self, params: Any) -> Any:
        """The parameters with one to three places damaged."""
        torn = copy.deepcopy(params)
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            if places := list(places_in(torn)):
                self._damage(*self.random.choice(places))
        return torn

    def _damage(self, holder: Any, place: Any) -> None:
        luck = self.random.random()
        if luck < 0.25:
            del holder[place]
        elif luck < 0.35 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[place]))
        elif luck < 0.5 and isinstance(holder[place], str):
            holder[place] += self.random.choice(TAILS)
        else:
            holder[place] = copy.deepcopy(self.random.choice(JUNK))


async def named_network(store: Store) -> dict[str, str]:
    """What stands for the placeholders of NETWORK: ids of the default VPC's parts."""
    ctx = context(account="0" * 12, region=REGION)
    await store.update(lambda txn: ensure_default_vpc(txn, ctx))
    found = await store.view(lambda txn: (txn.find("subnet"), txn.find("security-group")))
    return {"SUBNET": found[0][0].key, "GROUP": found[1][0].key}


def filled(value: Any, names: dict[str, str]) -> Any:
    """The value with placeholders replaced."""
    if isinstance(value, dict):
        return {key: filled(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, names) for inner in value]
    return names.get(value, value) if isinstance(value, str) else value


def places_in(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key or index) in nested dicts and lists."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places_in(value[key])


@pytest.mark.parametrize("seed", [1, 2])
async def test_torn_calls_are_never_the_servers_fault(
    store: Store, trail: Trail, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    keys = Keys(KEY, account="0" * 12, store=store, vault=VAULT)
    torn = Torn(Gateway(store, Settings(), keys, Metrics(), trail=trail), seed)
    names = await named_network(store)
    calls = [(service, operation, filled(params, names)) for service, operation, params in CALLS]
    first = [(await torn.call(*call)).status for call in calls]
    assert first == [400 if operation == "StopTask" else 200 for _, operation, _ in calls]
    answers: dict[int, int] = {}
    for _ in range(ROUNDS):
        service, operation, params = torn.random.choice(calls)
        damaged = torn.torn(params)
        status = (await torn.call(service, operation, damaged)).status
        assert status < 500, (service, operation, damaged)
        answers[status] = answers.get(status, 0) + 1
    assert answers[200] > ROUNDS / 20
    assert answers[400] > ROUNDS / 20
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []

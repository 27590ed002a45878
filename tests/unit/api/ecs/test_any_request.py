"""Whatever fits the model's types gets an answer or one of ECS's errors: nothing escapes, all renders."""

import json
from typing import Any

import botocore.session
import pytest

from bastide.api.failures import row_for
from bastide.api.registry import SERVICES
from bastide.model.faults import Fault
from bastide.wire import spec
from bastide.wire.http import Request
from bastide.wire.malformed import Malformed
from tests.account import Account, definition
from tests.unit.api.any_value import Maker

OPERATIONS = [
    "DeleteTaskDefinitions",
    "DeregisterTaskDefinition",
    "DescribeTaskDefinition",
    "DescribeTasks",
    "GetTaskProtection",
    "ListTaskDefinitionFamilies",
    "ListTaskDefinitions",
    "ListTasks",
    "RegisterTaskDefinition",
    "RunTask",
    "StopTask",
    "UpdateTaskProtection",
]
ROUNDS = 150
NAMES = [
    "",
    "a",
    "web",
    "web:1",
    "app",
    "default",
    "awsvpc",
    "FARGATE",
    "256",
    "512",
    "1 vCPU",
    "80-90",
    "awslogs",
]
WORDS = [*NAMES, "arn:aws:ecs::::", f"arn:aws:ecs:us-east-1:000000000000:task/default/{'0' * 32}"]


@pytest.fixture
def model() -> Any:
    return botocore.session.get_session().get_service_model("ecs")


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_nothing_escapes(account: Account, model: Any, operation: str) -> None:
    await account.register()
    good = {
        "RegisterTaskDefinition": definition(),
        "RunTask": {
            "taskDefinition": "web",
            "launchType": "FARGATE",
            "networkConfiguration": await account.network(),
        },
    }.get(operation, {})
    task = (await account.run())["tasks"][0]["taskArn"]
    maker = Maker(operation, words=[*WORDS, task, task, task])
    answered = 0
    for _ in range(ROUNDS):
        drawn = maker.make(model.operation_model(operation).input_shape) or {}
        odd = {name: value for name, value in drawn.items() if not good or maker.flip()}
        answered += await answers(account, operation, good | odd)
    assert answered


async def answers(account: Account, operation: str, body: dict[str, Any]) -> bool:
    """Whether the request was taken; fails when neither an answer nor an error of ECS's came."""
    headers = {
        "x-amz-target": f"AmazonEC2ContainerServiceV20141113.{operation}",
        "content-type": "application/x-amz-json-1.1",
    }
    request = Request(method="POST", path="/", query="", headers=headers, body=json.dumps(body).encode())
    try:
        call = spec.parse(request, spec.service("ecs"))
        result = await account.call(operation, **call.params)
    except Malformed:
        return False
    except Fault as fault:
        assert row_for("ecs", fault) is not None, (body, fault)
        return False
    assert spec.render(call, result).status == 200
    assert operation in SERVICES["ecs"]
    return True

"""Whatever fits the model's types gets an answer or one of ECS's errors: nothing escapes, all renders."""

import json
import random
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
ODD = [":", "/", "\0", "\n", "é", "🚲", "²", "-1", "{name}", "%s", "a" * 300, "9" * 5000, "0" * 32, "arn:"]
WORDS = [*NAMES, *ODD, "arn:aws:ecs::::", f"arn:aws:ecs:us-east-1:000000000000:task/default/{'0' * 32}"]
NUMBERS = [-1, 0, 1, 2, 10, 11, 80, 256, 65535, 65536, 2**31 - 1, -(2**31)]


class Maker:
    """Draws values of the model's shapes; now and then none at all."""

    def __init__(self, seed: str, *, task: str) -> None:
        self._random = random.Random(seed)
        self._words = [*WORDS, task, task, task]

    def flip(self) -> bool:
        """Heads or tails."""
        return self._random.random() < 0.5

    def make(self, shape: Any, depth: int = 0) -> Any:
        drawn = self._random
        if drawn.random() < 0.03:
            return None
        if shape.type_name == "structure":
            share = 0.5 if depth else 0.3
            return {
                name: self.make(member, depth + 1)
                for name, member in shape.members.items()
                if name in shape.required_members or drawn.random() < share / (1 + depth / 2)
            }
        if shape.type_name == "list":
            return [self.make(shape.member, depth + 1) for _ in range(drawn.choice([0, 1, 1, 2, 3]))]
        if shape.type_name == "map":
            return {
                drawn.choice(self._words): self.make(shape.value, depth + 1)
                for _ in range(drawn.randrange(3))
            }
        if shape.type_name == "boolean":
            return drawn.random() < 0.5
        if shape.type_name in ("integer", "long"):
            return drawn.choice(NUMBERS)
        if getattr(shape, "enum", None):
            return drawn.choice(shape.enum)
        return drawn.choice(self._words)


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
    maker = Maker(operation, task=(await account.run())["tasks"][0]["taskArn"])
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

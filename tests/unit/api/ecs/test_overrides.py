"""RunTask's overrides against the task definition they are for."""

from typing import Any

import pytest

from bastide.api.ecs.checks.overrides import check_overrides, task_size
from bastide.api.failures import row_for
from bastide.model.faults import Fault
from bastide.model.task_size import FARGATE_MEMORY_MIB
from tests.account import ROLE, container, definition
from tests.unit.api.ecs.requests import ENV_FILE

PARAMETER, CLIENT = "InvalidParameterException", "ClientException"
Members = dict[str, Any]


def app(**members: Any) -> Members:
    return {"containerOverrides": [{"name": "app", **members}]}


REGISTERED = definition(
    cpu="512",
    memory="1024",
    containerDefinitions=[container(cpu=128, memory=256), container(name="side", memoryReservation=128)],
)

REFUSED: list[tuple[Members, str, str]] = [
    (
        {"containerOverrides": [{"name": "X"}]},
        PARAMETER,
        "Override for container named X is not a container in the TaskDefinition.",
    ),
    (
        {"containerOverrides": [{"command": ["x"]}]},
        PARAMETER,
        "Override for container named  is not a container in the TaskDefinition.",
    ),
    (
        {"containerOverrides": [{"name": "app"}] * 2},
        PARAMETER,
        "Container 'app' is overridden more than once.",
    ),
    (app(command=["x" * 8192]), PARAMETER, "Max allowed length is '8192' bytes."),
    (app(environment=[{"value": "x"}]), PARAMETER, "Environment variable name"),
    (app(resourceRequirements=[{"type": "GPU", "value": "1"}]), PARAMETER, "Resource requirements"),
    ({"inferenceAcceleratorOverrides": [{"deviceName": "d"}]}, PARAMETER, "Inference accelerator"),
    (app(command=["a\0b"]), PARAMETER, "ContainerOverride.command contains invalid characters."),
    (
        app(environment=[{"name": "A", "value": "\0"}]),
        PARAMETER,
        "ContainerOverride.environment.value contains invalid characters.",
    ),
    (app(cpu=-1), CLIENT, "Invalid 'cpu' setting for container 'app'. It must not be negative."),
    (app(memory=5), CLIENT, "Invalid 'memory' setting for container 'app'. It must be at least 6."),
    (app(memoryReservation=0), CLIENT, "Invalid 'memoryReservation' setting for container 'app'."),
    (app(memory=2048), PARAMETER, "Invalid 'memory' override for container 'app'"),
    ({"containerOverrides": [{"name": "side", "memory": 100}]}, PARAMETER, "'side'"),
    (app(memoryReservation=257), PARAMETER, "Invalid 'memory' override for container 'app'"),
    (
        {"containerOverrides": [{"name": "side", "memoryReservation": 1025}]},
        PARAMETER,
        "task's memory of 1024",
    ),
    (app(cpu=513), PARAMETER, "task's cpu of 512"),
    ({"cpu": "lots"}, CLIENT, "Invalid 'cpu' setting for task."),
    ({"memory": "lots"}, CLIENT, "Invalid 'memory' setting for task."),
    ({"cpu": "2048"}, CLIENT, "No Fargate configuration exists for given values: 2048 CPU, 1024 memory."),
    ({"memory": "8192"}, CLIENT, "No Fargate configuration exists for given values: 512 CPU, 8192 memory."),
    ({"cpu": "1 vCPU", "memory": "1 GB"}, CLIENT, "No Fargate configuration exists"),
    ({"taskRoleArn": "a role"}, CLIENT, "Role is not valid"),
    ({"executionRoleArn": "arn:aws:s3:::b"}, CLIENT, "Role is not valid"),
    ({"ephemeralStorage": {"sizeInGiB": 20}}, CLIENT, "EphemeralStorage size should be at least 21"),
    ({"ephemeralStorage": {"sizeInGiB": 201}}, CLIENT, "EphemeralStorage size should be at most 200"),
    (app(environmentFiles=[ENV_FILE] * 11), CLIENT, "at most 10 environment files"),
]

ACCEPTED: list[Members] = [
    {},
    app(),
    app(command=[], environment=[{"name": "A", "value": "b"}], cpu=512, memory=1024, memoryReservation=512),
    app(command=["x" * 8000]),
    {"cpu": "1024", "memory": "2048"},
    {"cpu": ".5 vCPU", "memory": "4GB"},
    {"taskRoleArn": ROLE, "executionRoleArn": "role"},
    {"ephemeralStorage": {"sizeInGiB": 21}},
    {"containerOverrides": [{"name": "app", "memory": 128}, {"name": "side", "cpu": 1}]},
    *(
        {"cpu": str(cpu), "memory": str(memory)}
        for cpu, memories in FARGATE_MEMORY_MIB.items()
        for memory in memories
    ),
]


@pytest.mark.parametrize(("overrides", "code", "words"), REFUSED, ids=lambda value: str(value)[:60])
def test_they_are_refused_in_these_words(overrides: Members, code: str, words: str) -> None:
    with pytest.raises(Fault) as caught:
        check_overrides(overrides, REGISTERED)
    row = row_for("ecs", caught.value)
    assert row is not None
    assert row.code == code
    assert words in row.message


@pytest.mark.parametrize("overrides", ACCEPTED, ids=lambda value: str(value)[:60])
def test_they_are_accepted(overrides: Members) -> None:
    check_overrides(overrides, REGISTERED)


def test_the_size_of_a_task_is_the_overridden_one() -> None:
    assert task_size(REGISTERED, {}) == (512, 1024)
    assert task_size(REGISTERED, {"memory": "2 GB"}) == (512, 2048)
    assert task_size(REGISTERED, {"cpu": "1 vCPU", "memory": "2 GB"}) == (1024, 2048)

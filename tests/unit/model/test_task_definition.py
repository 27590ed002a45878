"""Containers out of a registered task definition and a task's overrides."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bastide.model.assignment import (
    Condition,
    Dependency,
    EfsVolume,
    EventStart,
    LogTarget,
    Mount,
    RestartPolicy,
    Ulimit,
    Volume,
)
from bastide.model.container.health import HealthCheck
from bastide.model.container.runs import runtime_id
from bastide.model.task_definition import containers_of, volumes_of

TASK_ID = "0123456789abcdef0123456789abcdef"


def task(*names: str, **overrides: Any) -> dict[str, Any]:
    entries = [{"name": name, **overrides.get(name, {})} for name in names]
    return {
        "taskArn": f"arn:aws:ecs:us-east-1:000000000000:task/default/{TASK_ID}",
        "containers": [{"name": name, "containerArn": f"arn:{name}"} for name in names],
        "overrides": {"containerOverrides": entries},
    }


def definition(*containers: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"containerDefinitions": [{"image": "i", **one} for one in containers], **members}


def test_the_least_a_container_can_say() -> None:
    (app,) = containers_of(definition({"name": "app"}), task("app"))
    assert (app.name, app.image, app.arn) == ("app", "i", "arn:app")
    assert app.essential
    assert app.entry_point is None
    assert app.command is None
    assert app.stop_timeout_s is None
    assert app.log is None
    assert app.memory_mib is None


def test_everything_a_container_can_say() -> None:
    registered = {
        "name": "app",
        "essential": False,
        "entryPoint": ["/bin/sh", "-c"],
        "command": ["true"],
        "environment": [{"name": "A", "value": "1"}, {"name": "EMPTY"}],
        "user": "1000:1000",
        "workingDirectory": "/srv",
        "cpu": 128,
        "memory": 256,
        "readonlyRootFilesystem": True,
        "linuxParameters": {
            "capabilities": {"add": ["SYS_PTRACE"], "drop": ["ALL"]},
            "initProcessEnabled": True,
        },
        "ulimits": [{"name": "nofile", "softLimit": 10, "hardLimit": 20}],
        "systemControls": [{"namespace": "net.core.somaxconn", "value": "1024"}],
        "stopTimeout": 5,
        "startTimeout": 7,
        "interactive": True,
        "pseudoTerminal": True,
        "dependsOn": [{"containerName": "db", "condition": "START"}],
        "healthCheck": {"command": ["CMD-SHELL", "curl -f http://localhost/"], "interval": 10, "retries": 2},
        "restartPolicy": {"enabled": True, "ignoredExitCodes": [0], "restartAttemptPeriod": 60},
    }
    app, _ = containers_of(definition(registered, {"name": "db"}), task("app", "db"))
    assert not app.essential
    assert (app.entry_point, app.command) == (("/bin/sh", "-c"), ("true",))
    assert app.environment == {"A": "1", "EMPTY": ""}
    assert (app.user, app.working_directory) == ("1000:1000", "/srv")
    assert (app.cpu_units, app.memory_mib) == (128, 256)
    assert app.readonly_root
    assert app.init_process
    assert (app.capabilities_add, app.capabilities_drop) == (("SYS_PTRACE",), ("ALL",))
    assert app.ulimits == (Ulimit(name="nofile", soft=10, hard=20),)
    assert app.sysctls == {"net.core.somaxconn": "1024"}
    assert (app.stop_timeout_s, app.start_timeout_s) == (5, 7)
    assert app.interactive
    assert app.pseudo_terminal
    assert app.depends_on == (Dependency("db", Condition.START),)
    assert app.health_check == HealthCheck(
        command=("/bin/sh", "-c", "curl -f http://localhost/"), interval_s=10, retries=2
    )
    assert app.restart_policy == RestartPolicy(ignored_exit_codes=(0,), attempt_period_s=60)


@pytest.mark.parametrize(
    ("members", "command"),
    [
        ({}, None),
        ({"healthCheck": {"command": ["NONE"]}}, None),
        ({"healthCheck": {"command": ["CMD", "/check", "-q"]}}, ("/check", "-q")),
    ],
)
def test_a_health_check_is_a_program_a_shell_line_or_none(
    members: dict[str, Any], command: tuple[str, ...] | None
) -> None:
    (app,) = containers_of(definition({"name": "app", **members}), task("app"))
    assert app.health_check == (None if command is None else HealthCheck(command=command))


def test_a_restart_policy_that_is_not_enabled_is_none() -> None:
    (app,) = containers_of(definition({"name": "app", "restartPolicy": {"enabled": False}}), task("app"))
    assert app.restart_policy is None


def test_overrides_replace_commands_and_sizes_and_add_to_the_environment() -> None:
    registered = {
        "name": "app",
        "command": ["a"],
        "cpu": 1,
        "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    }
    override = {
        "command": ["b"],
        "cpu": 2,
        "memory": 64,
        "environment": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}],
    }
    (app,) = containers_of(definition(registered), task("app", app=override))
    assert app.command == ("b",)
    assert (app.cpu_units, app.memory_mib) == (2, 64)
    assert app.environment == {"A": "1", "B": "3", "C": "4"}


def logging(**options: str) -> LogTarget | None:
    options = {"awslogs-group": "/g", "awslogs-region": "eu-west-1", **options}
    log = {"logDriver": "awslogs", "options": options}
    return containers_of(definition({"name": "app", "logConfiguration": log}), task("app"))[0].log


def test_lines_go_to_prefix_container_and_task() -> None:
    target = logging(**{"awslogs-stream-prefix": "ecs"})
    assert target == LogTarget(group="/g", region="eu-west-1", stream=f"ecs/app/{TASK_ID}")


def test_an_event_begins_as_the_options_say() -> None:
    by_pattern = logging(**{"awslogs-multiline-pattern": "^INFO"})
    by_date = logging(**{"awslogs-datetime-format": "%Y"})
    plain = logging(**{"awslogs-multiline-pattern": ""})
    assert by_pattern is not None and by_pattern.event_start == EventStart(pattern="^INFO")
    assert by_date is not None and by_date.event_start == EventStart(datetime_format="%Y")
    assert plain is not None and plain.event_start is None


def test_without_a_mode_no_line_is_dropped() -> None:
    target = logging()
    assert target is not None
    assert target.blocking


def test_the_accounts_mode_holds_where_the_container_names_none() -> None:
    options = {"awslogs-group": "g", "awslogs-region": "r"}
    logs = [options, options | {"mode": "blocking"}, options | {"mode": "non-blocking"}]
    containers = [
        {"name": f"c{index}", "logConfiguration": {"logDriver": "awslogs", "options": each}}
        for index, each in enumerate(logs)
    ]
    found = containers_of(definition(*containers), task("c0", "c1", "c2"), log_mode="non-blocking")
    assert [one.log.blocking for one in found if one.log] == [False, True, False]


def test_a_non_blocking_stream_has_a_buffer() -> None:
    target = logging(mode="non-blocking")
    assert target is not None
    assert (target.blocking, target.buffer_bytes) == (False, 10 * 1024 * 1024)
    for size, size_bytes in {
        "1m": 1 << 20,
        "25M": 25 << 20,
        "4096": 4096,
        "2k": 2048,
        "1gb": 1 << 30,
    }.items():
        target = logging(mode="non-blocking", **{"max-buffer-size": size})
        assert target is not None
        assert target.buffer_bytes == size_bytes


def test_the_group_is_made_where_asked_for() -> None:
    target = logging(**{"awslogs-create-group": "true"})
    assert target is not None
    assert target.create_group


def test_volumes_of_another_container_come_with_its_paths() -> None:
    owner = {"name": "owner", "mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}]}
    reader = {"name": "reader", "volumesFrom": [{"sourceContainer": "owner", "readOnly": True}]}
    shadow = {
        "name": "shadow",
        "volumesFrom": [{"sourceContainer": "owner"}],
        "mountPoints": [{"sourceVolume": "w", "containerPath": "/v"}],
    }
    found = containers_of(definition(owner, reader, shadow), task("owner", "reader", "shadow"))
    assert [one.mounts for one in found] == [
        (Mount(volume="v", path="/v"),),
        (Mount(volume="v", path="/v", read_only=True),),
        (Mount(volume="w", path="/v"),),
    ]


def test_volumes_of_the_task() -> None:
    efs = {"fileSystemId": "fs-1", "authorizationConfig": {"accessPointId": "fsap-1"}}
    asked = [{"name": "a"}, {"name": "b", "host": {}}, {"name": "c", "efsVolumeConfiguration": efs}]
    asked.append({"name": "d", "efsVolumeConfiguration": {"fileSystemId": "fs-2", "rootDirectory": "/x"}})
    assert volumes_of({"volumes": asked}) == (
        Volume(name="a"),
        Volume(name="b"),
        Volume(name="c", efs=EfsVolume(file_system_id="fs-1", access_point_id="fsap-1")),
        Volume(name="d", efs=EfsVolume(file_system_id="fs-2", root_directory="/x")),
    )


@given(st.text("0123456789abcdef", min_size=32, max_size=32))
def test_runtime_ids_of_a_task_differ_and_none_begins_another(task_id: str) -> None:
    ids = [runtime_id(task_id, index) for index in range(10)]
    ids.append(f"{task_id}-0000000000")  # the sandbox
    assert len(set(ids)) == 11
    assert {len(one) for one in ids} == {43}

"""A typed view of a stored task definition and a task's overrides: the containers a host has to run.

Parsed, never written back: what a user registered stays as it was. Pure; both documents are in AWS's shape
and have passed the checks of the API.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bastide.model.arn import last_of
from bastide.model.assignment import (
    Condition,
    Container,
    Dependency,
    EfsVolume,
    EventStart,
    LogTarget,
    Mount,
    PortMapping,
    RestartPolicy,
    SecretReference,
    Ulimit,
    Volume,
)
from bastide.model.container.health import HealthCheck
from bastide.model.container.log_routing import with_log_routing
from bastide.model.container.log_sizes import parse_bytes
from bastide.model.container.runs import runtime_id

Document = Mapping[str, Any]

SHELL = ("/bin/sh", "-c")  # of a CMD-SHELL health check
LOG_MODE_DEFAULT = "blocking"  # no line is lost; AWS's since June 2025 drops lines when its buffer is full


def containers_of(
    definition: Document, task: Document, *, log_mode: str = LOG_MODE_DEFAULT
) -> tuple[Container, ...]:
    """The task's containers, overrides folded in, in the order of the task definition.

    `log_mode` is for those whose log configuration names none.
    """
    task_id = last_of(task["taskArn"])
    overrides = {
        override["name"]: override for override in task.get("overrides", {}).get("containerOverrides", ())
    }
    arns = {container["name"]: container["containerArn"] for container in task["containers"]}
    mounts = _mounts_by_container(definition["containerDefinitions"])
    containers = tuple(
        _container(
            {**registered, **overrides.get(registered["name"], {})},
            environment=_environment(registered, overrides.get(registered["name"], {})),
            identity=(runtime_id(task_id, index), arns[registered["name"]], task_id),
            mounts=mounts[registered["name"]],
            log_mode=log_mode,
        )
        for index, registered in enumerate(definition["containerDefinitions"])
    )
    return with_log_routing(containers, definition, task)


def volumes_of(definition: Document) -> tuple[Volume, ...]:
    """What the containers mount, in the order of the task definition."""
    return tuple(
        Volume(name=volume["name"], efs=_efs(volume.get("efsVolumeConfiguration")))
        for volume in definition.get("volumes", ())
    )


def _efs(configuration: Document | None) -> EfsVolume | None:
    if configuration is None:
        return None
    return EfsVolume(
        file_system_id=configuration["fileSystemId"],
        root_directory=configuration.get("rootDirectory") or "/",
        access_point_id=configuration.get("authorizationConfig", {}).get("accessPointId"),
    )


def _container(
    merged: Document,
    *,
    environment: dict[str, str],
    identity: tuple[str, str, str],
    mounts: tuple[Mount, ...],
    log_mode: str,
) -> Container:
    linux = merged.get("linuxParameters", {})
    capabilities = linux.get("capabilities", {})
    runtime, arn, task_id = identity
    return Container(
        name=merged["name"],
        runtime_id=runtime,
        arn=arn,
        image=merged["image"],
        essential=merged.get("essential", True),
        entry_point=_texts(merged.get("entryPoint")),
        command=_texts(merged.get("command")),
        environment=environment,
        secrets=tuple(
            SecretReference(secret["name"], secret["valueFrom"]) for secret in merged.get("secrets", ())
        ),
        environment_files=tuple(file["value"] for file in merged.get("environmentFiles", ())),
        repository_credentials=merged.get("repositoryCredentials", {}).get("credentialsParameter"),
        user=merged.get("user") or None,
        working_directory=merged.get("workingDirectory") or None,
        cpu_units=merged.get("cpu", 0),
        memory_mib=merged.get("memory"),
        readonly_root=merged.get("readonlyRootFilesystem", False),
        capabilities_add=tuple(capabilities.get("add", ())),
        capabilities_drop=tuple(capabilities.get("drop", ())),
        ulimits=tuple(
            Ulimit(name=limit["name"], soft=limit["softLimit"], hard=limit["hardLimit"])
            for limit in merged.get("ulimits", ())
        ),
        sysctls={control["namespace"]: control["value"] for control in merged.get("systemControls", ())},
        stop_timeout_s=merged.get("stopTimeout"),
        start_timeout_s=merged.get("startTimeout"),
        interactive=merged.get("interactive", False),
        pseudo_terminal=merged.get("pseudoTerminal", False),
        init_process=linux.get("initProcessEnabled", False),
        depends_on=tuple(
            Dependency(dependency["containerName"], Condition(dependency["condition"]))
            for dependency in merged.get("dependsOn", ())
        ),
        health_check=_health_check(merged.get("healthCheck")),
        restart_policy=_restart_policy(merged.get("restartPolicy")),
        mounts=mounts,
        log=_log_target(merged, task_id, log_mode),
        ports=tuple(
            PortMapping(container_port=mapping["containerPort"], protocol=mapping.get("protocol", "tcp"))
            for mapping in merged.get("portMappings", ())
            if "containerPort" in mapping
        ),
        labels=dict(merged.get("dockerLabels", {})),
    )


def _health_check(check: Document | None) -> HealthCheck | None:
    """None when there is none, or the task definition says NONE."""
    if check is None or check["command"][0] == "NONE":
        return None
    kind, *command = check["command"]
    members = {
        "interval_s": check.get("interval"),
        "timeout_s": check.get("timeout"),
        "retries": check.get("retries"),
        "start_period_s": check.get("startPeriod"),
    }
    given = {name: value for name, value in members.items() if value is not None}
    return HealthCheck(command=(*SHELL, *command) if kind == "CMD-SHELL" else tuple(command), **given)


def _restart_policy(policy: Document | None) -> RestartPolicy | None:
    if policy is None or not policy["enabled"]:
        return None
    ignored = tuple(policy.get("ignoredExitCodes", ()))
    if (period_s := policy.get("restartAttemptPeriod")) is None:
        return RestartPolicy(ignored_exit_codes=ignored)
    return RestartPolicy(ignored_exit_codes=ignored, attempt_period_s=period_s)


def _texts(values: Sequence[str] | None) -> tuple[str, ...] | None:
    """An empty list means the image's own, as in Docker's API."""
    return tuple(values) if values else None


def _environment(registered: Document, override: Document) -> dict[str, str]:
    return {
        variable["name"]: variable.get("value", "")
        for variable in (*registered.get("environment", ()), *override.get("environment", ()))
    }


def _log_target(container: Document, task_id: str, log_mode: str) -> LogTarget | None:
    log = container.get("logConfiguration")
    if log is None or log["logDriver"] != "awslogs":
        return None
    options = log.get("options", {})
    blocking = options.get("mode", log_mode) == "blocking"
    return LogTarget(
        group=options["awslogs-group"],
        stream=_stream(options, container["name"], task_id),
        region=options["awslogs-region"],
        create_group=options.get("awslogs-create-group") == "true",
        blocking=blocking,
        buffer_bytes=None if blocking else parse_bytes(options.get("max-buffer-size")),
        event_start=_event_start(options),
    )


def _event_start(options: Mapping[str, str]) -> EventStart | None:
    pattern, moment = options.get("awslogs-multiline-pattern", ""), options.get("awslogs-datetime-format", "")
    return EventStart(pattern=pattern, datetime_format=moment) if pattern or moment else None


def _stream(options: Mapping[str, str], container: str, task_id: str) -> str:
    prefix = options.get("awslogs-stream-prefix")
    return f"{prefix}/{container}/{task_id}" if prefix else task_id


def _mounts_by_container(containers: Sequence[Document]) -> dict[str, tuple[Mount, ...]]:
    """Each container's own mounts, and those it borrows by `volumesFrom` at paths its own leave free."""
    own = {container["name"]: container.get("mountPoints", ()) for container in containers}
    return {
        container["name"]: tuple(
            {mount.path: mount for mount in (*_borrowed(container, own), *_own(container))}.values()
        )
        for container in containers
    }


def _own(container: Document) -> Iterator[Mount]:
    for point in container.get("mountPoints", ()):
        yield _mount(point, read_only=point.get("readOnly", False))


def _borrowed(container: Document, own: Mapping[str, Sequence[Document]]) -> Iterator[Mount]:
    for source in container.get("volumesFrom", ()):
        for point in own[source["sourceContainer"]]:
            yield _mount(point, read_only=source.get("readOnly", False) or point.get("readOnly", False))


def _mount(point: Document, *, read_only: bool) -> Mount:
    return Mount(volume=point["sourceVolume"], path=point["containerPath"], read_only=read_only)

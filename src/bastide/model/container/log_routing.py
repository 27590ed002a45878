"""FireLens in a task definition: which container is the log router, and what the others say of their output.

As the ECS agent does it: the router starts before those it serves unless it waits for somebody itself,
options of theirs become outputs of its configuration, and a secret option reaches it as a variable of its
environment that the configuration names. Pure.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from bastide.model.arn import last_of
from bastide.model.assignment import (
    Condition,
    Container,
    Dependency,
    LogOutput,
    LogRouter,
    RoutedLog,
    RouterKind,
    SecretReference,
)
from bastide.model.container.log_sizes import parse_bytes

Document = Mapping[str, Any]

DRIVER = "awsfirelens"
BUFFER_LINES = "log-driver-buffer-limit"
DRIVER_OPTIONS = frozenset({BUFFER_LINES, "mode", "max-buffer-size"})  # ours; all others are the router's
FORWARD_PORT = 24224  # what the router listens on besides its socket
_TRUE = ("1", "t", "T", "TRUE", "true", "True")  # as the agent reads `enable-ecs-log-metadata`
_PLACEHOLDER = {RouterKind.FLUENTD: "\"#{{ENV['{}']}}\"", RouterKind.FLUENT_BIT: "${{{}}}"}


def with_log_routing(
    containers: tuple[Container, ...], definition: Document, task: Document
) -> tuple[Container, ...]:
    """The containers with what FireLens makes of them; as they are where there is no router."""
    registered = definition["containerDefinitions"]
    router = next((each for each in registered if each.get("firelensConfiguration")), None)
    if router is None:
        return containers
    is_first = not router.get("dependsOn")  # else an order of its own might become a circle
    made = []
    for container, each in zip(containers, registered, strict=True):
        if uses_router(each):
            container = _routed(container, each["logConfiguration"], last_of(task["taskArn"]))
            if is_first and container.name != router["name"]:
                container = _started_after(container, router["name"])
        if each is router:
            container = _as_router(container, each, definition, task)
        made.append(container)
    return tuple(made)


def uses_router(registered: Document) -> bool:
    """Whether the container's output goes to the task's log router."""
    return bool(registered.get("logConfiguration", {}).get("logDriver") == DRIVER)


def _routed(container: Container, log: Document, task_id: str) -> Container:
    options = log.get("options", {})
    blocking = options.get("mode") == "blocking"
    routed = RoutedLog(
        tag=f"{container.name}-firelens-{task_id}",
        blocking=blocking,
        buffer_bytes=None if blocking else parse_bytes(options.get("max-buffer-size")),
        buffer_lines=int(options.get(BUFFER_LINES) or 0) or None,
    )
    reach = {"FLUENT_HOST": "127.0.0.1", "FLUENT_PORT": str(FORWARD_PORT)}
    return replace(container, routed_log=routed, environment=container.environment | reach)


def _started_after(container: Container, router: str) -> Container:
    if any(dependency.container == router for dependency in container.depends_on):
        return container
    dependency = Dependency(router, Condition.START)
    return replace(container, depends_on=(*container.depends_on, dependency))


def _as_router(container: Container, own: Document, definition: Document, task: Document) -> Container:
    configuration = own["firelensConfiguration"]
    kind, options = RouterKind(configuration["type"]), configuration.get("options", {})
    users = [each for each in enumerate(definition["containerDefinitions"]) if uses_router(each[1])]
    router = LogRouter(
        kind=kind,
        fields=_fields(task) if options.get("enable-ecs-log-metadata", "true") in _TRUE else {},
        include=options.get("config-file-value", "") if options.get("config-file-type") == "file" else "",
        outputs=tuple(_output(kind, index, each) for index, each in users),
        memory_mib=own.get("memoryReservation") or container.memory_mib,
    )
    # fluentd's image gives up its rights otherwise, and could not make the socket.
    rights = {"FLUENT_UID": "0"} if kind is RouterKind.FLUENTD else {}
    secrets = tuple(
        SecretReference(_variable(secret["name"], index), secret["valueFrom"])
        for index, each in users
        for secret in _secret_options(each)
    )
    return replace(
        container,
        router=router,
        environment=container.environment | rights,
        secrets=(*container.secrets, *secrets),
    )


def _fields(task: Document) -> dict[str, str]:
    return {
        "ecs_cluster": last_of(task["clusterArn"]),
        "ecs_task_arn": task["taskArn"],
        "ecs_task_definition": last_of(task["taskDefinitionArn"]),
    }


def _output(kind: RouterKind, index: int, registered: Document) -> LogOutput:
    given = registered["logConfiguration"].get("options", {})
    options = {name: value for name, value in given.items() if name not in DRIVER_OPTIONS}
    for secret in _secret_options(registered):
        options[secret["name"]] = _PLACEHOLDER[kind].format(_variable(secret["name"], index))
    return LogOutput(container=registered["name"], options=options)


def _secret_options(registered: Document) -> Sequence[Document]:
    secrets: Sequence[Document] = registered["logConfiguration"].get("secretOptions", ())
    return secrets


def _variable(option: str, index: int) -> str:
    """The router's environment has one for each secret option; two containers may have the same option."""
    return f"{option}_{index}"

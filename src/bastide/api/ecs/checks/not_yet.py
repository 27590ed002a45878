"""What a task definition may ask for and a task here would not get: RunTask says so instead of lying.

Registering such a definition works. Each line goes when its feature comes; docs/compat.md has the list of
these and of what is recorded without taking effect.
"""

from collections.abc import Iterator

from bastide.api.ecs.checks import Document, refuse
from bastide.api.ecs.checks.fargate import is_windows
from bastide.model.container.log_routing import DRIVER, uses_router
from bastide.model.faults import Unsupported
from bastide.model.status import RuntimeClass
from bastide.model.sysctls import why_not

LOG_DRIVERS = ("awslogs", DRIVER)
VOLUMES = ("s3filesVolumeConfiguration", "configuredAtLaunch")


def check_runnable(definition: Document, params: Document) -> None:
    """Raises Unsupported naming the first thing a task of this definition would lack."""
    for missing in _missing(definition, params):
        raise Unsupported(
            "feature", missing, why=f"{missing} cannot be used by tasks here yet: see docs/compat.md."
        )


def check_sysctls(definition: Document, runtime: RuntimeClass) -> None:
    """Each system control takes effect in tasks of this runtime class, or the reason why not is raised."""
    for container in definition["containerDefinitions"]:
        for control in container.get("systemControls", ()):
            name, value = control.get("namespace", ""), control.get("value", "")
            if (reason := why_not(name, value, runtime)) is not None:
                refuse(
                    f"The system control '{name}' of container '{container['name']}' would take no effect: "
                    f"{reason}."
                )


def _missing(definition: Document, params: Document) -> Iterator[str]:
    if is_windows(definition):
        yield "A Windows operatingSystemFamily"
    if definition.get("runtimePlatform", {}).get("cpuArchitecture", "X86_64") != "X86_64":
        yield "cpuArchitecture ARM64"
    if definition.get("proxyConfiguration"):
        yield "proxyConfiguration"
    if definition.get("trustedExecutionConfiguration", {}).get("isolationMode", "SHARED") != "SHARED":
        yield "trustedExecutionConfiguration"
    for volume in definition.get("volumes", ()):
        yield from (member for member in VOLUMES if volume.get(member))
    if params.get("volumeConfigurations"):
        yield "volumeConfigurations"
    for container in definition["containerDefinitions"]:
        yield from _missing_of_container(container)


def _missing_of_container(container: Document) -> Iterator[str]:
    log = container.get("logConfiguration", {"logDriver": "awslogs"})
    if log["logDriver"] not in LOG_DRIVERS:
        yield f"The log driver {log['logDriver']}"
    if log.get("secretOptions") and not uses_router(container):
        yield "secretOptions"

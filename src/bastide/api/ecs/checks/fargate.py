"""What Fargate narrows: fields it does not have, sizes it does, roles it needs.

Also run on task definitions that do not ask for FARGATE, to find out whether they are compatible with it.
"""

from collections.abc import Sequence

from bastide.api.ecs.checks import Document, refuse
from bastide.api.ecs.checks.log_drivers import check_log_driver
from bastide.api.ecs.checks.volumes import check_fargate_volumes
from bastide.model.container.image_name import is_private_ecr
from bastide.model.task_size import is_fargate_size, parse_cpu, parse_memory

TIMEOUT_MAX_S = 120
CAPABILITIES = frozenset({"SYS_PTRACE"})
_IPC_SYSCTLS = "msgmax msgmnb msgmni sem shmall shmmax shmmni shm_rmid_forced"
SYSCTLS = frozenset(f"kernel.{name}" for name in _IPC_SYSCTLS.split())
SYSCTL_PREFIXES = ("net.", "fs.mqueue.")
WINDOWS_FAMILIES = frozenset(
    f"WINDOWS_SERVER_{version}_{edition}"
    for version in ("2019", "2022", "2025")
    for edition in ("FULL", "CORE")
)
_LINUX_PARAMETERS = ("devices", "maxSwap", "sharedMemorySize", "swappiness", "tmpfs")


def check_fargate(definition: Document) -> None:
    """Every rule of Fargate; the definition has passed those that hold everywhere."""
    if definition.get("networkMode") != "awsvpc":
        refuse("Fargate only supports network mode ‘awsvpc’.")
    _check_task_fields(definition)
    _check_platform(definition)
    _check_size(definition)
    check_fargate_volumes(definition.get("volumes", ()))
    execution_role = bool(definition.get("executionRoleArn"))
    for container in definition["containerDefinitions"]:
        _check_container_fields(container)
        _check_limits(container)
        _check_sysctls(container.get("systemControls", ()))
        if not execution_role and is_private_ecr(container["image"]):
            refuse("Fargate requires task definition to have execution role ARN to support ECR images.")
        if log := container.get("logConfiguration"):
            check_log_driver(log, fargate=True, execution_role=execution_role)


def _check_task_fields(definition: Document) -> None:
    if definition.get("inferenceAccelerators"):
        refuse("Unsupported field 'inferenceAccelerators'")
    if definition.get("placementConstraints"):
        _refuse_field("constraints")
    if definition.get("ipcMode"):
        _refuse_field("ipcMode")
    if definition.get("pidMode") == "host":
        refuse(
            "Tasks using the Fargate launch type do not support pidMode 'host'. "
            "The supported value for pidMode is 'task'."
        )


def _check_platform(definition: Document) -> None:
    family = definition.get("runtimePlatform", {}).get("operatingSystemFamily", "LINUX")
    if family != "LINUX" and family not in WINDOWS_FAMILIES:
        refuse(f"Tasks using the Fargate launch type do not support the operating system family {family}.")


def _check_size(definition: Document) -> None:
    for member in ("cpu", "memory"):
        if not definition.get(member):
            refuse(f"Fargate requires that '{member}' be defined at the task level.")
    check_fargate_size(definition["cpu"], definition["memory"], windows=is_windows(definition))


def check_fargate_size(cpu: str, memory: str, *, windows: bool) -> None:
    """The pair is one of the table; both are sizes already."""
    cpu_units, memory_mib = parse_cpu(cpu), parse_memory(memory)
    if cpu_units is None or memory_mib is None or not is_fargate_size(cpu_units, memory_mib, windows=windows):
        refuse(
            f"No Fargate configuration exists for given values: {cpu_units} CPU, {memory_mib} memory. "
            "See the Amazon ECS documentation for the valid values."
        )


def is_windows(definition: Document) -> bool:
    """Whether the task definition asks for a Windows platform."""
    family: str = definition.get("runtimePlatform", {}).get("operatingSystemFamily", "LINUX")
    return family.startswith("WINDOWS")


def _check_container_fields(container: Document) -> None:
    if container.get("privileged"):
        refuse("Fargate requires that the 'privileged' setting be 'false'")
    linux = container.get("linuxParameters", {})
    for member in _LINUX_PARAMETERS:
        if linux.get(member) not in (None, []):
            _refuse_field(member)
    for member in ("dockerSecurityOptions", "credentialSpecs"):
        if container.get(member):
            _refuse_field(member)
    for name in linux.get("capabilities", {}).get("add", ()):
        if name not in CAPABILITIES:
            refuse(f"{name} is not allowed on Fargate.")
    for requirement in container.get("resourceRequirements", ()):
        refuse(
            f"Tasks using the Fargate launch type do not support {requirement['type']} resource requirements."
        )


def _check_limits(container: Document) -> None:
    for member, word in (("startTimeout", "start"), ("stopTimeout", "stop")):
        if container.get(member, 0) > TIMEOUT_MAX_S:
            refuse(
                f"Tasks using the Fargate launch type must have a container {word} timeout of less than "
                f"{TIMEOUT_MAX_S} seconds."
            )


def _check_sysctls(controls: Sequence[Document]) -> None:
    for control in controls:
        name = control.get("namespace", "")
        if name not in SYSCTLS and not name.startswith(SYSCTL_PREFIXES):
            refuse(f"The system control '{name}' is not supported on Fargate.")


def _refuse_field(field: str) -> None:
    refuse(f"Fargate compatible task definitions do not support {field}")

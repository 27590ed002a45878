"""One container definition by itself, and the containers of a task definition together.

Only what holds for every launch type; what Fargate narrows is in `fargate`.
"""

import re
from collections.abc import Sequence

from bastide.api.ecs.checks import Document, null_in, refuse
from bastide.api.ecs.checks.environment import check_environment
from bastide.api.ecs.checks.ports import check_ports
from bastide.model.arn import ECS_NAME

CONTAINERS_MAX = 10
IMAGE_MAX_CHARS = 255
MEMORY_MIB_MIN = 6
TIMEOUT_MIN_S = 2
NOFILE_MAX = 1048576
IGNORED_EXIT_CODES_MAX = 50
RESTART_PERIOD_S = (60, 1800)
NO_HEALTH_CHECK = ["NONE"]  # as Docker writes it
HEALTH_RANGES = {"interval": (5, 300), "timeout": (2, 60), "retries": (1, 10), "startPeriod": (0, 300)}
_ALL_CAPABILITIES = """
    ALL AUDIT_CONTROL AUDIT_WRITE BLOCK_SUSPEND CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK
    IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE
    NET_BROADCAST NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE
    SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG SYSLOG WAKE_ALARM
"""
CAPABILITIES = frozenset(_ALL_CAPABILITIES.split())
_IMAGE = re.compile(r"[A-Za-z0-9_./:@#+\[\]-]+")


def check_containers(containers: Sequence[Document], *, awsvpc: bool, execution_role: bool) -> None:
    """Number, names, an essential one, and each by itself."""
    if not containers:
        refuse("Container list cannot be empty")
    if len(containers) > CONTAINERS_MAX:
        refuse("Too many containers")
    names: set[str] = set()
    port_names: set[str] = set()
    for container in containers:
        if where := null_in(container, "Container"):
            refuse(f"{where} contains invalid characters.")
        _check_names(container, names)
        check_sizes_of(container)
        _check_timeouts(container)
        check_environment(container, execution_role=execution_role)
        _check_ulimits(container)
        _check_sysctls(container)
        _check_capabilities(container)
        if (health := container.get("healthCheck")) is not None:
            _check_health(health)
        if (restart := container.get("restartPolicy")) is not None:
            _check_restart(restart)
        if "portMappings" in container:
            check_ports(container, awsvpc=awsvpc, names=port_names)
    if not any(container.get("essential", True) for container in containers):
        refuse("At least one container in the task definition must be essential.")


def _check_names(container: Document, names: set[str]) -> None:
    name, image = container.get("name"), container.get("image")
    if not name:
        refuse("Container.name should not be null or empty.")
    if not ECS_NAME.fullmatch(name):
        refuse(f"Container.name contains invalid characters: '{name}'.")
    if name in names:
        refuse(f"Container name '{name}' is used more than once in the task definition.")
    names.add(name)
    if not image or not image.strip():
        refuse("Container.image should not be null or empty.")
    if len(image) > IMAGE_MAX_CHARS:
        refuse(f"Container.image must be at most {IMAGE_MAX_CHARS} characters long.")
    if not _IMAGE.fullmatch(image):
        refuse("Container.image contains invalid characters.")


def check_sizes_of(container: Document) -> None:
    """A container's own `cpu` and memory; holds with overrides too."""
    name, cpu = container["name"], container.get("cpu", 0)
    hard, soft = container.get("memory"), container.get("memoryReservation")
    if cpu < 0:
        refuse(f"Invalid 'cpu' setting for container '{name}'. It must not be negative.")
    for member, mib in (("memory", hard), ("memoryReservation", soft)):
        if mib is not None and mib < MEMORY_MIB_MIN:
            refuse(
                f"Invalid '{member}' setting for container '{name}'. It must be at least {MEMORY_MIB_MIN}."
            )
    if hard is not None and soft is not None and soft > hard:
        refuse(f"Invalid setting for container '{name}'. 'memory' must be greater than 'memoryReservation'.")


def _check_timeouts(container: Document) -> None:
    for member, word in (("startTimeout", "start"), ("stopTimeout", "stop")):
        seconds = container.get(member)
        if seconds is not None and seconds < TIMEOUT_MIN_S:
            refuse(
                f"Granular {word} timeout on container '{container['name']}' must be at least "
                f"{TIMEOUT_MIN_S} seconds."
            )


def _check_ulimits(container: Document) -> None:
    seen: set[str] = set()
    for ulimit in container.get("ulimits", ()):
        name, soft, hard = ulimit["name"], ulimit["softLimit"], ulimit["hardLimit"]
        if name in seen:
            refuse(f"Ulimit '{name}' is set more than once on container '{container['name']}'.")
        seen.add(name)
        if min(soft, hard) < -1:
            refuse(f"The limits of ulimit '{name}' must not be negative.")
        if hard != -1 and (soft > hard or soft == -1):
            refuse(f"The soft limit of ulimit '{name}' must not be above its hard limit.")
        if name == "nofile" and not 0 <= hard <= NOFILE_MAX:
            refuse(f"The hard limit of ulimit 'nofile' must be at most {NOFILE_MAX}.")


def _check_sysctls(container: Document) -> None:
    if not all(control.get("value") for control in container.get("systemControls", ())):
        refuse("SystemControl.value should not be null or empty.")


def _check_capabilities(container: Document) -> None:
    capabilities = container.get("linuxParameters", {}).get("capabilities", {})
    for name in (*capabilities.get("add", ()), *capabilities.get("drop", ())):
        if name not in CAPABILITIES:
            refuse(f"{name} is not a Linux capability that a container can add or drop.")


def _check_health(health: Document) -> None:
    command = health["command"]
    is_kind = bool(command) and command[0] in ("CMD", "CMD-SHELL") and len(command) > 1
    if not is_kind and command != NO_HEALTH_CHECK:
        refuse("A health check command must begin with CMD or CMD-SHELL, followed by the command.")
    for member, (least, most) in HEALTH_RANGES.items():
        value = health.get(member)
        if value is not None and not least <= value <= most:
            refuse(f"The health check {member} must be between {least} and {most}.")


def _check_restart(restart: Document) -> None:
    least, most = RESTART_PERIOD_S
    if len(restart.get("ignoredExitCodes", ())) > IGNORED_EXIT_CODES_MAX:
        refuse(f"A restart policy can ignore at most {IGNORED_EXIT_CODES_MAX} exit codes.")
    if not least <= restart.get("restartAttemptPeriod", least) <= most:
        refuse(f"The restartAttemptPeriod must be between {least} and {most} seconds.")

"""RunTask's `overrides`: that they fit the task definition, and how large the task is with them."""

from collections.abc import Sequence

import msgspec

from bastide.api.ecs.checks import Document, null_in
from bastide.api.ecs.checks.containers import check_sizes_of
from bastide.api.ecs.checks.environment import check_environment_files
from bastide.api.ecs.checks.fargate import check_fargate_size, is_windows
from bastide.api.ecs.checks.task_definitions import check_role, check_sizes, check_storage
from bastide.model.faults import Invalid
from bastide.model.task_size import parse_cpu, parse_memory

SIZE_MAX_CHARS = 8192  # of the overrides as JSON


def check_overrides(overrides: Document, definition: Document) -> None:
    """Raises Invalid for the first rule the overrides break."""
    length = len(msgspec.json.encode(overrides).decode())
    if overrides and length > SIZE_MAX_CHARS:
        raise _invalid(f"Actual length: '{length}'. Max allowed length is '{SIZE_MAX_CHARS}' bytes.")
    check_sizes(overrides.get("cpu"), overrides.get("memory"))
    cpu_units, memory_mib = task_size(definition, overrides)
    check_fargate_size(str(cpu_units), str(memory_mib), windows=is_windows(definition))
    check_role(overrides.get("taskRoleArn"))
    check_role(overrides.get("executionRoleArn"))
    check_storage(overrides.get("ephemeralStorage"))
    if overrides.get("inferenceAcceleratorOverrides"):
        raise _invalid("Inference accelerator overrides are not supported with FARGATE launch type.")
    _check_containers(overrides.get("containerOverrides", ()), definition)
    _check_fit(overrides, definition, cpu_units=cpu_units, memory_mib=memory_mib)


def task_size(definition: Document, overrides: Document) -> tuple[int, int]:
    """CPU units and MiB of a task run with these overrides; 0 for what has no size."""
    cpu = overrides.get("cpu") or definition.get("cpu") or ""
    memory = overrides.get("memory") or definition.get("memory") or ""
    return parse_cpu(cpu) or 0, parse_memory(memory) or 0


def _check_containers(containers: Sequence[Document], definition: Document) -> None:
    known = {container["name"] for container in definition["containerDefinitions"]}
    seen: set[str] = set()
    for override in containers:
        name = override.get("name", "")
        if name not in known:
            raise _invalid(f"Override for container named {name} is not a container in the TaskDefinition.")
        if name in seen:
            raise _invalid(f"Container '{name}' is overridden more than once.")
        seen.add(name)
        if override.get("resourceRequirements"):
            raise _invalid("Resource requirements are not supported with FARGATE launch type.")
        if where := null_in(override, "ContainerOverride"):
            raise _invalid(f"{where} contains invalid characters.")
        if any(not variable.get("name") for variable in override.get("environment", ())):
            raise _invalid("Environment variable name should not be null or empty.")
        check_environment_files(override.get("environmentFiles", ()))


def _check_fit(overrides: Document, definition: Document, *, cpu_units: int, memory_mib: int) -> None:
    by_name = {override["name"]: override for override in overrides.get("containerOverrides", ())}
    merged = [{**c, **by_name.get(c["name"], {})} for c in definition["containerDefinitions"]]
    for container in merged:
        hard, soft = container.get("memory"), container.get("memoryReservation", 0)
        if hard is not None and not soft <= hard <= memory_mib:
            raise _invalid(
                f"Invalid 'memory' override for container '{container['name']}'. It must not be above the "
                f"task's memory of {memory_mib} nor below the container's memoryReservation."
            )
        check_sizes_of(container)
    if sum(container.get("memoryReservation", 0) for container in merged) > memory_mib:
        raise _invalid(f"The containers reserve more memory than the task's memory of {memory_mib}.")
    if sum(container.get("cpu", 0) for container in merged) > cpu_units:
        raise _invalid(f"The containers reserve more CPU units than the task's cpu of {cpu_units}.")


def _invalid(why: str) -> Invalid:
    return Invalid("parameter", why=why)

"""`dependsOn`: what a container may wait for, and that the waiting ends."""

from collections.abc import Mapping, Sequence

from bastide.api.ecs.checks import Document, refuse
from bastide.api.ecs.checks.containers import NO_HEALTH_CHECK

ENDING = frozenset({"COMPLETE", "SUCCESS"})  # conditions that wait for the dependency's end


def check_dependencies(containers: Sequence[Document]) -> None:
    """Every dependency exists, can be met, and none waits for itself."""
    if not any(container.get("dependsOn") for container in containers):
        return
    by_name = {container["name"]: container for container in containers}
    for container in containers:
        for dependency in container.get("dependsOn", ()):
            _check(container["name"], dependency, by_name)
    if has_cycle({c["name"]: [d["containerName"] for d in c.get("dependsOn", ())] for c in containers}):
        refuse("The container dependencies contain a cycle.")


def _check(name: str, dependency: Document, by_name: Mapping[str, Document]) -> None:
    wanted, condition = dependency["containerName"], dependency["condition"]
    target = by_name.get(wanted)
    if target is None:
        refuse(f"Container '{name}' depends on '{wanted}', which is not a container in the TaskDefinition.")
    if wanted == name:
        refuse(f"Container '{name}' cannot depend on itself.")
    if condition in ENDING and target.get("essential", True):
        refuse("A dependency container with SUCCESS or COMPLETE condition cannot be an essential container")
    if condition == "HEALTHY" and not _has_health_check(target):
        refuse(f"A dependency container with HEALTHY condition must have a health check: '{wanted}'.")


def _has_health_check(container: Document) -> bool:
    command: list[str] = (container.get("healthCheck") or {}).get("command", NO_HEALTH_CHECK)
    return command != NO_HEALTH_CHECK


def has_cycle(edges: Mapping[str, Sequence[str]]) -> bool:
    """Whether following the edges ever comes back to where it was."""
    left = {node: set(targets) for node, targets in edges.items()}
    while left:
        free = [node for node, targets in left.items() if not targets & left.keys()]
        if not free:
            return True
        for node in free:
            del left[node]
    return False

"""`managedAgents` of a container in DescribeTasks: whether ECS Exec can be used in it.

PENDING until the container runs, then RUNNING, then STOPPED, and never back. Nothing of ours runs in the
container: the host starts what a session asks for.
"""

from typing import Any

from bastide.model.status import ContainerStatus

Document = dict[str, Any]

EXECUTE_COMMAND_AGENT = "ExecuteCommandAgent"
PENDING, RUNNING, STOPPED = "PENDING", "RUNNING", "STOPPED"
# AWS's agent has to write into the container ("ECS Exec considerations" of the developer guide).
READ_ONLY_ROOT = (
    "ECS Exec is not supported with readonlyRootFilesystem: the root file system must be writable."
)


def new_managed_agents(*, readonly_root: bool) -> list[Document]:
    """As they are shown before the container runs; on a read-only root the agent never does."""
    if readonly_root:
        return [{"name": EXECUTE_COMMAND_AGENT, "lastStatus": STOPPED, "reason": READ_ONLY_ROOT}]
    return [{"name": EXECUTE_COMMAND_AGENT, "lastStatus": PENDING}]


def advanced_agents(container: Document, status: ContainerStatus, *, at_s: float) -> Document:
    """The member of a container that has come to `status`; nothing where it has no managed agents."""
    agents = container.get("managedAgents")
    return {} if agents is None else {"managedAgents": [_advanced(each, status, at_s) for each in agents]}


def has_execute_command(container: Document) -> bool:
    """Whether a command can be run in it now."""
    return any(
        agent["name"] == EXECUTE_COMMAND_AGENT and agent["lastStatus"] == RUNNING
        for agent in container.get("managedAgents", ())
    )


def _advanced(agent: Document, status: ContainerStatus, at_s: float) -> Document:
    if agent["lastStatus"] == STOPPED:
        return agent
    if status >= ContainerStatus.STOPPED:
        return {**agent, "lastStatus": STOPPED}
    if status is ContainerStatus.RUNNING and agent["lastStatus"] == PENDING:
        return {**agent, "lastStatus": RUNNING, "lastStartedAt": at_s}
    return agent

"""ExecuteCommand: checks what AWS checks, records the session and answers where to connect.

Nothing runs yet: the session's stream (streams.py) begins it when the client is there.
"""

import logging
from collections.abc import Mapping

from bastide.api.ecs.clusters import find_cluster
from bastide.api.ecs.task_documents import TASK
from bastide.api.ecs.tasks import parse_task
from bastide.api.exec.records import ACTIVE, EXEC_SESSION, new_session, rendered_start, with_token
from bastide.api.operation import Context, Document, Operation, Params, Result, Writes
from bastide.model.container.managed_agents import has_execute_command
from bastide.model.faults import Invalid, LimitExceeded, NotFound, Unavailable
from bastide.model.status import TaskStatus
from bastide.store.records import Record
from bastide.store.txn import Txn

SESSIONS_MAX = 50  # of one task, at once
HOST, CONNECTED = "host", "CONNECTED"
NOT_ENABLED = (
    "The execute command failed because execute command was not enabled when the task was run or the execute "
    "command agent isn’t running. Wait and try again or run a new task with execute command enabled and try "
    "again."
)

log = logging.getLogger(__name__)


def execute_command(txn: Txn, ctx: Context, params: Params) -> Result:
    """ExecuteCommand."""
    if not params["interactive"]:
        raise Invalid("parameter", why="Interactive is the only mode supported currently.")
    if "\0" in params["command"]:
        raise Invalid("command", why="A command cannot hold a zero byte.")
    cluster = find_cluster(txn, ctx, params.get("cluster"))
    task = txn.get(TASK, parse_task(ctx, params["task"], cluster))
    if task is None or task.parent != cluster.key:
        raise NotFound("task", params["task"])
    container = _chosen_container(task.document["task"], params.get("container"))
    _check_ready(task.document["task"], container)
    _check_connected(txn, task, container)
    session, token = with_token(new_session(ctx, task, container, params["command"]), now_s=ctx.now_s)
    txn.put(session)
    start = rendered_start(ctx, session, token)
    return {
        "clusterArn": cluster.key,
        "containerArn": container["containerArn"],
        "containerName": container["name"],
        "interactive": True,
        "session": {name[0].lower() + name[1:]: value for name, value in start.items()},
        "taskArn": task.key,
    }


def _chosen_container(task: Document, name: str | None) -> Document:
    containers: list[Document] = task["containers"]
    if not name and len(containers) > 1:
        why = "The container name is required when the task has more than one container."
        raise Invalid("parameter", why=why)
    found = [each for each in containers if not name or each["name"] == name]
    if not found:
        raise Invalid("parameter", why=f"The container {name} does not exist in the task.")
    return found[0]


def _check_ready(task: Document, container: Document) -> None:
    is_running = task["lastStatus"] == TaskStatus.RUNNING.name
    if not (is_running and task["enableExecuteCommand"] and has_execute_command(container)):
        raise Invalid("parameter", why=NOT_ENABLED)


def _check_connected(txn: Txn, task: Record, container: Document) -> None:
    """The host is there, and the container's agent: of containers that share their processes one has it."""
    host = txn.get(HOST, task.document["host"])
    if host is None or host.status != CONNECTED:
        raise Unavailable("exec target", task.key)
    sessions = txn.find(EXEC_SESSION, parent=task.key)
    if _shares_processes(txn, task) and any(s.document["container"] != container["name"] for s in sessions):
        raise Unavailable("exec target", task.key)
    if sum(session.state == ACTIVE for session in sessions) >= SESSIONS_MAX:
        raise LimitExceeded("exec sessions", why=f"A task can have {SESSIONS_MAX} sessions at once.")


def _shares_processes(txn: Txn, task: Record) -> bool:
    definition = txn.get("task-definition", task.document["task"]["taskDefinitionArn"])
    return definition is not None and definition.document["taskDefinition"].get("pidMode") == "task"


OPERATIONS: Mapping[str, Operation] = {"ExecuteCommand": Writes(execute_command)}

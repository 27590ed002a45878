"""A task's stored document: the changes that may happen to it, each as a pure step from old to new.

The document holds AWS's Task shape under `task` and beside it what ECS does not show (`host`, `eni`,
`network`, `reported`, `tags`, `clientToken`, `health`, `restartCounts`, `pulls`, `protection`). Invariants:
`lastStatus` only grows, what was reported once stays (health aside: there the later check wins), times are
epoch seconds. `task.version` is the store's to count (`model/events/task`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bastide.model.assignment import ContainerReport, Report
from bastide.model.container.health import HealthStatus, health_of_task, is_news, is_older, render_health
from bastide.model.container.managed_agents import advanced_agents
from bastide.model.status import REASON_MAX_CHARS, ContainerStatus, DesiredStatus, StopCode, TaskStatus

Document = dict[str, Any]

SERVICE_GROUP = "service:"
PROTECTION = "protection"  # beside `task`: when it expires, in epoch seconds

_TIMES = (
    ("pullStartedAt", "pull_started_at"),
    ("pullStoppedAt", "pull_stopped_at"),
    ("startedAt", "started_at"),
    ("stoppingAt", "stopping_at"),
    ("executionStoppedAt", "execution_stopped_at"),
    ("stoppedAt", "stopped_at"),
)


def is_of_service(document: Document) -> bool:
    """Whether a service runs the task; nobody else may have a group of that name."""
    return str(document["task"]["group"]).startswith(SERVICE_GROUP)


def role_of(task: Document, definition: Document) -> str | None:
    """Whose credentials the task's containers get: the role it was run with, else the definition's."""
    return _role_of(task, definition, "taskRoleArn")


def execution_role_of(task: Document, definition: Document) -> str | None:
    """As whom images, secrets and log streams are had for the task: likewise."""
    return _role_of(task, definition, "executionRoleArn")


def _role_of(task: Document, definition: Document, member: str) -> str | None:
    role: str | None = task.get("overrides", {}).get(member) or definition.get(member)
    return role


def protected_until(document: Document, *, now_s: float) -> float | None:
    """Until when the task's service is to leave it alone; None when it need not any more."""
    until: float | None = document.get(PROTECTION)
    return until if until is not None and until > now_s else None


def status_of(document: Document) -> TaskStatus:
    """What was last seen of the task."""
    return TaskStatus[document["task"]["lastStatus"]]


def with_members(document: Document, **members: Any) -> Document:
    """The document with these members of the task replaced."""
    return {**document, "task": {**document["task"], **members}}


def with_interface(document: Document, *, host: str, zone: str, eni: str, details: Document) -> Document:
    """The task placed: its host, and its interface on the way to it. `details` as ECS lists them."""
    task = document["task"]
    attachment = {
        **task["attachments"][0],
        "status": "ATTACHING",
        "details": [{"name": name, "value": value} for name, value in details.items()],
    }
    address = {"attachmentId": attachment["id"], "privateIpv4Address": details["privateIPv4Address"]}
    containers = [{**container, "networkInterfaces": [address]} for container in task["containers"]]
    placed = with_members(document, attachments=[attachment], containers=containers, availabilityZone=zone)
    return {**placed, "host": host, "eni": eni}


def asked_to_stop(document: Document, *, code: StopCode, reason: str) -> Document:
    """The task wanted STOPPED from now on, and why."""
    return with_members(
        document,
        desiredStatus=DesiredStatus.STOPPED.value,
        stopCode=code.value,
        stoppedReason=reason[:REASON_MAX_CHARS],
    )


def ended_unstarted(document: Document, *, at_s: float, code: StopCode, reason: str) -> Document:
    """The task STOPPED without ever having been on a host; a reason given before stands."""
    task = document["task"]
    members = {
        "desiredStatus": DesiredStatus.STOPPED.value,
        "lastStatus": TaskStatus.STOPPED.name,
        "stopCode": task.get("stopCode", code.value),
        "stoppedReason": task.get("stoppedReason", reason[:REASON_MAX_CHARS]),
        "stoppingAt": task.get("stoppingAt", at_s),
        "executionStoppedAt": at_s,
        "stoppedAt": at_s,
        "attachments": [{**attachment, "status": "DELETED"} for attachment in task["attachments"]],
        "containers": [_ended_container(container, at_s=at_s) for container in task["containers"]],
    }
    return {**with_members(document, **members), "reported": int(TaskStatus.STOPPED)}


def with_report(document: Document, report: Report, *, at_s: float, runtime_ids: Sequence[str]) -> Document:
    """The document with what a host reported folded in; the very same document when it says nothing new.

    Reports of one host may come in any order and more than once: the end is the same.
    """
    task = document["task"]
    status = TaskStatus[task["lastStatus"]].advanced_to(report.last_status)
    members: Document = {
        "lastStatus": status.name,
        "containers": _reported_containers(document, report.containers, runtime_ids, at_s=at_s),
        "attachments": [_attached(attachment, status) for attachment in task["attachments"]],
    }
    for member, field in _TIMES:
        _keep_first(members, task, member, _epoch_s(getattr(report, field)))
    _keep_first(members, task, "stopCode", report.stop_code.value if report.stop_code else None)
    _keep_first(members, task, "stoppedReason", (report.stopped_reason or "")[:REASON_MAX_CHARS] or None)
    if status is TaskStatus.STOPPED and "stoppedAt" not in members:
        _keep_first(members, task, "stoppedAt", at_s)
    if status >= TaskStatus.PENDING and "connectivity" not in task:
        members |= {"connectivity": "CONNECTED", "connectivityAt": at_s}
    if status > TaskStatus.RUNNING or report.stop_code is not None:
        members["desiredStatus"] = DesiredStatus.STOPPED.value
    members["healthStatus"] = _health_of_task(members["containers"], report.containers, task)
    kept = _kept_of_checks(document, report.containers)
    if all(task.get(member) == value for member, value in members.items()):
        return {**document, **kept} if kept else document
    return {**with_members(document, **members), **kept, "reported": int(status)}


def with_connectivity(document: Document, *, is_connected: bool, at_s: float) -> Document:
    """The document with what is known of the task's host; the very same when it says so already.

    A task that no host has spoken of yet has no connectivity, and a STOPPED one keeps its last.
    """
    task = document["task"]
    shown = "CONNECTED" if is_connected else "DISCONNECTED"
    is_over = status_of(document) is TaskStatus.STOPPED
    if is_over or task.get("connectivity", shown) == shown:
        return document
    members: Document = {"connectivity": shown}
    if is_connected:  # the time it last became CONNECTED, also while it is not
        members["connectivityAt"] = at_s
    return with_members(document, **members)


def _keep_first(members: Document, task: Document, member: str, value: Any) -> None:
    if value is not None and member not in task:
        members[member] = value


def _epoch_s(at: datetime | None) -> float | None:
    return None if at is None else round(at.timestamp(), 3)


def _attached(attachment: Document, status: TaskStatus) -> Document:
    """The interface's status follows the task's."""
    if status >= TaskStatus.STOPPED:
        shown = "DELETED"
    elif status >= TaskStatus.DEPROVISIONING:
        shown = "DETACHING"
    elif status >= TaskStatus.PENDING:
        shown = "ATTACHED"
    else:
        return attachment
    return {**attachment, "status": shown}


def _reported_containers(
    document: Document, reports: Sequence[ContainerReport], runtime_ids: Sequence[str], *, at_s: float
) -> list[Document]:
    by_name = {report.name: report for report in reports}
    containers, health = document["task"]["containers"], document.get("health", {})
    reported = [
        _reported_container(container, by_name.get(container["name"]), runtime, health.get(container["name"]))
        for container, runtime in zip(containers, runtime_ids, strict=True)
    ]
    return [
        {**each, **advanced_agents(each, ContainerStatus[each["lastStatus"]], at_s=at_s)} for each in reported
    ]


def _ended_container(container: Document, *, at_s: float) -> Document:
    stopped = ContainerStatus.STOPPED
    return {**container, "lastStatus": stopped.name, **advanced_agents(container, stopped, at_s=at_s)}


def _health_of_task(
    containers: Sequence[Document], reports: Sequence[ContainerReport], task: Document
) -> str:
    """By its essential containers; as it was when a report names none."""
    essential = {report.name for report in reports if report.essential}
    shown: str = task.get("healthStatus", HealthStatus.UNKNOWN.value)
    found = [HealthStatus(c.get("healthStatus", shown)) for c in containers if c["name"] in essential]
    return health_of_task(found).value if found else shown


def _kept_of_checks(document: Document, reports: Sequence[ContainerReport]) -> Document:
    """Members beside the task that DescribeTasks never shows: the last checks, and how often it restarted."""
    health, restarts = document.get("health", {}), document.get("restartCounts", {})
    fresh_health = dict(health)
    for report in reports:
        kept = health.get(report.name)
        if report.health is not None and is_news(report.health, kept):
            fresh_health[report.name] = render_health(report.health)
    fresh_restarts = restarts | {
        report.name: max(report.restart_count, restarts.get(report.name, 0))
        for report in reports
        if report.restart_count is not None
    }
    changed: Document = {}
    if fresh_health != health:
        changed["health"] = fresh_health
    if fresh_restarts != restarts:
        changed["restartCounts"] = fresh_restarts
    return changed


def _reported_container(
    container: Document, report: ContainerReport | None, runtime: str, kept: Document | None
) -> Document:
    if report is None:
        return container
    status = max(ContainerStatus[container["lastStatus"]], report.last_status)
    added: Document = {"lastStatus": status.name}
    _keep_first(added, container, "exitCode", report.exit_code)
    _keep_first(added, container, "reason", (report.reason or "")[:REASON_MAX_CHARS] or None)
    _keep_first(added, container, "imageDigest", report.image_digest)
    if report.health is not None and not is_older(report.health, kept):
        added["healthStatus"] = report.health.status.value
    if report.last_status is ContainerStatus.RUNNING or report.exit_code is not None:
        added["runtimeId"] = runtime
    return {**container, **added}

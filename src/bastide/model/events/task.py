"""What EventBridge is told of a task: when there is news, and the `ECS Task State Change` that says it.

Pure. Shape and occasions: ECS developer guide, "Amazon ECS task state change events". `version` starts at 1
and grows with each event, so that whoever gets them out of order or twice can tell.
"""

import uuid
from datetime import UTC, datetime
from typing import Any

from bastide.model.arn import parse_arn

Document = dict[str, Any]

TASK_STATE_CHANGE = "ECS Task State Change"
SOURCE = "aws.ecs"
ATTACHMENT_TYPES = {"ElasticNetworkInterface": "eni"}  # what DescribeTasks calls otherwise
_IDS = uuid.UUID("6d1b7c1e-6f0b-5a3e-9c53-2f5d8a7c9e10")  # namespace of event ids: arbitrary, never changed


def stamped(before: Document | None, after: Document) -> tuple[Document, bool]:
    """The document with its version as it has to be, and whether an event tells of the change.

    `before` is what was stored until now; None for a task that is new.
    """
    if before is None:
        return _with_version(after, 1), True
    version = before["task"]["version"]
    is_news = _seen_of(before["task"]) != _seen_of(after["task"])
    return _with_version(after, version + is_news), is_news


def render_task_event(task: Document, *, at_s: float) -> Document:
    """The event: EventBridge's envelope around the task, its times as text."""
    arn = task["taskArn"]
    parsed = parse_arn(arn)
    assert parsed is not None, "a task's ARN is one"
    return {
        "version": "0",
        "id": str(uuid.uuid5(_IDS, f"{arn}/{task['version']}")),
        "detail-type": TASK_STATE_CHANGE,
        "source": SOURCE,
        "account": parsed.account,
        "time": _iso(at_s, "seconds"),
        "region": parsed.region,
        "resources": [arn],
        "detail": _detail(task) | {"updatedAt": _iso(at_s)},
    }


def _seen_of(task: Document) -> tuple[Any, ...]:
    """What EventBridge is told of when it changes."""
    containers = tuple((one["lastStatus"], one.get("exitCode")) for one in task["containers"])
    return task["lastStatus"], task["desiredStatus"], task.get("connectivity"), containers


def _with_version(document: Document, version: int) -> Document:
    return {**document, "task": {**document["task"], "version": version}}


def _detail(task: Document) -> Document:
    attachments = [
        {**one, "type": ATTACHMENT_TYPES.get(one["type"], one["type"])} for one in task["attachments"]
    ]
    overrides = {name: value for name, value in task["overrides"].items() if value != []}
    detail: Document = _with_text_times({**task, "attachments": attachments, "overrides": overrides})
    return detail


def _with_text_times(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_text_times(one) for one in value]
    if isinstance(value, dict):
        return {
            name: _iso(one) if name.endswith("At") and isinstance(one, float | int) else _with_text_times(one)
            for name, one in value.items()
        }
    return value


def _iso(at_s: float, precision: str = "milliseconds") -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec=precision).replace("+00:00", "Z")

"""Tasks in words an operator reads."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from bastide.model.arn import last_of

Document = dict[str, Any]
Row = tuple[str, ...]

MIB = 1024 * 1024
SHORT_ID_CHARS = 12  # enough to tell the tasks of one installation apart, and taken by every command
TIMES = (
    ("created", "createdAt"),
    ("pull began", "pullStartedAt"),
    ("pull ended", "pullStoppedAt"),
    ("started", "startedAt"),
    ("stopping", "stoppingAt"),
    ("stopped", "stoppedAt"),
)


def short_id(arn: str) -> str:
    """The beginning of a task's id."""
    return last_of(arn)[:SHORT_ID_CHARS]


def render_time(at_s: float) -> str:
    """A time of the API, in UTC."""
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M:%S}Z"


def render_containers(containers: Sequence[Document]) -> str:
    """Each with its status, and its exit code where it has one: `app STOPPED 0, side RUNNING`."""
    return ", ".join(
        " ".join(
            str(part) for part in (one["name"], one["lastStatus"], one.get("exitCode")) if part is not None
        )
        for one in containers
    )


def render_table(rows: Sequence[Row]) -> Iterator[str]:
    """Rows in columns as wide as they need to be."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def render_task_list(tasks: Sequence[Document]) -> Iterator[str]:
    """A line a task, below a line that says what is in which column."""
    rows: list[Row] = [("task", "cluster", "definition", "status", "provider", "created", "containers")]
    rows += [
        (
            short_id(task["taskArn"]),
            last_of(task["clusterArn"]),
            last_of(task["taskDefinitionArn"]),
            render_status(task),
            str(task.get("capacityProviderName", task["launchType"])),
            render_time(task["createdAt"]),
            render_containers(task["containers"]),
        )
        for task in tasks
    ]
    return map(printable, render_table(rows))


def render_task(shown: Document) -> Iterator[str]:
    """Everything about one task, a line a thing."""
    return map(printable, _lines_of(shown))


def _lines_of(shown: Document) -> Iterator[str]:
    task = shown["task"]
    yield from render_table([(label, text) for label, text in _head_of(shown) if text])
    yield ""
    rows: list[Row] = [("container", "status", "health", "restarts", "exit", "image", "reason")]
    rows += [_container_row(one, shown["restarts"]) for one in task["containers"]]
    yield from render_table(rows)
    for name, pull in shown["pulls"].items():
        far = f"{pull['doneBytes'] / MIB:.1f} of {pull['totalBytes'] / MIB:.1f} MiB"
        yield f"{name}: {pull['what']} of its image, {far}"
    for name, health in shown["health"].items():
        yield from _health_lines(name, health)
    yield ""
    yield "events, the oldest of those kept first" if shown["events"] else "no events are kept of it any more"
    for event in shown["events"]:
        detail = event["detail"]
        reason = detail.get("stoppedReason", "")
        words = (
            f"v{detail['version']}",
            render_status(detail),
            render_containers(detail["containers"]),
            reason,
        )
        yield f"  {detail['updatedAt']}  " + "  ".join(word for word in words if word)


def _head_of(shown: Document) -> Iterator[tuple[str, str]]:
    task = shown["task"]
    yield "task", task["taskArn"]
    yield "cluster", last_of(task["clusterArn"])
    yield "definition", f"{last_of(task['taskDefinitionArn'])}, group {task['group']}"
    yield "status", f"{render_status(task)}, version {task['version']}, health {task['healthStatus']}"
    yield "runs on", f"{_compute(task)}, host {shown['host'] or 'not chosen yet'}"
    size = f"{task['cpu']} CPU units, {task['memory']} MiB, {task['ephemeralStorage']['sizeInGiB']} GiB disk"
    yield "size", size
    yield "network", _network(task)
    yield "connectivity", task.get("connectivity", "")
    yield "tags", ", ".join(f"{tag['key']}={tag['value']}" for tag in shown["tags"])
    for label, member in TIMES:
        yield label, render_time(task[member]) if member in task else ""
    if retirement := shown["retirement"]:
        noticed = render_time(retirement["noticedAt"])
        yield "retires", f"{render_time(retirement['retiresAt'])}, noticed {noticed}"
    yield "why", f"{task['stopCode']}: {task.get('stoppedReason', '')}" if "stopCode" in task else ""


def render_status(task: Document) -> str:
    """What was last seen of it, and whether it is on its way out."""
    is_ending = task["desiredStatus"] == "STOPPED" and task["lastStatus"] != "STOPPED"
    return f"{task['lastStatus']}{', to be stopped' if is_ending else ''}"


def _compute(task: Document) -> str:
    provider = task.get("capacityProviderName")
    named = f"capacity provider {provider}" if provider else f"launch type {task['launchType']}"
    return f"{named}, platform {task['platformVersion']}"


def _network(task: Document) -> str:
    details = {one["name"]: one["value"] for one in task["attachments"][0]["details"]}
    names = ("privateIPv4Address", "networkInterfaceId", "subnetId")
    return ", ".join(details[name] for name in names if name in details)


def _container_row(container: Document, restarts: Document) -> Row:
    return (
        container["name"],
        container["lastStatus"],
        container.get("healthStatus", ""),
        str(restarts.get(container["name"], "")),
        str(container.get("exitCode", "")),
        container["image"],
        container.get("reason", ""),
    )


def _health_lines(name: str, health: Document) -> Iterator[str]:
    yield ""
    since, failures = render_time(health["since"]), health["failures"]
    yield f"health of {name}: {health['status']} since {since}, {failures} failures in a row; last checks"
    for result in health["results"]:
        code = result["exitCode"]
        yield f"  {render_time(result['endedAt'])}  {'no exit code' if code is None else f'exit {code}'}"
        for line in result["output"].splitlines():
            yield f"    {line}"


def printable(text: str) -> str:
    """A task or its user wrote parts of it: nothing of these may act on the operator's terminal."""
    return "".join(
        each if each.isprintable() or each == "\t" else "\N{REPLACEMENT CHARACTER}" for each in text
    )

"""What reports do to a task's document: the same in any order, never backwards."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bastide.model.assignment import ContainerReport, Report
from bastide.model.container.health import HealthReport, HealthResult, HealthStatus
from bastide.model.status import ContainerStatus, StopCode, TaskStatus
from bastide.model.task import ended_unstarted, status_of, with_interface, with_members, with_report

START = datetime(2026, 1, 1, tzinfo=UTC)
STATUSES = list(TaskStatus)
RUNTIME_IDS = ("t-1", "t-2")


def document() -> dict[str, Any]:
    containers: list[dict[str, Any]] = [
        {"name": name, "lastStatus": "PENDING", "networkInterfaces": []} for name in ("app", "side")
    ]
    task = {
        "attachments": [{"id": "a", "status": "PRECREATED", "details": [{"name": "subnetId", "value": "s"}]}],
        "containers": containers,
        "desiredStatus": "RUNNING",
        "lastStatus": "PROVISIONING",
        "version": 1,
    }
    return {"task": task, "host": None, "eni": None, "reported": 10}


def told(before: dict[str, Any], report: Report) -> dict[str, Any]:
    return with_report(before, report, at_s=1.0, runtime_ids=RUNTIME_IDS)


def at(step: int) -> datetime:
    return START + timedelta(seconds=step)


TIMES = {
    "pull_started_at": TaskStatus.PENDING,
    "pull_stopped_at": TaskStatus.ACTIVATING,
    "started_at": TaskStatus.RUNNING,
    "stopping_at": TaskStatus.STOPPING,
    "execution_stopped_at": TaskStatus.DEPROVISIONING,
    "stopped_at": TaskStatus.STOPPED,
}


def honest_report(status: TaskStatus, exit_code: int) -> Report:
    """What an agent says at this point of one task's life: nothing it said before is missing."""
    if status < TaskStatus.RUNNING:
        container = ContainerStatus.PENDING
    else:
        container = ContainerStatus.RUNNING if status < TaskStatus.STOPPING else ContainerStatus.STOPPED
    is_over = container is ContainerStatus.STOPPED
    containers = tuple(
        ContainerReport(
            name=name,
            last_status=container,
            exit_code=exit_code if is_over else None,
            image_digest="sha256:1" if status >= TaskStatus.ACTIVATING else None,
        )
        for name in ("app", "side")
    )
    return Report(
        task_arn="t",
        last_status=status,
        containers=containers,
        stop_code=StopCode.ESSENTIAL_CONTAINER_EXITED if is_over else None,
        stopped_reason="over" if is_over else None,
        **{name: at(first) for name, first in TIMES.items() if status >= first},
    )


lives = st.lists(st.sampled_from(STATUSES), min_size=1, max_size=12).flatmap(
    lambda chosen: st.tuples(st.just(chosen), st.permutations(chosen), st.integers(0, 255))
)


@given(lives)
def test_reports_in_any_order_end_in_the_same_state(
    life: tuple[list[TaskStatus], list[TaskStatus], int],
) -> None:
    chosen, shuffled, exit_code = life
    ends = []
    for order in (sorted(chosen), shuffled, [max(chosen)]):
        after = document()
        for status in order:
            after = told(after, honest_report(status, exit_code))
        ends.append(after)
    assert ends[0] == ends[1] == ends[2]


@given(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=12))
def test_a_status_never_goes_back(
    order: list[TaskStatus],
) -> None:
    before = document()
    for status in order:
        after = told(before, honest_report(status, 0))
        assert status_of(after) >= status_of(before)
        before = after


@given(st.sampled_from(STATUSES))
def test_the_same_report_again_changes_nothing(status: TaskStatus) -> None:
    once = told(document(), honest_report(status, 0))
    assert told(once, honest_report(status, 0)) is once


def test_a_report_fills_what_describe_tasks_shows() -> None:
    task = told(document(), honest_report(TaskStatus.STOPPED, 7))["task"]
    assert task["lastStatus"] == task["desiredStatus"] == "STOPPED"
    assert (task["stopCode"], task["stoppedReason"]) == ("EssentialContainerExited", "over")
    assert task["startedAt"] == at(TaskStatus.RUNNING).timestamp()
    assert task["stoppedAt"] == at(TaskStatus.STOPPED).timestamp()
    assert task["attachments"][0]["status"] == "DELETED"
    assert task["connectivity"] == "CONNECTED"
    app, side = task["containers"]
    assert (app["exitCode"], app["lastStatus"], app["imageDigest"]) == (7, "STOPPED", "sha256:1")
    assert (app["runtimeId"], side["runtimeId"]) == RUNTIME_IDS


def test_the_interface_follows_the_task() -> None:
    seen = {
        status.name: told(document(), Report(task_arn="t", last_status=status))["task"]["attachments"][0][
            "status"
        ]
        for status in STATUSES
    }
    assert seen == {
        "PROVISIONING": "PRECREATED",
        "PENDING": "ATTACHED",
        "ACTIVATING": "ATTACHED",
        "RUNNING": "ATTACHED",
        "DEACTIVATING": "ATTACHED",
        "STOPPING": "ATTACHED",
        "DEPROVISIONING": "DETACHING",
        "STOPPED": "DELETED",
    }


def test_why_the_user_stopped_it_stands() -> None:
    stopped = with_members(document(), desiredStatus="STOPPED", stopCode="UserInitiated", stoppedReason="me")
    task = told(stopped, honest_report(TaskStatus.STOPPED, 0))["task"]
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "me")


def test_a_container_that_never_started_has_no_runtime_id_and_no_exit_code() -> None:
    failed = Report(
        task_arn="t",
        last_status=TaskStatus.STOPPED,
        containers=(
            ContainerReport(
                name="app",
                last_status=ContainerStatus.STOPPED,
                reason="CannotPullContainerError: " + "x" * 2000,
            ),
        ),
        stop_code=StopCode.TASK_FAILED_TO_START,
        stopped_reason="y" * 2000,
    )
    task = told(document(), failed)["task"]
    app = task["containers"][0]
    assert "runtimeId" not in app
    assert "exitCode" not in app
    assert len(app["reason"]) == len(task["stoppedReason"]) == 1024
    assert task["stoppedAt"] == 1.0


def test_placing_shows_the_interface_everywhere() -> None:
    details = {"subnetId": "s", "networkInterfaceId": "eni-1", "privateIPv4Address": "10.0.0.5"}
    after = with_interface(document(), host="h", zone="z", eni="eni-1", details=details)
    task = after["task"]
    assert (after["host"], after["eni"], task["availabilityZone"]) == ("h", "eni-1", "z")
    assert task["attachments"][0]["details"] == [
        {"name": name, "value": value} for name, value in details.items()
    ]
    assert [one["networkInterfaces"] for one in task["containers"]] == [
        [{"attachmentId": "a", "privateIpv4Address": "10.0.0.5"}]
    ] * 2


def test_a_task_that_never_was_on_a_host_ends_at_once() -> None:
    task = ended_unstarted(document(), at_s=5.0, code=StopCode.TASK_FAILED_TO_START, reason="no")["task"]
    assert (task["lastStatus"], task["desiredStatus"]) == ("STOPPED", "STOPPED")
    assert (task["stopCode"], task["stoppedReason"], task["stoppedAt"]) == ("TaskFailedToStart", "no", 5.0)
    assert {one["lastStatus"] for one in task["containers"]} == {"STOPPED"}
    assert task["attachments"][0]["status"] == "DELETED"


def checked(*codes: int, since: int = 0, status: HealthStatus = HealthStatus.HEALTHY) -> HealthReport:
    """So many checks, the first `since` seconds after START."""
    results = tuple(
        HealthResult(started_at=at(since + n), ended_at=at(since + n), exit_code=code, output=f"said {code}")
        for n, code in enumerate(codes)
    )
    return HealthReport(since=at(since), status=status, results=results)


def health_report(*, essential: bool = True, restarts: int | None = None, **checks: HealthReport) -> Report:
    containers = tuple(
        ContainerReport(
            name=name,
            last_status=ContainerStatus.RUNNING,
            essential=essential or name == "app",
            health=checks.get(name),
            restart_count=restarts,
        )
        for name in ("app", "side")
    )
    return Report(task_arn="t", last_status=TaskStatus.RUNNING, containers=containers)


def test_health_is_shown_of_each_container_and_of_the_task() -> None:
    both = told(document(), health_report(app=checked(0), side=checked(1, status=HealthStatus.UNHEALTHY)))
    assert [c["healthStatus"] for c in both["task"]["containers"]] == ["HEALTHY", "UNHEALTHY"]
    assert both["task"]["healthStatus"] == "UNHEALTHY"
    one = told(
        document(),
        health_report(app=checked(0), side=checked(1, status=HealthStatus.UNHEALTHY), essential=False),
    )
    assert one["task"]["healthStatus"] == "HEALTHY"


def test_the_last_checks_are_kept_beside_the_task() -> None:
    after = told(document(), health_report(app=checked(0, 1)))
    assert [(r["exitCode"], r["output"]) for r in after["health"]["app"]["results"]] == [
        (0, "said 0"),
        (1, "said 1"),
    ]
    assert "said" not in str(after["task"])


def test_of_two_reports_on_health_the_later_check_wins() -> None:
    early = health_report(app=checked(0))
    late = health_report(app=checked(1, since=9, status=HealthStatus.UNHEALTHY))
    ends = [told(told(document(), one), other) for one, other in ((early, late), (late, early))]
    assert ends == [ends[0]] * 2
    assert ends[0]["task"]["containers"][0]["healthStatus"] == "UNHEALTHY"


def test_a_check_that_says_the_same_is_no_change_of_the_task_and_written_now_and_then() -> None:
    first = told(document(), health_report(app=checked(0)))
    assert told(first, health_report(app=checked(0, 0))) is first
    later = told(first, health_report(app=checked(*[0] * 62)))
    assert later["health"] != first["health"]
    assert later["task"] == first["task"]


def test_restarts_are_counted_beside_the_task() -> None:
    twice = told(told(document(), health_report(restarts=2)), health_report(restarts=1))
    assert twice["restartCounts"] == {"app": 2, "side": 2}

"""A container's health check, what came of it, and what that says of the task.

Docker's rules, which Fargate follows: a check fails by any exit code but 0 or by taking too long; so many
failures in a row make a container UNHEALTHY, none of them counted in the start period before the first
success. Times are aware UTC datetimes.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

RESULTS_KEPT = 5
OUTPUT_MAX_BYTES = 4096  # of one result; Docker's bound too
REFRESH_S = 60.0  # how long results that say nothing new are not written: a write wakes all who follow a task


class HealthStatus(StrEnum):
    """`healthStatus` of a container or task; may change either way."""

    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"
    UNKNOWN = "UNKNOWN"


class HealthCheck(msgspec.Struct, frozen=True, kw_only=True):
    """How a container is asked whether it is well."""

    command: tuple[str, ...]  # the whole of it, with the shell where one is asked for
    interval_s: int = 30
    timeout_s: int = 5
    retries: int = 3
    start_period_s: int = 0


class HealthResult(msgspec.Struct, frozen=True, kw_only=True):
    """One check; no exit code when it took too long or could not be run."""

    started_at: datetime
    ended_at: datetime
    exit_code: int | None
    output: str = ""


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks of a container say, and the last of them, oldest first."""

    since: datetime  # when it took this status
    status: HealthStatus = HealthStatus.UNKNOWN
    failures: int = 0  # counted ones in a row
    results: tuple[HealthResult, ...] = ()


def health_of_task(essential: Iterable[HealthStatus]) -> HealthStatus:
    """Of a task whose essential containers are so; the others never count."""
    found = set(essential)
    for status in (HealthStatus.UNHEALTHY, HealthStatus.UNKNOWN):
        if status in found:
            return status
    return HealthStatus.HEALTHY if found else HealthStatus.UNKNOWN


def render_health(report: HealthReport) -> dict[str, Any]:
    """As it is kept for an operator beside a task's document; times in epoch seconds."""
    return {
        "status": report.status.value,
        "since": report.since.timestamp(),
        "failures": report.failures,
        "results": [
            {
                "startedAt": result.started_at.timestamp(),
                "endedAt": result.ended_at.timestamp(),
                "exitCode": result.exit_code,
                "output": result.output,
            }
            for result in report.results
        ],
    }


def is_older(report: HealthReport, kept: dict[str, Any] | None) -> bool:
    """Whether what is kept says more than this report."""
    return kept is not None and _told_at(render_health(report)) < _told_at(kept)


def is_news(report: HealthReport, kept: dict[str, Any] | None) -> bool:
    """Whether the report is worth being kept instead: it says something else, or the same a while later."""
    if kept is None:
        return True
    fresh = render_health(report)
    if _told_at(fresh) <= _told_at(kept):
        return False
    return _without_times(fresh) != _without_times(kept) or _told_at(fresh) - _told_at(kept) >= REFRESH_S


def _told_at(shown: dict[str, Any]) -> float:
    times: list[float] = [shown["since"], *(result["endedAt"] for result in shown["results"])]
    return max(times)


def _without_times(shown: dict[str, Any]) -> tuple[Any, ...]:
    """Status, failures and the last answer: five equal ones say no more than one."""
    last = shown["results"][-1:]
    return shown["status"], shown["failures"], [(each["exitCode"], each["output"]) for each in last]

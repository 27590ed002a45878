"""When a container's health is asked for next, and what an answer makes of its status."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from bastide.model.assignment import Container
from bastide.model.container.health import RESULTS_KEPT, HealthCheck, HealthReport, HealthResult, HealthStatus
from bastide.model.task_state import ContainerMemory
from bastide.plan.lifecycle.steps import SeenProbe


def remember_health(container: Container, memory: ContainerMemory, probe: SeenProbe) -> ContainerMemory:
    """Take down what a check of this run has found out, once."""
    check, started_at = container.health_check, memory.run_started_at
    if check is None or started_at is None or memory.stopped_at is not None:
        return memory
    health = memory.health or HealthReport(since=started_at)
    result = probe.result
    if result is not None and probe.run == memory.restarts and _is_news(result, health):
        health = _judged(check, health, result, started_at=started_at)
    return memory if health == memory.health else replace(memory, health=health)


def next_probe_at(container: Container, memory: ContainerMemory, probe: SeenProbe) -> datetime | None:
    """An interval after the start, or after the end of the last check; None: now none is to begin."""
    if container.health_check is None or memory.run_started_at is None or memory.stopped_at is not None:
        return None
    if probe.is_running and probe.run == memory.restarts:
        return None
    last = memory.run_started_at
    if memory.health is not None and memory.health.results:
        last = max(last, memory.health.results[-1].ended_at)
    return last + timedelta(seconds=container.health_check.interval_s)


def _is_news(result: HealthResult, health: HealthReport) -> bool:
    return not health.results or result.started_at > health.results[-1].started_at


def _judged(
    check: HealthCheck, health: HealthReport, result: HealthResult, *, started_at: datetime
) -> HealthReport:
    results = (*health.results, result)[-RESULTS_KEPT:]
    if result.exit_code == 0:
        status, failures = HealthStatus.HEALTHY, 0
    else:
        grace_s = timedelta(seconds=check.start_period_s)
        is_excused = health.status is HealthStatus.UNKNOWN and result.started_at - started_at < grace_s
        failures = health.failures + (0 if is_excused else 1)
        status = HealthStatus.UNHEALTHY if failures >= check.retries else health.status
    since = health.since if status is health.status else result.ended_at
    return HealthReport(since=since, status=status, failures=failures, results=results)

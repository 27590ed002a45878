"""What the server counts of itself, as Prometheus reads it.

Requests are counted as they go by; what is read from elsewhere (tasks, agents) is asked for when somebody
looks. Names of operations come from the models alone, so that no caller can invent a label.
"""

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LATENCY_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """Counters and gauges of one server; used on the event loop."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "bastide_api_requests",
            "Requests answered, by the error code they were answered with (OK: none).",
            ("service", "operation", "code"),
            registry=self._registry,
        )
        self._latency = Histogram(
            "bastide_api_request_seconds",
            "Time from the whole request to its answer.",
            ("service", "operation"),
            buckets=LATENCY_BUCKETS_S,
            registry=self._registry,
        )
        self._tasks = Gauge(
            "bastide_tasks", "Tasks in the store, by last status.", ("status",), registry=self._registry
        )
        self._agents = Gauge(
            "bastide_agents_connected", "Agents with an open session.", registry=self._registry
        )
        self._commits = Gauge(
            "bastide_store_commits", "Batches of writes committed since start.", registry=self._registry
        )
        self._writes = Gauge("bastide_store_writes", "Writes in those batches.", registry=self._registry)
        # labels() costs more than counting: what it gives is kept.
        self._counters: dict[tuple[str, str, str], Any] = {}
        self._histograms: dict[tuple[str, str], Any] = {}

    def count_request(self, service: str, operation: str, code: str, elapsed_s: float) -> None:
        """One request was answered."""
        key = (service, operation, code)
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = self._requests.labels(*key)
        histogram = self._histograms.get(key[:2])
        if histogram is None:
            histogram = self._histograms[key[:2]] = self._latency.labels(service, operation)
        counter.inc()
        histogram.observe(elapsed_s)

    def set_store(self, *, commits: int, writes: int) -> None:
        """What the store has written since start."""
        self._commits.set(commits)
        self._writes.set(writes)

    def set_tasks(self, tasks: Mapping[str, int], *, agents: int) -> None:
        """Tasks by last status, and open sessions, as they are now."""
        self._tasks.clear()
        for status, count in tasks.items():
            self._tasks.labels(status).set(count)
        self._agents.set(agents)

    def render(self) -> bytes:
        """Everything as text."""
        return generate_latest(self._registry)

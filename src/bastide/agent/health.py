"""Health checks under way: begun by a task's pass, which goes on meanwhile, and seen by a later one.

Owns at most one check a container at any time and what the last one of its present run said. Lost with the
agent: the next one checks again. Used from the agent's event loop only.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from bastide.host.ports import ExecResult, Runtime
from bastide.model.assignment import Assignment, Container
from bastide.model.container.health import OUTPUT_MAX_BYTES, HealthCheck, HealthResult
from bastide.model.container.runs import run_id
from bastide.model.faults import Conflict, Fault, NotFound, Unavailable
from bastide.plan.lifecycle import SeenProbe

log = logging.getLogger(__name__)

EXEC_ID = "health"
RETRY_S = 1.0  # after a check that containerd could not begin: it says nothing of the container


class Probes:
    """Of every task of this host; `on_change` hears the task's id whenever a check has ended."""

    def __init__(self, runtime: Runtime) -> None:
        self.on_change: Callable[[str], None] = lambda task_id: None
        self._runtime = runtime
        self._running: dict[str, tuple[int, asyncio.Task[None]]] = {}
        self._results: dict[str, tuple[int, HealthResult]] = {}

    def read(self, spec: Assignment) -> dict[str, SeenProbe]:
        """What is under way and what was found out, by the container's name."""
        return {c.name: self._see(c.runtime_id) for c in spec.containers if c.health_check is not None}

    def begin(self, spec: Assignment, container: Container, run: int) -> None:
        """Start a check of this run; nothing while one is under way."""
        key, check = container.runtime_id, container.health_check
        before = self._running.get(key)
        if check is None or (before is not None and before[0] == run):
            return
        earlier = None if before is None else before[1]
        work = self._check(spec.task_id, container, check, run, earlier)
        self._running[key] = (run, asyncio.create_task(work))

    def cancel(self, task_id: str) -> None:
        """The task is being torn down: nothing is asked of it any more."""
        for key in [key for key in self._running if key.startswith(task_id)]:
            self._running[key][1].cancel()
        self._results = {key: kept for key, kept in self._results.items() if not key.startswith(task_id)}

    def cancel_all(self) -> None:
        """The agent ends."""
        for _, work in self._running.values():
            work.cancel()

    def _see(self, key: str) -> SeenProbe:
        run, result = self._results.get(key, (0, None))
        if key in self._running:
            now_run = self._running[key][0]
            return SeenProbe(now_run, is_running=True, result=result if run == now_run else None)
        return SeenProbe(run, result=result)

    async def _check(
        self,
        task_id: str,
        container: Container,
        check: HealthCheck,
        run: int,
        earlier: asyncio.Task[None] | None,
    ) -> None:
        key = container.runtime_id
        try:
            if earlier is not None:
                earlier.cancel()
                await asyncio.wait([earlier])
            result = await self._ask(run_id(key, run), check)
            if result is not None:
                self._results[key] = (run, result)
        finally:
            if self._running.get(key, (None, None))[1] is asyncio.current_task():
                del self._running[key]
        self.on_change(task_id)

    async def _ask(self, container_id: str, check: HealthCheck) -> HealthResult | None:
        began_at = datetime.now(UTC)
        try:
            answer = await self._runtime.exec(
                container_id,
                EXEC_ID,
                check.command,
                timeout_s=float(check.timeout_s),
                output_max=OUTPUT_MAX_BYTES,
            )
        except (NotFound, Conflict, Unavailable, OSError) as error:
            log.info("health not asked for", extra={"container": container_id, "why": str(error)})
            await asyncio.sleep(RETRY_S)
            return None
        except Fault as fault:
            return HealthResult(
                started_at=began_at, ended_at=datetime.now(UTC), exit_code=None, output=str(fault)
            )
        return HealthResult(
            started_at=began_at,
            ended_at=datetime.now(UTC),
            exit_code=answer.exit_code,
            output=_text(answer, check),
        )


def _text(answer: ExecResult, check: HealthCheck) -> str:
    text = answer.output.decode(errors="replace")
    if answer.exit_code is None:
        text = f"Health check exceeded timeout ({check.timeout_s}s)\n{text}"
    return text.encode()[:OUTPUT_MAX_BYTES].decode(errors="ignore")

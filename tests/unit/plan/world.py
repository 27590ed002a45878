"""A small world for a task's life: a host that does what steps say, and on which things end by themselves."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from bastide.model.assignment import Assignment
from bastide.model.container.health import HealthResult
from bastide.model.status import Process, TaskStatus
from bastide.model.task_state import TaskState
from bastide.plan.lifecycle import (
    CreateContainer,
    Kill,
    LimitCpu,
    Probe,
    RemoveContainer,
    Seen,
    SeenContainer,
    SeenProbe,
    StartContainer,
    StartSandbox,
    Step,
    TearDown,
    finish_task,
    plan_task,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """One task on one host; a look is one pass of its agent."""

    def __init__(self, spec: Assignment) -> None:
        self.spec = spec
        self.state = TaskState(boot_id="now")
        self.now = NOW
        self.boot_id = "now"
        self.sandbox: Process | None = None
        self.containers: dict[str, SeenContainer] = {}
        self.probes: dict[str, SeenProbe] = {}
        self.health: dict[str, int | None] = {}
        self.has_network = True
        self.oom_kills = 0
        self.excess: frozenset[str] = frozenset()
        self.again_s: float | None = None
        self.trace: list[TaskStatus] = []
        self.steps: list[Step] = []

    def seen(self) -> Seen:
        return Seen(
            boot_id=self.boot_id,
            sandbox=self.sandbox,
            containers={name: self._sight(name) for name in self.containers},
            probes=dict(self.probes),
            has_network=self.has_network,
            oom_kills=self.oom_kills,
            excess=self.excess,
        )

    def _sight(self, name: str) -> SeenContainer:
        """An agent asks for the run that is wanted; what is there may still be the one before."""
        wanted = self.state.container(name).restarts
        return self.containers[name] if self.containers[name].run == wanted else SeenContainer(run=wanted)

    def look(self, *, crash_after: int | None = None) -> bool:
        """One pass, cut short after `crash_after` steps; whether anything was done or remembered."""
        before = self.state
        plan = plan_task(self.spec, self.state, self.seen(), self.now)
        self.state = plan.state
        self.trace.append(self.state.status)
        for number, step in enumerate(plan.steps):
            if crash_after is not None and number >= crash_after:
                self.probes = {}  # what an agent has under way dies with it
                break
            self.do(step)
        self.again_s = plan.again_s
        return bool(plan.steps) or self.state != before

    def do(self, step: Step) -> None:
        self.steps.append(step)
        match step:
            case StartSandbox():
                self.sandbox = Process.RUNNING
            case RemoveContainer(name):
                self.containers.pop(name, None)
            case CreateContainer(name):
                assert name not in self.containers, "two runs of one container at once"
                run = self.state.container(name).restarts
                self.containers[name] = SeenContainer(Process.CREATED, run=run)
            case StartContainer(name) if self.containers[name].process is Process.CREATED:
                self.containers[name] = SeenContainer(Process.RUNNING, run=self.containers[name].run)
            case Probe(name):
                self.probes[name] = SeenProbe(self.state.container(name).restarts, is_running=True)
            case LimitCpu():
                self.state = replace(self.state, has_cpu_quota=True)
            case Kill(name):
                self.end(name, 137)
            case TearDown():
                self.sandbox, self.containers, self.probes = None, {}, {}
                self.state = finish_task(self.state, self.now)

    def end(self, name: str, code: int) -> None:
        seen = self.containers.get(name, SeenContainer())
        if seen.process is Process.RUNNING:
            self.containers[name] = SeenContainer(Process.STOPPED, code, run=seen.run, exited_at=self.now)

    def answer(self, name: str, code: int | None) -> None:
        """The health check under way ends."""
        probe = self.probes.get(name, SeenProbe())
        if probe.is_running:
            result = HealthResult(started_at=self.now, ended_at=self.now, exit_code=code)
            self.probes[name] = SeenProbe(probe.run, result=result)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def settle(self) -> None:
        """Looks until nothing is done or remembered any more; time goes on where a plan waits.

        Health checks under way are answered as `health` says, well if it says nothing.
        """
        for _ in range(400):
            if self.look():
                continue
            if self.is_settled():
                return
            for name, probe in list(self.probes.items()):
                if probe.is_running:
                    self.answer(name, self.health.get(name, 0))
            self.wait(self.again_s or 0)
        raise AssertionError(f"never settles: {self.state}")

    def is_settled(self) -> bool:
        return self.state.status in (TaskStatus.RUNNING, TaskStatus.STOPPED)

    @property
    def status(self) -> TaskStatus:
        return self.state.status

    def starts(self) -> list[str]:
        return [step.name for step in self.steps if isinstance(step, StartContainer)]

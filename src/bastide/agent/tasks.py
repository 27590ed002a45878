"""Makes each task assigned to this host what its assignment says: observe, plan, act, report.

Owns which tasks there are and when one is looked at; what happens next is `plan/lifecycle`, how it is done
is `agent/steps`. All recovery is the same pass: at start every task that has a folder, or has left anything
on the host, is woken. A task without a folder is torn down.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

from msgspec.structs import replace

from bastide.agent.folders import UNKNOWN_BOOT, TaskFolders
from bastide.agent.limits import Limits
from bastide.agent.output.logs import Logs
from bastide.agent.preparation import StepFailed
from bastide.agent.steps import Steps
from bastide.host.ports import ContainerState
from bastide.loop import Loop
from bastide.model.assignment import Assignment, Report
from bastide.model.container.runs import run_id
from bastide.model.faults import Fault, InUse, Unavailable
from bastide.model.status import DesiredStatus, Process, TaskStatus
from bastide.model.task_state import TaskState
from bastide.plan.lifecycle import (
    SANDBOX_DIED,
    CreateContainer,
    Plan,
    Seen,
    SeenContainer,
    StartContainer,
    Step,
    TearDown,
    fail_task,
    finish_task,
    plan_blind,
    plan_task,
)
from bastide.plan.report import report_task

log = logging.getLogger(__name__)

WORKERS = 64  # tasks looked at at once; a pass mostly waits for containerd
RETRY_S = 1.0
FORGET_RETRY_S = 0.5


class Tasks:
    """Every task of this host; used from the agent's event loop only."""

    def __init__(
        self,
        steps: Steps,
        folders: TaskFolders,
        logs: Logs,
        *,
        limits: Limits,
        boot_id: str,
        report: Callable[[Report], None],
    ) -> None:
        self._steps = steps
        self._folders = folders
        self._logs = logs
        self._limits = limits
        self._boot_id = boot_id
        self._report = report
        self._specs: dict[str, Assignment] = {}
        self._states: dict[str, TaskState] = {}
        self._released: set[str] = set()
        self._untidy: set[str] = set()  # taken down by force: containerd may remember them
        self._loop: Loop[str] = Loop(self.reconcile, workers=WORKERS)
        steps.probes.on_change = self.wake
        steps.endpoint.find = self.find_at

    def adopt(self) -> None:
        """Take up what an earlier agent left: its folders and its containers' pipes."""
        for task_id in self._folders.read_ids():
            spec = self._folders.read_spec(task_id)
            if spec is None:
                continue  # no assignment was ever whole: torn down below as a leftover
            self._specs[task_id] = spec
            self._states[task_id] = self._folders.read_state(task_id)
            self._steps.adopt_output(spec, self._states[task_id])
            self._limits.follow(spec, self._states[task_id])
            self._steps.services.follow(spec, self._states[task_id])
            self._loop.wake(task_id)

    def arns(self) -> dict[str, str]:
        """The ARN of each task of this host, by its id."""
        return {task_id: spec.task_arn for task_id, spec in self._specs.items()}

    async def wake_leftovers(self) -> None:
        """Look at whatever this host holds for a task that has no assignment, or for no task at all."""
        await self._steps.remove_unused()
        for task_id in await self._steps.read_task_ids() | set(self._folders.read_ids()):
            if task_id not in self._specs:
                self._loop.wake(task_id)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            await self._loop.run()
        finally:
            self._steps.probes.cancel_all()

    def wake(self, task_id: str) -> None:
        """Something about the task may have changed."""
        self._loop.wake(task_id)

    def wake_all(self) -> None:
        """Anything may have changed."""
        for task_id in self._specs:
            self._loop.wake(task_id)

    def find_run(self, task_id: str, container: str) -> str | None:
        """What containerd calls the run of a container that is there now; None when there is none."""
        spec, state = self._specs.get(task_id), self._states.get(task_id)
        if spec is None or state is None or state.status is not TaskStatus.RUNNING:
            return None
        named = (each.runtime_id for each in spec.containers if each.name == container)
        first = next(named, None)
        return None if first is None else run_id(first, max(0, state.container(container).restarts))

    def find_at(self, vpc_id: str, address: str) -> tuple[Assignment, TaskState] | None:
        """The task that has the address, and its memory; None when none has it now."""
        for task_id, spec in self._specs.items():
            if (spec.eni.vpc_id, spec.eni.private_ip) == (vpc_id, address):
                state = self._states[task_id]
                if state.status is not TaskStatus.STOPPED:
                    return spec, state
        return None

    def sync(self, task_ids: tuple[str, ...]) -> None:
        """The full set, each assigned before: whatever else is here goes; the server hears of the rest."""
        wanted = set(task_ids)
        for task_id in set(self._specs) - wanted:
            self.release(task_id)
        for task_id in wanted & set(self._states):
            self._report(report_task(self._specs[task_id], self._states[task_id]))

    def assign(self, spec: Assignment) -> None:
        """Take a new or changed assignment; an older version than the one held changes nothing."""
        held = self._specs.get(spec.task_id)
        if held is not None and held.version >= spec.version:
            return
        self._released.discard(spec.task_id)
        self._specs[spec.task_id] = spec
        self._folders.save_spec(spec)
        if held is None:
            # The server has seen this task on this host before, but nothing is left of it here: it is lost.
            is_new = spec.last_status <= TaskStatus.PROVISIONING
            boot_id = self._boot_id if is_new else UNKNOWN_BOOT
            credentials_id = str(uuid4()) if spec.identity.role_arn else ""
            self._remember(spec, TaskState(boot_id=boot_id, credentials_id=credentials_id))
        if spec.desired_status is DesiredStatus.STOPPED:
            self._steps.interrupt(spec.task_id)
        self._loop.wake(spec.task_id)

    def release(self, task_id: str) -> None:
        """The server is done with the task: remove what is left of it and forget it."""
        self._released.add(task_id)
        self._steps.interrupt(task_id)
        self._loop.wake(task_id)

    async def reconcile(self, task_id: str) -> float | None:
        """One look at one task; when to look again at the latest."""
        spec = self._specs.get(task_id)
        if spec is None or task_id in self._released:
            return await self._forget(task_id)
        state = self._states[task_id]
        try:
            seen = await self._observe(spec, state)
        except Unavailable as error:
            return await self._go_blind(spec, state, error)
        plan = plan_task(spec, state, seen, datetime.now(UTC))
        self._remember(spec, plan.state)
        for step in plan.steps:
            if not await self._act(spec, step):
                return RETRY_S
        return 0.0 if plan.steps else plan.again_s

    async def _go_blind(self, spec: Assignment, state: TaskState, error: Unavailable) -> float | None:
        log.warning("cannot see the task", extra={"task": spec.task_id, "why": str(error)})
        plan = plan_blind(spec, state, datetime.now(UTC), why=str(error))
        await self._endure(spec, plan)
        return plan.again_s

    async def _endure(self, spec: Assignment, plan: Plan) -> None:
        """Have patience; where it is over, take the task down with what the host still does."""
        self._remember(spec, plan.state)
        if plan.steps:
            await self._steps.tear_down(spec.task_id, is_forced=True)
            self._untidy.add(spec.task_id)
            self._remember(spec, finish_task(plan.state, datetime.now(UTC)))

    async def _observe(self, spec: Assignment, state: TaskState) -> Seen:
        if state.status is TaskStatus.STOPPED:
            return Seen(boot_id=self._boot_id)
        sandbox, *others = await self._steps.read_containers(spec, state)
        containers = {
            container.name: _sight(seen, run=state.container(container.name).restarts)
            for container, seen in zip(spec.containers, others, strict=True)
        }
        if any(
            sight.exit_code == SANDBOX_DIED and state.container(name).stopped_at is None
            for name, sight in containers.items()
        ):
            sandbox = await self._steps.read_sandbox(spec)  # its end may become known a moment after theirs
        is_up = sandbox is not None and sandbox.process is Process.RUNNING
        return Seen(
            boot_id=self._boot_id,
            sandbox=sandbox.process if sandbox else None,
            containers=containers,
            has_network=not is_up or state.started_at is None or await self._steps.has_network(spec),
            probes=self._steps.probes.read(spec),
            oom_kills=await self._steps.read_oom_kills(spec),
            excess=self._limits.excess(spec.task_id) | await self._steps.read_oom_victims(spec, state),
        )

    async def _act(self, spec: Assignment, step: Step) -> bool:
        """Run one step and remember what came of it; False: try again later."""
        state = self._states[spec.task_id]
        try:
            after = await self._steps.run(step, spec, state)
        except StepFailed as failed:
            if isinstance(step, CreateContainer | StartContainer) and not await self._has_sandbox(spec):
                return False  # nothing can be made in a sandbox that has just died: the next look sees that
            log.warning("step failed", extra={"task": spec.task_id, "why": failed.failure.why})
            self._remember(
                spec, fail_task(spec, self._states[spec.task_id], failed.failure, datetime.now(UTC))
            )
            return True
        except (InUse, Unavailable) as error:
            return await self._bear(spec, step, error)
        except (
            Exception
        ) as error:  # nothing a host says: a mistake of ours, and the task must not wait for ever
            log.exception("step failed", extra={"task": spec.task_id, "step": type(step).__name__})
            why = f"{type(step).__name__} failed by {type(error).__name__}: the agent's log has it"
            return await self._bear(spec, step, Unavailable("step", why=why))
        if isinstance(step, TearDown):
            after = finish_task(after, datetime.now(UTC))
        self._remember(spec, replace(after, troubled_since=None))
        return True

    async def _has_sandbox(self, spec: Assignment) -> bool:
        try:
            sandbox = await self._steps.read_sandbox(spec)
        except Unavailable:
            return False
        return sandbox is not None and sandbox.process is Process.RUNNING

    async def _bear(self, spec: Assignment, step: Step, error: Fault) -> bool:
        log.warning(
            "step put off", extra={"task": spec.task_id, "step": type(step).__name__, "why": str(error)}
        )
        plan = plan_blind(spec, self._states[spec.task_id], datetime.now(UTC), why=str(error))
        await self._endure(spec, plan)
        return False

    def _remember(self, spec: Assignment, state: TaskState) -> None:
        """Store first, tell second: what was said is never taken back."""
        if self._states.get(spec.task_id) == state:
            return
        self._folders.save_state(spec.task_id, state)
        self._states[spec.task_id] = state
        self._limits.follow(spec, state)
        self._steps.services.follow(spec, state)
        self._report(report_task(spec, state))

    async def _forget(self, task_id: str) -> float | None:
        is_stopped = self._states.get(task_id, TaskState(boot_id="")).status is TaskStatus.STOPPED
        if not is_stopped or task_id in self._untidy:
            await self._steps.tear_down(task_id)
            self._untidy.discard(task_id)
        if task_id in self._specs and task_id not in self._released:
            return 0.0  # a leftover that was assigned while it was being torn down: made anew
        if self._logs.unsent_bytes(task_id):
            return FORGET_RETRY_S
        self._logs.forget(task_id)
        self._limits.forget(task_id)
        self._folders.remove(task_id)
        self._specs.pop(task_id, None)
        self._states.pop(task_id, None)
        self._released.discard(task_id)
        return None


def _sight(state: ContainerState | None, *, run: int) -> SeenContainer:
    if state is None:
        return SeenContainer(run=run)
    return SeenContainer(state.process, state.exit_code, run=run, exited_at=state.exited_at)

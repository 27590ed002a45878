"""A container beyond its own limit of memory is killed: it alone, unless the task cannot do without it."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from bastide.model.assignment import Assignment
from bastide.model.status import Process
from bastide.plan.lifecycle.steps import Kill, Plan, Seen
from bastide.plan.lifecycle.stopping import KILL_AGAIN_S


def plan_kills(plan: Plan, spec: Assignment, seen: Seen, now: datetime) -> Plan:
    """With a SIGKILL for each container that is beyond its memory, sent again while it is seen to run."""
    state, steps, again_s = plan.state, list(plan.steps), plan.again_s
    for container in spec.containers:
        memory = state.container(container.name)
        if memory.over_memory_at is None or seen.container(container.name).process is not Process.RUNNING:
            continue
        if memory.killed_at is None or now >= memory.killed_at + timedelta(seconds=KILL_AGAIN_S):
            state = state.with_container(container.name, replace(memory, killed_at=now))
            steps.append(Kill(container.name))
        again_s = min(KILL_AGAIN_S, again_s or KILL_AGAIN_S)
    return replace(plan, state=state, steps=tuple(steps), again_s=again_s)

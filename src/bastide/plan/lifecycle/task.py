"""The next move of a task's life, whatever its state: what is seen is taken down, then up or down it goes."""

from datetime import datetime

from msgspec.structs import replace

from bastide.model.assignment import Assignment
from bastide.model.status import DesiredStatus, Process
from bastide.model.task_state import TaskState
from bastide.plan.lifecycle.dependencies import give_up
from bastide.plan.lifecycle.ends import reason_to_stop
from bastide.plan.lifecycle.kills import plan_kills
from bastide.plan.lifecycle.memory import remember
from bastide.plan.lifecycle.starting import plan_start
from bastide.plan.lifecycle.steps import Plan, Seen
from bastide.plan.lifecycle.stopping import plan_stop


def plan_task(spec: Assignment, state: TaskState, seen: Seen, now: datetime) -> Plan:
    """What to remember, what to do and when to look again."""
    state = remember(spec, state, seen, now)
    may_live = state.stop is None and spec.desired_status is DesiredStatus.RUNNING
    if may_live and seen.sandbox is Process.RUNNING:
        state = give_up(spec, state, seen, now)
    stop = state.stop or reason_to_stop(spec, state, seen)
    if stop is None:
        plan = plan_kills(plan_start(spec, state, seen, now), spec, seen, now)
    else:
        plan = plan_stop(spec, replace(state, stop=stop), seen, now)
    if plan.steps or plan.state.troubled_since is None:
        return plan
    return replace(plan, state=replace(plan.state, troubled_since=None))  # seen, and nothing is owed

"""What happens next to one task: pure, from (assignment, memory, what is observed, time).

Owns the order of a task's life. Status never goes back; a stop once decided stays; a plan applied to its
own outcome is empty. The agent stores `Plan.state` before it runs `Plan.steps`, so a crash between the two
repeats a step, and every step is repeatable.
"""

from bastide.plan.lifecycle.blind import PATIENCE_S, plan_blind
from bastide.plan.lifecycle.ends import Failure, fail_task, finish_task
from bastide.plan.lifecycle.memory import SANDBOX_DIED
from bastide.plan.lifecycle.steps import (
    AskToStop,
    CreateContainer,
    Kill,
    LimitCpu,
    Plan,
    Prepare,
    Probe,
    RemoveContainer,
    Seen,
    SeenContainer,
    SeenProbe,
    StartContainer,
    StartSandbox,
    Step,
    TearDown,
)
from bastide.plan.lifecycle.task import plan_task

__all__ = [
    "PATIENCE_S",
    "SANDBOX_DIED",
    "AskToStop",
    "CreateContainer",
    "Failure",
    "Kill",
    "LimitCpu",
    "Plan",
    "Prepare",
    "Probe",
    "RemoveContainer",
    "Seen",
    "SeenContainer",
    "SeenProbe",
    "StartContainer",
    "StartSandbox",
    "Step",
    "TearDown",
    "fail_task",
    "finish_task",
    "plan_blind",
    "plan_task",
]

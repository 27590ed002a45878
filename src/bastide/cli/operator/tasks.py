"""`bastide task list|show|retire|interrupt-spot`: tasks as their operator sees and treats them."""

import argparse
import json
from collections.abc import Iterable
from typing import Any

import msgspec

from bastide.cli.commands import Command, say, settings_parser
from bastide.cli.operator.client import ask
from bastide.cli.operator.text import render_task, render_task_list, render_time, short_id
from bastide.config import Settings
from bastide.model.messages.asked import (
    INTERRUPT_SPOT,
    LIST_TASKS,
    RETIRE_TASK,
    SHOW_TASK,
    RetirementAsked,
    TaskAsked,
    TasksAsked,
)


def task(settings: Settings, args: argparse.Namespace) -> int:
    """Do what the second word says."""
    answer, lines = args.act(settings, args)
    if args.json:
        say(json.dumps(msgspec.to_builtins(answer)))
        return 0
    for line in lines:
        say(line)
    return 0


def list_tasks(settings: Settings, args: argparse.Namespace) -> tuple[Any, Iterable[str]]:
    """A line a task."""
    found = ask(settings, LIST_TASKS, TasksAsked(cluster=args.cluster, with_stopped=args.all))
    return found, render_task_list(found.tasks) if found.tasks else ["No tasks."]


def show_task(settings: Settings, args: argparse.Namespace) -> tuple[Any, Iterable[str]]:
    """Everything there is to say of one task."""
    shown = ask(settings, SHOW_TASK, TaskAsked(args.task))
    return shown, render_task(msgspec.to_builtins(shown))


def retire_task(settings: Settings, args: argparse.Namespace) -> tuple[Any, Iterable[str]]:
    """Stop it once the notice is over."""
    shown = ask(settings, RETIRE_TASK, RetirementAsked(task=args.task, notice_s=args.notice))
    assert shown.retirement is not None, "a task that is to be retired says when"
    at = render_time(shown.retirement["retiresAt"])
    return shown, [f"The task {short_id(shown.task['taskArn'])} will be stopped at {at}."]


def interrupt_spot(settings: Settings, args: argparse.Namespace) -> tuple[Any, Iterable[str]]:
    """Stop signal now, two minutes, then the end."""
    shown = ask(settings, INTERRUPT_SPOT, TaskAsked(args.task))
    return shown, [f"The task {short_id(shown.task['taskArn'])} is being stopped, as when Spot takes back."]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(metavar="list|show|retire|interrupt-spot", required=True)
    settings = settings_parser(argparse.SUPPRESS)

    def add(name: str, act: Any, told: str) -> argparse.ArgumentParser:
        word = words.add_parser(name, parents=[settings], help=told, description=told)
        word.add_argument("--json", action="store_true", help="for programs")
        word.set_defaults(act=act)
        return word

    word = add("list", list_tasks, "the tasks there are")
    word.add_argument("--cluster", help="of this cluster alone: ARN or name")
    word.add_argument("--all", action="store_true", help="those that have stopped too")
    what = "the task's ARN, its id or the beginning of its id"
    add("show", show_task, "one task, its containers, health and events").add_argument("task", help=what)
    word = add("retire", retire_task, "stop a task after a notice, as for maintenance")
    word.add_argument("task", help=what)
    told = "how long; the account setting fargateTaskRetirementWaitPeriod unless given"
    word.add_argument("--notice", type=float, metavar="SECONDS", help=told)
    word = add("interrupt-spot", interrupt_spot, "take a FARGATE_SPOT task's capacity back")
    word.add_argument("task", help=what)


COMMANDS = (
    Command("task", "tasks: list, show, retire, interrupt-spot", task, _add_arguments, needs_root=False),
)

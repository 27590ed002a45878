"""`bastide events`: what happened to tasks, the last events and, with -f, whatever comes."""

import argparse
import json
import sys
import time
from typing import Any

from bastide.cli.commands import Command, say
from bastide.cli.operator.client import Cut, answers
from bastide.cli.operator.text import printable, render_containers, render_status, short_id
from bastide.config import Settings
from bastide.model.arn import last_of
from bastide.model.faults import Unavailable
from bastide.model.messages.asked import FOLLOW_EVENTS, EventsAsked

LAST = 200
COME_BACK_S = 0.3


def events(settings: Settings, args: argparse.Namespace) -> int:
    """Print them, each once; one who follows waits for a server that is away and goes on where he was."""
    place: int | None = None
    is_waiting = False
    while True:
        asked = EventsAsked(
            after=place, last=args.lines, is_followed=args.follow, task=args.task, cluster=args.cluster
        )
        try:
            for told in answers(settings, FOLLOW_EVENTS, asked):
                is_waiting = False
                if told.document is not None:
                    say(json.dumps(told.document) if args.json else render_event(told.document))
                place = told.place
            if not args.follow:
                return 0
        except Unavailable as error:
            if not args.follow or (place is None and not isinstance(error, Cut)):
                raise
            if not is_waiting:
                print("bastide: the server is away; waiting for it", file=sys.stderr, flush=True)
            is_waiting = True
        time.sleep(COME_BACK_S)


def render_event(event: dict[str, Any]) -> str:
    """One line: when, which task, its version and status, its containers', and why it stopped."""
    task = event["detail"]
    told = (
        task["updatedAt"],
        short_id(task["taskArn"]),
        f"{last_of(task['clusterArn'])} {last_of(task['taskDefinitionArn'])}",
        f"v{task['version']}",
        render_status(task),
        render_containers(task["containers"]),
        task.get("stoppedReason", ""),
    )
    return printable("  ".join(part for part in told if part))


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes")
    parser.add_argument("-n", "--lines", type=int, default=LAST, help=f"how many events back ({LAST})")
    parser.add_argument("--task", help="of this task alone: ARN, id or the beginning of an id")
    parser.add_argument("--cluster", help="of this cluster alone: ARN or name")
    parser.add_argument("--json", action="store_true", help="each as EventBridge's document, one a line")


COMMANDS = (Command("events", "show what happened to tasks", events, _add_arguments, needs_root=False),)

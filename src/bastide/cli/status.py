"""`bastide status`: the processes, how long they have been running, the tasks. Exit code 0 when all run."""

import argparse
from collections.abc import Mapping

from bastide.cli.commands import Command, say
from bastide.cli.processes.containerd import read_versions
from bastide.cli.processes.services import SERVICES, read_health
from bastide.config import Settings
from bastide.model.status import RuntimeClass

NOT_RUNNING = 3  # as service managers say


def status(settings: Settings, args: argparse.Namespace) -> int:
    """Look at each process and say what was seen."""
    say(f"instance {settings.instance}, API {settings.endpoint}, data in {settings.data_folder}\n")
    say(f"{'process':<12}{'state':<16}{'pid':>8}  {'uptime':<14}{'version'}")
    whole = True
    for service in SERVICES:
        running = service.find(settings)
        answers = service.answers(settings)
        if running is None:
            whole = whole and answers
            state = "running" if answers else "not running"  # started by a service file, then
            say(f"{service.name:<12}{state:<16}{'-':>8}  {'-':<14}-")
            continue
        whole = whole and answers
        state = "running" if answers else "does not answer"
        uptime = render_duration(running.uptime_s)
        say(f"{service.name:<12}{state:<16}{running.pid:>8}  {uptime:<14}{running.version}")
    version = read_versions(settings).get(settings.runtime, "of an unknown version")
    say(f"\nruntime: {settings.runtime} {version}, {render_kernel(settings.runtime)}")
    say(f"tasks: {read_tasks(settings)}")
    return 0 if whole else NOT_RUNNING


def render_kernel(runtime: RuntimeClass) -> str:
    """Whose kernel the tasks meet."""
    return "this machine's kernel is shared" if runtime.shares_kernel else "each task has a kernel of its own"


def read_tasks(settings: Settings) -> str:
    """How many tasks the server has, by last status; how many are on this host when it does not answer."""
    health = read_health(settings)
    if health is None:
        folder = settings.agent_folder / "tasks"
        held = len(list(folder.iterdir())) if folder.exists() else 0
        return f"{held} on this host; the server, which knows their status, does not answer"
    counts: Mapping[str, int] = health["tasks"]
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"


def render_duration(seconds: float) -> str:
    """3 d 4 h, 5 min 6 s: two units at most."""
    parts: list[str] = []
    rest = int(seconds)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        amount, rest = divmod(rest, size)
        if amount or (unit == "s" and not parts):
            parts.append(f"{amount} {unit}")
    return " ".join(parts[:2])


COMMANDS = (Command("status", "show processes and tasks", status),)

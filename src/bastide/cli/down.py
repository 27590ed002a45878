"""`bastide down` and `bastide reset`.

`down` ends the control plane: tasks go on without it, and are found again by the next `up`. `reset` takes
everything of the installation off this machine.
"""

import argparse
import asyncio
import shutil
import sys

from bastide.cli.commands import Command, tell
from bastide.cli.processes import folders
from bastide.cli.processes.accounts import ensure_account
from bastide.cli.processes.services import AGENT, CONTAINERD, SERVICES, check_started_by_us
from bastide.config import Settings
from bastide.model.faults import InUse


def down(settings: Settings, args: argparse.Namespace) -> int:
    """Stop the three processes, the last started first; before that all tasks, if asked."""
    with folders.locked(settings):
        check_started_by_us(settings)
        if args.stop_tasks:
            stop_tasks(settings)
        is_any = stop_processes(settings)
    tell("Bastide is down." if is_any else f"Nothing of {settings.instance} was running.")
    return 0


def stop_processes(settings: Settings) -> bool:
    """End what runs; whether anything did."""
    is_any = False
    for service in reversed(SERVICES):
        running = service.find(settings)
        if running is not None:
            is_any = True
            running.stop(grace_s=service.grace_s)
            tell(f"  {service.name:<11} stopped")
        folders.pid_file(settings, service.name).unlink(missing_ok=True)
    return is_any


def stop_tasks(settings: Settings) -> None:
    """Stop every task of every region, or of this host alone where a process that it takes is away."""
    from bastide.cli.processes import stopping  # all of the store, heavy

    if not settings.agent_folder.exists():
        return
    silent = [service.name for service in SERVICES if not service.answers(settings)]
    if not silent:
        stopping.stop_every_task(settings)
    if not stopping.is_any_left(settings):
        return
    from bastide.cli.processes.stopping_here import stop_tasks_here

    who = ", ".join(silent)
    tell(f"  not answering: {who}. Stopping the tasks of this host; the server hears of it when it is up.")
    if (running := AGENT.find(settings)) is not None:
        running.stop(grace_s=AGENT.grace_s)
    _ensure_containerd(settings)
    patience = stopping.Patience()
    asyncio.run(stop_tasks_here(settings, reason=stopping.REASON, wait=patience.wait))


def reset(settings: Settings, args: argparse.Namespace) -> int:
    """Remove tasks, data and everything else of the instance, after asking."""
    if not settings.data_folder.exists() and not settings.run_folder.exists():
        tell(f"There is nothing of {settings.instance} below {settings.data_root} and {settings.run_root}.")
        return 0
    if not args.yes and not _agreed(settings):
        tell("Nothing was removed.")
        return 1
    from bastide.cli.host import unmount_below

    with folders.locked(settings):
        check_started_by_us(settings)
        for service in SERVICES:
            running = service.find(settings)
            if running is not None and service is not CONTAINERD:
                running.stop(grace_s=service.grace_s)
        _remove_from_host(settings)
        stop_processes(settings)
        unmount_below(settings.data_folder, settings.run_folder)
        for folder in (settings.run_folder, settings.data_folder):
            if folder.exists():
                shutil.rmtree(folder)
        folders.lock_file(settings).unlink()
    tell(f"Everything of {settings.instance} was removed.")
    if settings.store_url:
        tell("Its database is not ours to drop; it still holds the old records.")
    return 0


def _remove_from_host(settings: Settings) -> None:
    """Containers and whatever else tasks hold on this host; containerd is started for it if need be."""
    from bastide.cli.host import remove_tasks

    if not settings.data_folder.exists() and CONTAINERD.find(settings) is None:
        return
    _ensure_containerd(settings)
    removed = asyncio.run(remove_tasks(settings))
    tell(f"  tasks removed from this host: {removed}")


def _ensure_containerd(settings: Settings) -> None:
    """One that answers: a dead one is started, one that hangs is started anew."""
    if CONTAINERD.answers(settings):
        return
    if (running := CONTAINERD.find(settings)) is not None:
        running.stop(grace_s=CONTAINERD.grace_s)
    account = ensure_account(settings.server_user)
    folders.prepare_folders(settings, account)
    CONTAINERD.start(settings, account)


def _agreed(settings: Settings) -> bool:
    if not sys.stdin.isatty():
        raise InUse("instance", why="`bastide reset` asks before it removes. Where nobody can answer: --yes")
    tell(f"This stops every task of {settings.instance} and removes all of it: {settings.data_folder}")
    return input("Type the name of the instance to go on: ").strip() == settings.instance


def _add_stop_tasks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stop-tasks", action="store_true", help="stop every task first")


def _add_yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")


COMMANDS = (
    Command("down", "stop the processes; tasks go on", down, _add_stop_tasks),
    Command("reset", "remove the installation and all its data", reset, _add_yes),
)

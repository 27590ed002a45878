"""`bastide down` and `bastide reset`.

`down` ends the control plane: tasks go on without it, and are found again by the next `up`. `reset` takes
everything of the installation off this machine.
"""

import argparse
import asyncio
import shutil
import sys
import time
from pathlib import Path

from bastide.cli.client import call_ecs
from bastide.cli.commands import Command, say
from bastide.cli.processes import folders
from bastide.cli.processes.accounts import ensure_account
from bastide.cli.processes.services import CONTAINERD, SERVER, SERVICES, reach
from bastide.config import Settings
from bastide.model.faults import InUse, Unavailable
from bastide.store import Record, Store, Txn

STOP_TIMEOUT_S = 180.0  # beyond Fargate's longest stopTimeout, 120 s
POLL_S = 0.5
REASON = "The installation was stopped: bastide down --stop-tasks"


def down(settings: Settings, args: argparse.Namespace) -> int:
    """Stop the three processes, the last started first; before that all tasks, if asked."""
    with folders.locked(settings):
        if args.stop_tasks:
            stop_tasks(settings)
        is_any = stop_processes(settings)
    say("Bastide is down." if is_any else f"Nothing of {settings.instance} was running.")
    return 0


def stop_processes(settings: Settings) -> bool:
    """End what runs; whether anything did."""
    is_any = False
    for service in reversed(SERVICES):
        running = service.find(settings)
        if running is not None:
            is_any = True
            running.stop(grace_s=service.grace_s)
            say(f"  {service.name:<11} stopped")
        folders.pid_file(settings, service.name).unlink(missing_ok=True)
    return is_any


def stop_tasks(settings: Settings) -> None:
    """Stop every task of every region through the API and wait until they have gone."""
    from bastide.api.keys import key_file, read_admin_key

    if SERVER.find(settings) is None:
        why = "The server must run to stop tasks. Type `bastide up`, then this again."
        raise Unavailable("server", why=why)
    key = read_admin_key(key_file(settings))
    tasks = asyncio.run(read_tasks(settings))
    for task in tasks:
        region = task.scope.partition("/")[2]
        asked = {"cluster": task.parent, "task": task.key, "reason": REASON}
        call_ecs(reach(settings), key, region, "StopTask", asked)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while tasks:
        say(f"  waiting for {len(tasks)} tasks to stop")
        time.sleep(POLL_S)
        if time.monotonic() > deadline:
            why = (
                f"{len(tasks)} tasks have not stopped within {STOP_TIMEOUT_S:g} s; see `bastide logs agent`."
            )
            raise InUse("task", tasks[0].key, why=why)
        tasks = asyncio.run(read_tasks(settings))


async def read_tasks(settings: Settings) -> list[Record]:
    """Every task that has not stopped, of all regions."""

    def find(txn: Txn) -> list[Record]:
        return [record for record in txn.find("task") if _last_status(record) != "STOPPED"]

    store = await Store.open(settings.database_url)
    try:
        return await store.view(find)
    finally:
        await store.close()


def reset(settings: Settings, args: argparse.Namespace) -> int:
    """Remove tasks, data and everything else of the instance, after asking."""
    if not args.yes and not _agreed(settings):
        say("Nothing was removed.")
        return 1
    with folders.locked(settings):
        for service in SERVICES:
            running = service.find(settings)
            if running is not None and service is not CONTAINERD:
                running.stop(grace_s=service.grace_s)
        _remove_from_host(settings)
        stop_processes(settings)
        _unmount_below(settings.data_folder)
        _unmount_below(settings.run_folder)
        for folder in (settings.run_folder, settings.data_folder):
            if folder.exists():
                shutil.rmtree(folder)
    say(f"Everything of {settings.instance} was removed.")
    if settings.store_url:
        say("Its database is not ours to drop; it still holds the old records.")
    return 0


def _last_status(record: Record) -> str:
    task = record.document.get("task", {})
    return str(task.get("lastStatus", ""))


def _remove_from_host(settings: Settings) -> None:
    """Containers and whatever else tasks hold on this host; containerd is started for it if need be."""
    from bastide.cli.host import remove_tasks

    if not settings.data_folder.exists() and CONTAINERD.find(settings) is None:
        return
    account = ensure_account(settings.server_user)
    folders.prepare_folders(settings, account)
    if CONTAINERD.find(settings) is None:
        CONTAINERD.start(settings, account)
    removed = asyncio.run(remove_tasks(settings))
    say(f"  {removed} tasks removed from this host")


def _unmount_below(folder: Path) -> None:
    """Let go of mounts in the folder, the innermost first; what a crash left there."""
    import subprocess

    lines = Path("/proc/self/mounts").read_text().splitlines()
    places = [line.split()[1].encode().decode("unicode_escape") for line in lines]
    for place in sorted((place for place in places if place.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "-l", place], check=False)


def _agreed(settings: Settings) -> bool:
    if not sys.stdin.isatty():
        raise InUse("instance", why="`bastide reset` asks before it removes. Where nobody can answer: --yes")
    say(f"This stops every task of {settings.instance} and removes all of it: {settings.data_folder}")
    return input("Type the name of the instance to go on: ").strip() == settings.instance


def _add_stop_tasks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stop-tasks", action="store_true", help="stop every task first")


def _add_yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")


COMMANDS = (
    Command("down", "stop the processes; tasks go on", down, _add_stop_tasks),
    Command("reset", "remove the installation and all its data", reset, _add_yes),
)

"""Stopping every task of this host when server or agent are away: an agent of our own does it.

Each task's memory is told to stop before that agent begins, so the decision holds whatever happens to us,
and the server hears of it as soon as it has a session with any agent again.
Preconditions: no agent of the instance runs, containerd does.
"""

import asyncio
import logging
from collections.abc import Callable

from msgspec.structs import replace

from bastide.agent.folders import TaskFolders
from bastide.agent.main import read_boot_id, run_agent
from bastide.cli.foreground import log_to
from bastide.cli.host import open_host
from bastide.cli.processes.folders import log_file
from bastide.config import Settings
from bastide.model.faults import InUse
from bastide.model.status import StopCode
from bastide.model.task_state import Stop

POLL_S = 0.2


async def stop_tasks_here(settings: Settings, *, reason: str, wait: Callable[[int], None]) -> None:
    """Stop them and return when nothing of them is left but what the server must hear.

    `wait` is called again and again with how many there are, and raises when it has waited enough.
    """
    folders = TaskFolders(settings.agent_folder / "tasks")
    for task_id in folders.read_live_ids():
        state = folders.read_state(task_id)
        if state.stop is None and state.boot_id == read_boot_id():  # of another boot: gone, and not by us
            stop = Stop(StopCode.USER_INITIATED, reason)
            folders.save_state(task_id, replace(state, stop=stop))
    log_to(logging.FileHandler(log_file(settings, "agent")), settings)
    async with open_host(settings) as host:
        working = asyncio.create_task(run_agent(settings, host))
        try:
            while live := folders.read_live_ids():
                wait(len(live))
                if working.done():
                    working.result()
                    raise InUse("task", why=f"Interrupted: {len(live)} tasks have not stopped.")
                await asyncio.sleep(POLL_S)
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

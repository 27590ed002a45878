"""A folder per task: what the agent must still know after a crash.

`spec.json` is the last assignment, `state.json` the memory, each replaced whole. A folder is made before
anything else of a task and removed after everything else, so whatever on the host has no folder is left over.
A file that cannot be read counts as a task of another boot: nothing of it is trusted.
"""

import logging
import shutil
from pathlib import Path
from typing import TypeVar

import msgspec

from bastide.files import replace_file
from bastide.model.arn import TASK_ID
from bastide.model.assignment import Assignment
from bastide.model.status import TaskStatus
from bastide.model.task_state import TaskState

log = logging.getLogger(__name__)

File = TypeVar("File", bound=msgspec.Struct)

UNKNOWN_BOOT = ""  # the boot id of a memory that was lost


class TaskFolders:
    """Every task this host knows; called from the agent's event loop only."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, task_id: str) -> Path:
        """Where the task's files are."""
        return self._root / task_id

    def read_ids(self) -> list[str]:
        """Ids of all tasks that have a folder."""
        return sorted(p.name for p in self._root.iterdir() if TASK_ID.fullmatch(p.name))

    def read_live_ids(self) -> list[str]:
        """Ids of tasks of which something may be left on this host."""
        return [one for one in self.read_ids() if self.read_state(one).status is not TaskStatus.STOPPED]

    def read_spec(self, task_id: str) -> Assignment | None:
        """The last assignment; None when there is none or it is unreadable."""
        return _read(self.path(task_id) / "spec.json", Assignment)

    def read_state(self, task_id: str) -> TaskState:
        """The memory; of an unknown boot when there is none or it is unreadable."""
        return _read(self.path(task_id) / "state.json", TaskState) or TaskState(boot_id=UNKNOWN_BOOT)

    def save_spec(self, spec: Assignment) -> None:
        """Make the folder if needed and replace the assignment."""
        self.path(spec.task_id).mkdir(mode=0o700, exist_ok=True)
        replace_file(self.path(spec.task_id) / "spec.json", msgspec.json.encode(spec))

    def save_state(self, task_id: str, state: TaskState) -> None:
        """Replace the memory. Preconditions: the folder exists."""
        replace_file(self.path(task_id) / "state.json", msgspec.json.encode(state))

    def remove(self, task_id: str) -> None:
        """Forget the task. Repeatable."""
        shutil.rmtree(self.path(task_id), ignore_errors=True)


def _read(path: Path, kind: type[File]) -> File | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.error(
            "unreadable task file, its task counts as lost", extra={"path": str(path), "why": str(error)}
        )
        return None

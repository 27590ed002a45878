"""What an operator can ask of the server: each question's name, what it is asked with, what its answers hold.

Both sides import it, the command and the server, so neither writes a name twice; what the server does about
them is in `api/operator`.
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from bastide.model.network import AnyPart

P = TypeVar("P", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Asked(Generic[P, R]):
    """One question."""

    name: str
    params: type[P]
    result: type[R]


class TasksAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Which tasks: of one cluster or all; with those that have stopped or without."""

    cluster: str | None = None
    with_stopped: bool = False


class TaskList(msgspec.Struct, frozen=True):
    """In AWS's shape, the newest last."""

    tasks: list[dict[str, Any]]


class TaskAsked(msgspec.Struct, frozen=True):
    """One task, by ARN, id or the beginning of an id."""

    task: str


class TaskShown(msgspec.Struct, frozen=True, kw_only=True):
    """One task whole: in AWS's shape, and beside it what AWS does not show."""

    task: dict[str, Any]
    tags: list[dict[str, str]]
    host: str | None  # None: none yet
    health: dict[str, Any]  # container → the last results of its health check, with their output
    pulls: dict[str, Any]  # container → how far its image's pull is; only while the task is PENDING
    restarts: dict[str, int]  # container → how often its restart policy has run it again
    retirement: dict[str, Any] | None  # None: it is not to be retired
    events: list[dict[str, Any]]  # those still kept, oldest first


class RetirementAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Which task, and after how long; None: as the account's setting says."""

    task: str
    notice_s: float | None = None


class EventsAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Which events: those after a place, or the last few; and whether to wait for more."""

    after: int | None = None  # the place of an earlier answer; None: begin with the last few
    last: int = 0
    is_followed: bool = False
    task: str | None = None
    cluster: str | None = None


class EventTold(msgspec.Struct, frozen=True):
    """One event and its place; the first answer has no event and tells where the asking begins."""

    place: int
    document: dict[str, Any] | None = None


class NetworkAsked(msgspec.Struct, frozen=True):
    """All of it."""


class NetworkShown(msgspec.Struct, frozen=True):
    """The parts of all VPCs, of every account and region."""

    parts: list[AnyPart]


class LoginAsked(msgspec.Struct, frozen=True, kw_only=True):
    """For a registry, as it stands before an image's path."""

    registry: str


class Login(msgspec.Struct, frozen=True):
    """What to say there."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.username!r})"


LIST_TASKS = Asked("list-tasks", TasksAsked, TaskList)
SHOW_TASK = Asked("show-task", TaskAsked, TaskShown)
RETIRE_TASK = Asked("retire-task", RetirementAsked, TaskShown)
INTERRUPT_SPOT = Asked("interrupt-spot", TaskAsked, TaskShown)
FOLLOW_EVENTS = Asked("events", EventsAsked, EventTold)
SHOW_NETWORK = Asked("show-network", NetworkAsked, NetworkShown)
LOG_IN = Asked("registry-login", LoginAsked, Login)

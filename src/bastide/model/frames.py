"""The session between an agent and the server: its messages and their bytes.

A frame is a message of `messages/framing` with a `type`, over a unix socket on one host, TCP with mTLS
between two. The agent opens the session and sends `Hello`; the server answers `Welcome`, every part of the
VPCs and one `NetworkSync`, an `Assign` for every task and one `Sync`, then deltas. A frame holds one task or
a bounded number of parts, so its bound is none on their number. PROTOCOL grows when a message changes.
"""

import msgspec

from bastide.model.assignment import Assignment, LogLine, LogTarget, Report
from bastide.model.faults import Invalid
from bastide.model.messages.exec import ExecDownward, ExecUpward
from bastide.model.messages.framing import Bodies, render_message
from bastide.model.messages.task_calls import TaskAnswer, TaskRequest
from bastide.model.network import AnyPart

PROTOCOL = 10


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag="hello"):
    """The agent's first words."""

    protocol: int
    host_id: str
    agent_version: str
    cpu_units: int
    memory_mib: int
    disk_mib: int


class Heartbeat(msgspec.Struct, frozen=True, tag="heartbeat"):
    """Either side is alive; the agent sends one every `Welcome.heartbeat_s`, the server echoes it."""

    sequence: int


class Reported(msgspec.Struct, frozen=True, tag="report"):
    """What became of a task."""

    report: Report


class LogBatch(msgspec.Struct, frozen=True, kw_only=True, tag="logs"):
    """Lines for one stream, oldest first; sent again until acknowledged, with the same sequence.

    `sequence` grows per (task_arn, container, source) - it is the agent's buffer offset behind the last
    line - and is kept beside the lines in the store, so that the server can drop what it already has.
    """

    task_arn: str
    container: str
    source: str  # stdout or stderr: two streams of bytes that end up in one log stream
    sequence: int
    target: LogTarget
    lines: tuple[LogLine, ...]


class SecretsRequest(msgspec.Struct, frozen=True, tag="secrets-request"):
    """The agent is about to make the task's containers and needs what the assignment only names."""

    task_arn: str


class SecretsAnswer(msgspec.Struct, frozen=True, kw_only=True, tag="secrets-answer"):
    """The whole environment of each container that names secrets or files, or why it cannot be had.

    The one message with values in it: kept in memory only, and shown nowhere.
    """

    task_arn: str
    environments: dict[str, dict[str, str]] = {}
    error: str | None = None

    def __repr__(self) -> str:
        return f"SecretsAnswer({self.task_arn!r})"


class Pulling(msgspec.Struct, frozen=True, kw_only=True, tag="pulling"):
    """How far the pull of a container's image is; only the last one counts, and losing one loses nothing."""

    task_arn: str
    container: str
    what: str  # download or unpack
    done_bytes: int
    total_bytes: int


class RegistryRequest(msgspec.Struct, frozen=True, tag="registry-request"):
    """The agent is about to pull a container's image from a registry that wants credentials."""

    task_arn: str
    container: str


class RegistryAnswer(msgspec.Struct, frozen=True, kw_only=True, tag="registry-answer"):
    """The credentials, none where the server knows of none, or why they cannot be had. Shown nowhere."""

    task_arn: str
    container: str
    username: str | None = None
    password: str = ""
    error: str | None = None

    def __repr__(self) -> str:
        return f"RegistryAnswer({self.task_arn!r}, {self.container!r})"


class Welcome(msgspec.Struct, frozen=True, kw_only=True, tag="welcome"):
    """The server takes the agent; what follows first are its tasks and a `Sync`."""

    protocol: int
    server_version: str
    heartbeat_s: float
    authority: str = ""  # what tasks are to trust that call the API inside their VPC, as PEM


class Refusal(msgspec.Struct, frozen=True, tag="refusal"):
    """The server does not take the agent, and why; it then closes."""

    why: str


class Sync(msgspec.Struct, frozen=True, tag="sync"):
    """Every task of this host that is not STOPPED, assigned before; whatever else the host has is to go."""

    task_ids: tuple[str, ...]


class Assign(msgspec.Struct, frozen=True, tag="assign"):
    """A task is new or changed."""

    assignment: Assignment


class Network(msgspec.Struct, frozen=True, kw_only=True, tag="network"):
    """Parts of VPCs that are new or changed, and ids of parts that are gone."""

    parts: tuple[AnyPart, ...] = ()
    gone: tuple[str, ...] = ()


class NetworkSync(msgspec.Struct, frozen=True, tag="network-sync"):
    """Every part there is, sent before; whatever else the host knows is gone."""

    part_ids: tuple[str, ...]


class Release(msgspec.Struct, frozen=True, tag="release"):
    """The task is STOPPED in the store (or unknown): the agent may forget it."""

    task_arn: str


class LogAck(msgspec.Struct, frozen=True, kw_only=True, tag="logs-ack"):
    """The batch is on disk, or was refused for good with `error` (the group does not exist, say)."""

    task_arn: str
    container: str
    source: str
    sequence: int
    error: str | None = None


Upward = (
    Hello
    | Heartbeat
    | Reported
    | LogBatch
    | SecretsRequest
    | RegistryRequest
    | TaskRequest
    | Pulling
    | ExecUpward
)
Downward = (
    Welcome
    | Refusal
    | Network
    | NetworkSync
    | Sync
    | Assign
    | Release
    | LogAck
    | SecretsAnswer
    | RegistryAnswer
    | TaskAnswer
    | Heartbeat
    | ExecDownward
)
Message = Upward | Downward

_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def render_frame(message: Message) -> bytes:
    """The message's bytes; raises Invalid when it is too large for a frame."""
    return render_message(message)


class FrameReader:
    """Turns the bytes of one direction back into messages."""

    def __init__(self) -> None:
        self._bodies = Bodies()

    def feed(self, data: bytes) -> list[Message]:
        """The messages completed by `data`; raises Invalid for bytes that are no frame."""
        return [_parse(body) for body in self._bodies.feed(data)]


def _parse(body: bytes) -> Message:
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Invalid("frame", why=f"not a message of protocol {PROTOCOL}: {error}") from error

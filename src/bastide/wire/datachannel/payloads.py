"""What is inside of messages: JSON under the names Session Manager's plugin and agent give it."""

from typing import TypeVar

import msgspec

from bastide.model.faults import Invalid
from bastide.wire.datachannel.messages import Message, MessageType

SESSION_TYPE = "InteractiveCommands"
AGENT_VERSION = "3.3.0.0"  # of the SSM agent whose words these are; clients compare it for port sessions only
SIZE_MAX = 65535  # struct winsize has 16 bits for each
SUCCESS = 1
AGENT_BYTES = 1024  # of a message's payload, as the SSM agent sends them: some clients have no room for more
LARGE_BYTES = 32 * 1024  # the plugin takes any; each message costs the same, however small

T = TypeVar("T")


class Opening(msgspec.Struct, frozen=True):
    """A client's first frame: text, all others are messages."""

    token: str = msgspec.field(name="TokenValue")
    client_id: str = msgspec.field(name="ClientId", default="")
    client_version: str = msgspec.field(name="ClientVersion", default="")

    @property
    def chunk_bytes(self) -> int:
        """How much a message to this client may hold: only the plugin (from 1.2.677) tells its version."""
        return LARGE_BYTES if self.client_version else AGENT_BYTES

    def __repr__(self) -> str:
        return f"Opening({self.client_id!r}, {self.client_version!r})"


class Acknowledgement(msgspec.Struct, frozen=True):
    """A message of a stream has arrived."""

    type: str = msgspec.field(name="AcknowledgedMessageType")
    id: str = msgspec.field(name="AcknowledgedMessageId")
    sequence: int = msgspec.field(name="AcknowledgedMessageSequenceNumber")
    is_sequential: bool = msgspec.field(name="IsSequentialMessage", default=True)


class Size(msgspec.Struct, frozen=True):
    """A terminal's."""

    columns: int = msgspec.field(name="cols")
    rows: int = msgspec.field(name="rows")


class ProcessedAction(msgspec.Struct, frozen=True):
    """What a client made of something it was asked for."""

    type: str = msgspec.field(name="ActionType", default="")
    status: int = msgspec.field(name="ActionStatus", default=0)
    error: str = msgspec.field(name="Error", default="")


class HandshakeResponse(msgspec.Struct, frozen=True):
    """A client's answer to the handshake."""

    client_version: str = msgspec.field(name="ClientVersion", default="")
    actions: tuple[ProcessedAction, ...] | None = msgspec.field(name="ProcessedClientActions", default=())

    @property
    def is_success(self) -> bool:
        """Whether the client does every one of its actions."""
        return all(action.status == SUCCESS for action in self.actions or ())


def parse_opening(text: str) -> Opening:
    """A client's first words; Invalid, without a word of what they were, for any others."""
    try:
        return msgspec.json.decode(text, type=Opening)
    except (msgspec.MsgspecError, UnicodeError):
        raise Invalid("message", why="the first frame does not open a data channel") from None


def parse_acknowledgement(payload: bytes) -> Acknowledgement:
    """Which message has arrived."""
    return _parsed(payload, Acknowledgement)


def parse_size(payload: bytes) -> Size:
    """A size within what a terminal can have."""
    size = _parsed(payload, Size)
    if not (0 <= size.columns <= SIZE_MAX and 0 <= size.rows <= SIZE_MAX):
        raise Invalid("message", why=f"{size.columns} by {size.rows} is no size of a terminal")
    return size


def parse_handshake_response(payload: bytes) -> HandshakeResponse:
    """What a client can do."""
    return _parsed(payload, HandshakeResponse)


def render_acknowledgement(message: Message) -> bytes:
    """That this message has arrived."""
    return msgspec.json.encode(Acknowledgement(message.type, str(message.id), message.sequence))


def render_handshake_request() -> bytes:
    """What a client is to do: be a terminal."""
    action = {
        "ActionType": "SessionType",
        "ActionParameters": {"SessionType": SESSION_TYPE, "Properties": {}},
    }
    return msgspec.json.encode({"AgentVersion": AGENT_VERSION, "RequestedClientActions": [action]})


def render_handshake_complete(*, took_s: float, text: str = "") -> bytes:
    """The end of the handshake; the client prints `text`."""
    return msgspec.json.encode({"HandshakeTimeToComplete": int(took_s * 1e9), "CustomerMessage": text})


def render_closed(*, message_id: str, created_ms: int, session_id: str, text: str) -> bytes:
    """The end of the session; the client prints `text`, or its plain last line where there is none."""
    return msgspec.json.encode(
        {
            "MessageId": message_id,
            "CreatedDate": str(created_ms),
            "DestinationId": session_id,
            "SessionId": session_id,
            "MessageType": MessageType.CLOSED.value,
            "SchemaVersion": 1,
            "Output": text,
        }
    )


def _parsed(payload: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Invalid("message", why=f"no {kind.__name__} can be read of it: {error}") from error

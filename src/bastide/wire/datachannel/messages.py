"""One message of the data channel and its bytes: a head of 120 bytes, then the payload.

All integers are big-endian. The layout is the SSM agent's (`AgentMessage`): offset 0 the head's length, 4
type, 36 schema version, 40 date, 48 sequence number, 56 flags, 64 id, 80 digest, 112 payload type, 116
payload length. A client takes everything behind the head as payload and rejects another digest.
"""

import hashlib
import struct
import uuid
from enum import IntEnum, IntFlag, StrEnum

import msgspec

from bastide.model.faults import Invalid

_HEAD = struct.Struct(">I32sIQqQ16s32sII")
_HEAD_LENGTH = _HEAD.size - 4  # where the payload's length stands
_SCHEMA_VERSION = 1


class MessageType(StrEnum):
    """What a message is; ASCII, padded with spaces."""

    INPUT = "input_stream_data"
    OUTPUT = "output_stream_data"
    ACKNOWLEDGE = "acknowledge"
    CLOSED = "channel_closed"
    START_PUBLICATION = "start_publication"
    PAUSE_PUBLICATION = "pause_publication"


class PayloadType(IntEnum):
    """What a payload is."""

    NONE = 0
    OUTPUT = 1  # a terminal's bytes, in both directions
    ERROR = 2
    SIZE = 3
    PARAMETER = 4
    HANDSHAKE_REQUEST = 5
    HANDSHAKE_RESPONSE = 6
    HANDSHAKE_COMPLETE = 7
    ENCRYPTION_CHALLENGE_REQUEST = 8
    ENCRYPTION_CHALLENGE_RESPONSE = 9
    FLAG = 10
    STDERR = 11
    EXIT_CODE = 12  # printed as text by the client: never sent in a session with a terminal


class Flags(IntFlag):
    """SYN begins a stream, FIN ends one; an acknowledgement is both."""

    NONE = 0
    SYN = 1
    FIN = 2


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One of either direction."""

    type: str
    sequence: int
    payload: bytes
    payload_type: int
    created_ms: int
    id: uuid.UUID
    flags: int = Flags.NONE


def render_message(message: Message) -> bytes:
    """The bytes of a message."""
    identity = message.id.bytes
    head = _HEAD.pack(
        _HEAD_LENGTH,
        message.type.encode("ascii").ljust(32),
        _SCHEMA_VERSION,
        message.created_ms,
        message.sequence,
        message.flags,
        identity[8:] + identity[:8],  # the halves swapped: as Java's long pairs were written first
        hashlib.sha256(message.payload).digest(),
        message.payload_type,
        len(message.payload),
    )
    return head + message.payload


def parse_message(data: bytes) -> Message:
    """What the bytes say; Invalid where they are no message, or a damaged one."""
    if len(data) < _HEAD.size:
        raise Invalid("message", why=f"{len(data)} bytes are less than a message's head")
    length, kind, _, created_ms, sequence, flags, identity, digest, payload_type, size = _HEAD.unpack_from(
        data
    )
    if length != _HEAD_LENGTH:
        raise Invalid("message", why=f"a head of {length} bytes is not known")
    try:
        name = kind.decode("ascii").strip(" \0")
    except UnicodeDecodeError as error:
        raise Invalid("message", why="the type is no text") from error
    payload = data[_HEAD.size :]
    if not name or not created_ms:
        raise Invalid("message", why="it has no type or no date")
    if size and hashlib.sha256(payload).digest() != digest:
        raise Invalid("message", why="the payload is not what its digest says")
    return Message(
        type=name,
        sequence=sequence,
        payload=payload,
        payload_type=payload_type,
        created_ms=created_ms,
        id=uuid.UUID(bytes=identity[8:] + identity[:8]),
        flags=flags,
    )

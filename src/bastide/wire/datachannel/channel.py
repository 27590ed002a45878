"""One exec session's end of the data channel: from bytes of a client to what they ask, and back.

HANDSHAKE → RUNNING → CLOSED. A client may leave and come back (`attach`): numbers go on, and what it did not
acknowledge is sent again. Everything is sans I/O: frames to send are returned, `now_s` is given. Only
terminal bytes are held back by a client that does not acknowledge: `room` says how many more may be sent.
"""

import uuid
from collections.abc import Callable
from enum import Enum, auto

import msgspec

from bastide.model.faults import Invalid
from bastide.wire.datachannel.incoming import Incoming
from bastide.wire.datachannel.messages import (
    Flags,
    Message,
    MessageType,
    PayloadType,
    parse_message,
    render_message,
)
from bastide.wire.datachannel.outgoing import Outgoing
from bastide.wire.datachannel.payloads import (
    AGENT_BYTES,
    parse_acknowledgement,
    parse_handshake_response,
    parse_size,
    render_acknowledgement,
    render_closed,
    render_handshake_complete,
    render_handshake_request,
)
from bastide.wire.datachannel.text import whole_characters

INPUT_HELD_BYTES = 256 * 1024  # a client that sends more before it is taken has to send it again


class State(Enum):
    """How far a session is."""

    HANDSHAKE = auto()
    RUNNING = auto()
    CLOSED = auto()


class Typed(msgspec.Struct, frozen=True):
    """Bytes for the program."""

    data: bytes


class Resized(msgspec.Struct, frozen=True):
    """The client's terminal has this size."""

    columns: int
    rows: int


class Opened(msgspec.Struct, frozen=True):
    """The handshake is over: the program may run."""


Event = Typed | Resized | Opened


class Channel:
    """One session, whatever sockets its client uses; used from one task."""

    def __init__(
        self, session_id: str, *, wall_ms: Callable[[], int], new_id: Callable[[], uuid.UUID] = uuid.uuid4
    ) -> None:
        self._session_id = session_id
        self._wall_ms = wall_ms
        self._new_id = new_id
        self._outgoing = Outgoing(self._make)
        self._incoming = Incoming()
        self._began_s: float | None = None
        self._half = b""  # the beginning of a character
        self._untaken_bytes = 0
        self.chunk_bytes = AGENT_BYTES
        self.state = State.HANDSHAKE

    @property
    def room(self) -> int:
        """How many bytes of output may be sent now."""
        return self._outgoing.room

    @property
    def is_acknowledged(self) -> bool:
        """Whether the client has everything."""
        return self._outgoing.due_at_s() is None

    def attach(self, *, chunk_bytes: int, now_s: float) -> list[bytes]:
        """A client is there, the first time or again, that takes so much in a message."""
        self.chunk_bytes = chunk_bytes
        if self._began_s is None:
            self._began_s = now_s
            request = render_handshake_request()
            return [self._next(request, PayloadType.HANDSHAKE_REQUEST, now_s)]
        return [render_message(message) for message in self._outgoing.all(now_s=now_s)]

    def receive(self, data: bytes, *, now_s: float) -> tuple[list[bytes], list[Event]]:
        """What a frame asks for: frames to send, and what to do. Raises Invalid for no message."""
        message = parse_message(data)
        if message.type == MessageType.ACKNOWLEDGE:
            self._outgoing.acknowledge(parse_acknowledgement(message.payload).sequence, now_s=now_s)
            return [], []
        if message.type != MessageType.INPUT:
            return [], []  # a client has no more to say, and a newer one may try
        if self._untaken_bytes + len(message.payload) > INPUT_HELD_BYTES:
            return [], []
        is_taken, ready = self._incoming.take(message)
        frames = [self._acknowledge(message)] if is_taken else []
        events: list[Event] = []
        for each in ready:
            more, event = self._understand(each, now_s)
            frames += more
            events += event
        return frames, events

    def taken(self, count: int) -> None:
        """The program's side has taken so many bytes of what was typed."""
        self._untaken_bytes -= count

    def send(self, data: bytes, *, now_s: float) -> list[bytes]:
        """Output for the client, cut into messages; a character that is not whole waits for its rest."""
        data = self._half + data
        end = whole_characters(data)
        data, self._half = data[:end], data[end:]
        return self._cut(data, now_s)

    def flush(self, *, now_s: float) -> list[bytes]:
        """What waited for the rest of a character that never came."""
        half, self._half = self._half, b""
        return self._cut(half, now_s)

    def due_at_s(self) -> float | None:
        """When to call `due`; None: there is no need."""
        return self._outgoing.due_at_s()

    def due(self, *, now_s: float) -> list[bytes]:
        """What is to be sent again."""
        return [render_message(message) for message in self._outgoing.due(now_s=now_s)]

    def close(self, text: str) -> list[bytes]:
        """The last frame; clients leave at once, so everything else is to be acknowledged before."""
        if self.state is State.CLOSED:
            return []
        self.state = State.CLOSED
        identity, created_ms = self._new_id(), self._wall_ms()
        payload = render_closed(
            message_id=str(identity), created_ms=created_ms, session_id=self._session_id, text=text
        )
        message = Message(
            type=MessageType.CLOSED,
            sequence=0,
            payload=payload,
            payload_type=PayloadType.NONE,
            created_ms=created_ms,
            id=identity,
        )
        return [render_message(message)]

    def _understand(self, message: Message, now_s: float) -> tuple[list[bytes], list[Event]]:
        match message.payload_type:
            case PayloadType.OUTPUT if self.state is State.RUNNING:
                self._untaken_bytes += len(message.payload)
                return [], [Typed(message.payload)]
            case PayloadType.SIZE:
                size = parse_size(message.payload)
                return [], [Resized(size.columns, size.rows)]
            case PayloadType.HANDSHAKE_RESPONSE if self.state is State.HANDSHAKE:
                if not parse_handshake_response(message.payload).is_success:
                    raise Invalid("message", why="the client does not do what a session needs")
                self.state = State.RUNNING
                complete = render_handshake_complete(took_s=now_s - (self._began_s or now_s))
                return [self._next(complete, PayloadType.HANDSHAKE_COMPLETE, now_s)], [Opened()]
        return [], []

    def _cut(self, data: bytes, now_s: float) -> list[bytes]:
        frames: list[bytes] = []
        while data:
            piece = data[: self.chunk_bytes]
            piece = piece[: whole_characters(piece)] if len(data) > len(piece) else piece
            frames.append(self._next(piece, PayloadType.OUTPUT, now_s))
            data = data[len(piece) :]
        return frames

    def _next(self, payload: bytes, payload_type: PayloadType, now_s: float) -> bytes:
        return render_message(self._outgoing.add(payload, payload_type, now_s=now_s))

    def _acknowledge(self, message: Message) -> bytes:
        return render_message(
            self._make(
                type=MessageType.ACKNOWLEDGE,
                sequence=0,
                payload=render_acknowledgement(message),
                payload_type=PayloadType.NONE,
                flags=Flags.SYN | Flags.FIN,
            )
        )

    def _make(
        self, *, type: MessageType, sequence: int, payload: bytes, payload_type: PayloadType, flags: Flags
    ) -> Message:
        return Message(
            type=type,
            sequence=sequence,
            payload=payload,
            payload_type=payload_type,
            created_ms=self._wall_ms(),
            id=self._new_id(),
            flags=flags,
        )

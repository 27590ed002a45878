"""A session that goes on: between a client's WebSocket and the agent of the task's host.

CONNECTED ⇄ DETACHED → DRAINING → over. One task (`run`) looks at it whenever something has happened or is
due; frames of the client, the agent's messages and a fresh socket only leave their mark. Everything that
waits is bounded: by the channel's window towards the client, by the agent's towards the host.
"""

import asyncio
import time
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from bastide.api.exec.socket import Socket
from bastide.api.exec.transcripts import Transcript
from bastide.model.messages.exec import (
    CHUNK_BYTES,
    WINDOW_BYTES,
    ExecBytes,
    ExecDownward,
    ExecEnded,
    ExecResize,
    ExecStart,
    ExecStop,
    ExecTaken,
    ExecUpward,
)
from bastide.wire.datachannel.channel import Channel, Opened, Resized, State, Typed

SIZE_DEFAULT = (80, 24)
BEHIND_S = 0.5  # between two looks at a client that takes nothing
GATHER_S = 0.01  # after a message, for a larger one to gather, unless the client is waiting (RFC 896)
TAKEN_BYTES = WINDOW_BYTES // 4  # are told to the agent at once, and not each few

TIMED_OUT = "The session was ended: nothing was typed or shown for 20 minutes."
CLIENT_LOST = "The client went away."
HOST_AWAY = "The task's host is not connected."
NO_HANDSHAKE = "The client did not finish its handshake."


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long a session waits for what, in seconds."""

    idle_s: float = 20 * 60.0  # "ECS Exec considerations": not configurable
    grace_s: float = 15.0  # for a client whose socket was lost; the plugin tries for about ten
    handshake_s: float = 15.0  # the SSM agent's
    drain_s: float = 2.0  # between two acknowledgements of the last output, as the SSM agent waits
    size_s: float = 0.5  # for a client to say how large its terminal is, before the program starts


PATIENCE = Patience()


class LiveSession:
    """One of them; used from the event loop only."""

    def __init__(
        self,
        start: ExecStart,
        *,
        tell: Callable[[ExecDownward], bool],
        transcript: Transcript | None = None,
        patience: Patience,
    ) -> None:
        self._patience = patience
        self._start = start
        self._tell = tell
        self._transcript = transcript
        self._channel = Channel(start.session_id, wall_ms=lambda: int(time.time() * 1000))
        self._socket: Socket | None = None
        self._changed = asyncio.Event()
        now_s = time.monotonic()
        self._began_s = self._active_s = self._detached_s = now_s
        self._start_at_s: float | None = None  # the handshake is over, the client's size is waited for
        self._size: tuple[int, int] | None = None
        self._is_started = False
        self._written = bytearray()  # by the program, not sent yet
        self._sent_at_s = 0.0
        self._taken_bytes = 0  # by the client, and the agent was not told yet
        self._typed = bytearray()  # not passed on yet
        self._room = WINDOW_BYTES  # at the agent's
        self._ended: ExecEnded | None = None
        self._drain_until_s = 0.0
        self._verdict: str | None = None

    async def run(self) -> str:
        """Until it is over; why, empty where the program has simply ended."""
        while self._verdict is None:
            self._changed.clear()
            wait_s = self._look(time.monotonic())
            if self._verdict is not None:
                break
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            except TimeoutError:
                pass
        if self._is_started and self._ended is None:
            self._tell(ExecStop(self._start.session_id))
        if self._socket is not None:
            self._socket.put(self._channel.close(self._verdict))
            self._socket.end()
        return self._verdict

    def attach(self, socket: Socket, *, chunk_bytes: int) -> None:
        """The client is there, by a socket that takes the place of any other."""
        if self._socket is not None:
            self._socket.end()
        if self._channel.state is State.CLOSED:
            socket.end()
            return
        self._socket = socket
        socket.put(self._channel.attach(chunk_bytes=chunk_bytes, now_s=time.monotonic()))
        self._changed.set()

    def detach(self, socket: Socket) -> None:
        """A socket is lost."""
        if self._socket is socket:
            self._socket = None
            self._detached_s = time.monotonic()
            self._changed.set()

    def take(self, frame: bytes) -> None:
        """A client's frame; raises Invalid for what is none."""
        if self._channel.state is State.CLOSED:
            return
        frames, events = self._channel.receive(frame, now_s=time.monotonic())
        if self._socket is not None:
            self._socket.put(frames)
        if not events:  # it acknowledges: while it does, the end waits for it
            self._drain_until_s = 0.0
        for event in events:
            match event:
                case Typed(data):
                    self._typed += data
                    self._active_s = time.monotonic()
                case Resized(columns, rows):
                    self._resize(columns, rows)
                case Opened():
                    self._start_at_s = time.monotonic() + self._patience.size_s
        self._changed.set()

    def hear(self, message: ExecUpward) -> None:
        """The agent says something."""
        match message:
            case ExecBytes(_, data):
                self._written += data
                self._active_s = time.monotonic()
                if self._transcript is not None:
                    self._transcript.add(data)
            case ExecTaken(_, count):
                self._room += count
                self._channel.taken(count)
            case ExecEnded():
                self._ended = message
        self._changed.set()

    def end(self, why: str) -> None:
        """It is to be over, and why."""
        if self._verdict is None:
            self._verdict = why
        self._changed.set()

    def _resize(self, columns: int, rows: int) -> None:
        self._size = (columns, rows)
        if self._is_started:
            self._tell(ExecResize(session_id=self._start.session_id, columns=columns, rows=rows))

    def _look(self, now_s: float) -> float:
        """Do what can be done now; how long there is nothing else to do."""
        self._begin(now_s)
        self._pass_on(now_s)
        due: list[float] = [self._active_s + self._patience.idle_s]
        if now_s >= due[0]:
            self.end(TIMED_OUT)
        if self._start_at_s is not None:
            due.append(self._start_at_s)
        elif self._channel.state is State.HANDSHAKE:
            due.append(self._began_s + self._patience.handshake_s)
            if now_s >= due[-1]:
                self.end(NO_HANDSHAKE)
        if self._socket is None:
            due.append(self._detached_s + self._patience.grace_s)
            if now_s >= due[-1]:
                self.end(CLIENT_LOST)
        else:
            due.append(self._send_again(self._socket, now_s))
            if self._written and self._sent_at_s + GATHER_S > now_s:
                due.append(self._sent_at_s + GATHER_S)
        if self._ended is not None and not self._written and self._socket is not None:
            self._drain_until_s = self._drain_until_s or now_s + self._patience.drain_s
            due.append(self._drain_until_s)
            if self._channel.is_acknowledged or now_s >= self._drain_until_s:
                self.end(self._ended.error)
        return max(0.0, min(due) - now_s)

    def _begin(self, now_s: float) -> None:
        """Start the program, once the client's terminal is known or was waited for."""
        if self._start_at_s is None or (self._size is None and now_s < self._start_at_s):
            return
        self._start_at_s = None
        self._is_started = True
        columns, rows = self._size or SIZE_DEFAULT
        if not self._tell(replace(self._start, columns=columns, rows=rows)):
            self.end(HOST_AWAY)

    def _pass_on(self, now_s: float) -> None:
        """As much as there is room for, in both directions."""
        session_id = self._start.session_id
        while self._is_started and self._typed and self._room > 0 and self._ended is None:
            piece = bytes(self._typed[: min(self._room, CHUNK_BYTES)])
            del self._typed[: len(piece)]
            self._room -= len(piece)
            self._tell(ExecBytes(session_id, piece))
        while self._socket is not None and self._written and self._is_worth_sending(now_s):
            piece = bytes(self._written[: self._channel.room])
            del self._written[: len(piece)]
            self._socket.put(self._channel.send(piece, now_s=now_s))
            self._sent_at_s = now_s
            self._taken_bytes += len(piece)
        if self._taken_bytes >= TAKEN_BYTES:
            self._tell(ExecTaken(session_id, self._taken_bytes))
            self._taken_bytes = 0
        if self._ended is not None and not self._written and self._socket is not None:
            self._socket.put(self._channel.flush(now_s=now_s))

    def _is_worth_sending(self, now_s: float) -> bool:
        """Whether a message can be sent now that is full, or the last, or whose client waits for it.

        A flood comes in pieces of 4 KiB, and a message costs all on its way the same whatever is in it.
        """
        wanted = min(len(self._written), self._channel.chunk_bytes)
        if self._channel.room < wanted:
            return False
        is_full = wanted == self._channel.chunk_bytes or self._ended is not None
        return is_full or self._channel.is_acknowledged or now_s >= self._sent_at_s + GATHER_S

    def _send_again(self, socket: Socket, now_s: float) -> float:
        """Send what was not acknowledged in time, but not while the socket is behind; when to look again."""
        if socket.is_behind:
            return now_s + BEHIND_S
        socket.put(self._channel.due(now_s=now_s))
        due_at_s = self._channel.due_at_s()
        return now_s + self._patience.idle_s if due_at_s is None else due_at_s

"""The stream to a client: numbered, kept until acknowledged, sent again when that takes too long.

Only the oldest message is sent again, as both ends of the real channel do it: the ones behind it were most
likely buffered by the client. How long to wait follows the round trips that were measured (RFC 6298, with
the plugin's bounds). The plugin acknowledges nothing twice: what it took just before its socket was lost is
known by the acknowledgement of something sent later, on the next one.
"""

from collections import deque
from collections.abc import Callable

import msgspec

from bastide.wire.datachannel.messages import Flags, Message, MessageType, PayloadType

TIMEOUT_FIRST_S = 0.2
TIMEOUT_MAX_S = 1.0
ROUND_TRIP_FIRST_S = 0.1
VARIATION_MIN_S = 0.01
ALPHA, BETA = 1 / 8, 1 / 4
WINDOW_BYTES = 256 * 1024  # on their way to a client that has not acknowledged them
WINDOW_MESSAGES = 1000  # the same for a program that writes a byte at a time; clients keep 10,000

Make = Callable[..., Message]


class RoundTrip:
    """How long an answer takes, and how long to wait for one."""

    def __init__(self) -> None:
        self.timeout_s = TIMEOUT_FIRST_S
        self._mean_s = ROUND_TRIP_FIRST_S
        self._variation_s = 0.0

    def measure(self, took_s: float) -> None:
        """Learn from a message that was sent once: of others nobody knows which copy was answered."""
        self._variation_s += BETA * (abs(self._mean_s - took_s) - self._variation_s)
        self._mean_s += ALPHA * (took_s - self._mean_s)
        wait_s = self._mean_s + max(VARIATION_MIN_S, 4 * self._variation_s)
        self.timeout_s = min(max(wait_s, TIMEOUT_FIRST_S), TIMEOUT_MAX_S)


class _Sent(msgspec.Struct):
    message: Message
    sent_at_s: float
    attempts: int = 1
    is_acknowledged: bool = False
    is_doubtful: bool = False  # the socket by which it was first sent is lost: the client may have it


class Outgoing:
    """What was sent and not acknowledged yet; times are seconds of any clock that only grows."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._next = 0
        self._unacknowledged: deque[_Sent] = deque()
        self._round_trip = RoundTrip()
        self._bytes = 0  # of payload, not acknowledged
        self._messages = 0
        self._doubtful_bytes = 0

    @property
    def room(self) -> int:
        """How many more bytes may be on their way; what is in doubt waits for later ones and counts half."""
        if self._messages >= WINDOW_MESSAGES:
            return 0
        fresh_bytes = self._bytes - self._doubtful_bytes
        return max(0, min(WINDOW_BYTES - fresh_bytes, 2 * WINDOW_BYTES - self._bytes))

    def add(self, payload: bytes, payload_type: PayloadType, *, now_s: float) -> Message:
        """The next message of the stream, to be sent now."""
        message = self._make(
            type=MessageType.OUTPUT,
            sequence=self._next,
            payload=payload,
            payload_type=payload_type,
            flags=Flags.SYN if self._next == 0 else Flags.NONE,
        )
        self._next += 1
        self._unacknowledged.append(_Sent(message, now_s))
        self._bytes += len(payload)
        self._messages += 1
        return message

    def acknowledge(self, sequence: int, *, now_s: float) -> None:
        """The client has it; once more, or of a number that was never sent, changes nothing."""
        held = self._unacknowledged
        at = sequence - held[0].message.sequence if held else -1
        if not 0 <= at < len(held) or held[at].is_acknowledged:
            return
        sent = held[at]
        if sent.attempts == 1:
            self._round_trip.measure(now_s - sent.sent_at_s)
        self._settle(sent)
        for earlier in held if self._doubtful_bytes else ():
            if earlier is sent:
                break
            if earlier.is_doubtful:
                self._settle(earlier)
        while held and held[0].is_acknowledged:
            held.popleft()

    def due_at_s(self) -> float | None:
        """When something is to be sent again; None while nothing is out."""
        if not self._unacknowledged:
            return None
        return self._unacknowledged[0].sent_at_s + self._round_trip.timeout_s

    def due(self, *, now_s: float) -> list[Message]:
        """What is to be sent again now."""
        due_at_s = self.due_at_s()
        if due_at_s is None or now_s < due_at_s:
            return []
        return [_again(self._unacknowledged[0], now_s)]

    def all(self, *, now_s: float) -> list[Message]:
        """Everything not acknowledged, for a client that comes back by another socket."""
        held = [sent for sent in self._unacknowledged if not sent.is_acknowledged]
        for sent in held:
            sent.is_doubtful = True
        self._doubtful_bytes = self._bytes
        return [_again(sent, now_s) for sent in held]

    def _settle(self, sent: _Sent) -> None:
        if sent.is_acknowledged:
            return
        sent.is_acknowledged = True
        size = len(sent.message.payload)
        self._bytes -= size
        self._messages -= 1
        self._doubtful_bytes -= size if sent.is_doubtful else 0


def _again(sent: _Sent, now_s: float) -> Message:
    sent.sent_at_s = now_s
    sent.attempts += 1
    return sent.message

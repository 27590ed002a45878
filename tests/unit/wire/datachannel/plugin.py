"""A client that does what the plugin does, and a network that loses, doubles and reorders."""

import random
import uuid
from collections.abc import Iterable

import msgspec

from bastide.wire.datachannel.messages import Message, MessageType, PayloadType, parse_message, render_message
from bastide.wire.datachannel.payloads import parse_acknowledgement, render_acknowledgement

TICK_S = 0.1
NAMES = {"ActionType": "SessionType", "ActionStatus": 1, "ActionResult": None, "Error": ""}
HELLO = msgspec.json.encode({"ClientVersion": "1.2.0", "ProcessedClientActions": [NAMES], "Errors": []})


class Plugin:
    """Acknowledges what it has taken or keeps for later; what is behind it ignores without a word.

    On a network that loses messages by themselves, as no socket does, it has to acknowledge those too.
    """

    def __init__(self, *, acknowledges_again: bool = False) -> None:
        self._acknowledges_again = acknowledges_again
        self.shown = b""
        self.closed: bytes | None = None
        self._expected = 0
        self._ahead: dict[int, Message] = {}
        self._next = 0
        self._unacknowledged: list[Message] = []
        self._resend_at_s = 0.0

    @property
    def is_done(self) -> bool:
        return not self._unacknowledged

    def type(self, payload: bytes, payload_type: PayloadType = PayloadType.OUTPUT) -> bytes:
        message = _message(MessageType.INPUT, self._next, payload, payload_type)
        self._next += 1
        self._unacknowledged.append(message)
        return render_message(message)

    def receive(self, data: bytes) -> list[bytes]:
        message = parse_message(data)
        if message.type == MessageType.ACKNOWLEDGE:
            sequence = parse_acknowledgement(message.payload).sequence
            self._unacknowledged = [each for each in self._unacknowledged if each.sequence != sequence]
            return []
        if message.type == MessageType.CLOSED:
            self.closed = message.payload
            return []
        if message.sequence < self._expected and not self._acknowledges_again:
            return []
        payload = render_acknowledgement(message)
        answers = [render_message(_message(MessageType.ACKNOWLEDGE, 0, payload, PayloadType.NONE))]
        if message.sequence >= self._expected:
            self._ahead[message.sequence] = message
        while (ready := self._ahead.pop(self._expected, None)) is not None:
            self._expected += 1
            answers += self._understand(ready)
        return answers

    def tick(self, now_s: float) -> list[bytes]:
        if not self._unacknowledged or now_s < self._resend_at_s:
            return []
        self._resend_at_s = now_s + TICK_S
        return [render_message(self._unacknowledged[0])]

    def again(self) -> list[bytes]:
        """All of it, for a server that was away."""
        return [render_message(message) for message in self._unacknowledged]

    def _understand(self, message: Message) -> list[bytes]:
        if message.payload_type == PayloadType.HANDSHAKE_REQUEST:
            return [self.type(HELLO, PayloadType.HANDSHAKE_RESPONSE)]
        if message.payload_type == PayloadType.HANDSHAKE_COMPLETE:
            return [self.type(b'{"cols":80,"rows":24}', PayloadType.SIZE)]
        self.shown += message.payload
        return []


class Network:
    """One direction; frames come late, twice, in any order, or not at all; without `chance` as they are."""

    def __init__(self, chance: random.Random | None, *, loss: float, twice: float, late_s: float) -> None:
        self._chance, self._loss, self._twice, self._late_s = chance, loss, twice, late_s
        self._under_way: list[tuple[float, bytes]] = []

    def put(self, frames: Iterable[bytes], now_s: float) -> None:
        chance = self._chance
        for frame in frames:
            if chance is None:
                self._under_way.append((now_s + self._late_s, frame))
                continue
            for _ in range(1 + (chance.random() < self._twice)):
                if chance.random() >= self._loss:
                    self._under_way.append((now_s + chance.random() * self._late_s, frame))

    def take(self, now_s: float) -> list[bytes]:
        arrived = sorted((each for each in self._under_way if each[0] <= now_s), key=lambda each: each[0])
        self._under_way = [each for each in self._under_way if each[0] > now_s]
        return [frame for _, frame in arrived]

    def cut(self) -> None:
        self._under_way = []


def _message(kind: MessageType, sequence: int, payload: bytes, payload_type: PayloadType) -> Message:
    return Message(
        type=kind,
        sequence=sequence,
        payload=payload,
        payload_type=payload_type,
        created_ms=1,
        id=uuid.uuid4(),
    )

"""The stream from a client: each message once and in order, whatever comes twice, late or early."""

from bastide.wire.datachannel.messages import Message

AHEAD_MAX = 1000  # messages kept that came before their turn: a MiB; a client sends them again


class Incoming:
    """Which message is next, and those that came before it."""

    def __init__(self) -> None:
        self.expected = 0
        self._ahead: dict[int, Message] = {}

    def take(self, message: Message) -> tuple[bool, list[Message]]:
        """Whether to acknowledge it, and the messages whose turn it is now.

        One that was taken before is acknowledged again: the client may have missed the first.
        """
        if message.sequence < self.expected:
            return True, []
        if message.sequence >= self.expected + AHEAD_MAX:
            return False, []
        self._ahead.setdefault(message.sequence, message)
        ready: list[Message] = []
        while (following := self._ahead.pop(self.expected, None)) is not None:
            ready.append(following)
            self.expected += 1
        return True, ready

"""Hearing of events as they are stored, as far as one keeps up; all of it on the event loop."""

from collections.abc import Collection

from bastide.store.logs.values import Batch

TAIL_MAX_EVENTS = 20_000  # between two looks of whoever follows


class Tail:
    """What has come into some groups since the last look."""

    def __init__(self, groups: Collection[str]) -> None:
        self._groups = frozenset(groups)
        self._batches: list[Batch] = []
        self._held = 0
        self._missed = 0

    def offer(self, batch: Batch) -> None:
        """Called with every batch that was stored."""
        if batch.group not in self._groups:
            return
        if self._held >= TAIL_MAX_EVENTS:
            self._missed += len(batch.lines)
            return
        self._batches.append(batch)
        self._held += len(batch.lines)

    def take(self) -> tuple[list[Batch], int]:
        """The batches in the order they were stored, and how many events could not be kept."""
        taken = self._batches, self._missed
        self._batches, self._held, self._missed = [], 0, 0
        return taken


class Followers:
    """Everybody who follows."""

    def __init__(self) -> None:
        self._tails: set[Tail] = set()

    def join(self, groups: Collection[str]) -> Tail:
        """Hear of what comes into these groups from now on."""
        tail = Tail(groups)
        self._tails.add(tail)
        return tail

    def leave(self, tail: Tail) -> None:
        """No longer. Repeatable."""
        self._tails.discard(tail)

    def tell(self, batch: Batch) -> None:
        """A batch was stored."""
        for tail in self._tails:
            tail.offer(batch)

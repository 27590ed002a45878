"""How many callers are served at a time: all together, and from one address."""

from collections import Counter


class Seats:
    """So many at a time, and only so many of them for one address."""

    def __init__(self, total: int, each: int) -> None:
        self._free, self._each = total, each
        self._taken: Counter[str] = Counter()

    def take(self, address: str) -> bool:
        """Whether there was one; `leave` gives it back."""
        if not self._free or self._taken[address] >= self._each:
            return False
        self._free -= 1
        self._taken[address] += 1
        return True

    def leave(self, address: str) -> None:
        """Preconditions: one was taken."""
        self._free += 1
        self._taken[address] -= 1
        if not self._taken[address]:
            del self._taken[address]

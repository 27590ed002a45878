"""How often a task may ask: as many times as the ECS agent lets it."""

PER_S, BURST = 40.0, 60.0
FULL_S = BURST / PER_S  # after so long an empty bucket is full, and need not be remembered
KEPT_MAX = 1000


class Rates:
    """A bucket of tokens for each task. `now` is a monotonic clock's."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens left, and when that was

    def take(self, task_id: str, *, now: float) -> bool:
        """Whether the task may ask once more now."""
        if len(self._buckets) > KEPT_MAX:
            self._buckets = {each: held for each, held in self._buckets.items() if now - held[1] < FULL_S}
        left, at = self._buckets.get(task_id, (BURST, now))
        left = min(BURST, left + (now - at) * PER_S)
        if left < 1.0:
            self._buckets[task_id] = (left, now)
            return False
        self._buckets[task_id] = (left - 1.0, now)
        return True

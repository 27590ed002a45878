"""How often and how fast one thing is asked for again."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from bastide.host.registry.faults import PullFailed, Trouble

DELAYS_S = (0.25, 0.5, 1.0, 2.0)  # between five tries; half of it to all of it, so that a crowd spreads
WAIT_MAX_S = 60.0  # for all the pauses a registry asks for by Retry-After

Sleep = Callable[[float], Awaitable[None]]


class Attempts:
    """Counts the tries at one manifest or one layer. `lead` stands before each cause."""

    def __init__(self, image: str, *, phase: str, lead: str, sleep: Sleep = asyncio.sleep) -> None:
        self._image = image
        self._phase = phase
        self._lead = lead
        self._sleep = sleep
        self._failed = 0
        self._in_a_row = 0
        self._waited_s = 0.0

    async def bear(self, trouble: Trouble) -> None:
        """Wait for the next try; raises PullFailed when there is no point in one."""
        self._failed += 1
        pause_s = self._pause_s(trouble)
        if pause_s is None:
            raise self.failure(trouble.why) from trouble
        self._in_a_row += 1
        await self._sleep(pause_s)

    def renew(self) -> None:
        """Something came through: the next break begins a new row of tries."""
        self._in_a_row = 0

    def failure(self, why: str) -> PullFailed:
        """The end of it."""
        said = f"{self._phase} has been retried {max(self._failed, 1)} time(s): {self._lead}{why}"
        return PullFailed(self._image, why=said)

    def _pause_s(self, trouble: Trouble) -> float | None:
        if not trouble.is_passing or self._in_a_row >= len(DELAYS_S):
            return None
        if trouble.retry_after_s is None:
            return random.uniform(0.5, 1.0) * DELAYS_S[self._in_a_row]
        self._waited_s += trouble.retry_after_s
        return trouble.retry_after_s if self._waited_s <= WAIT_MAX_S else None


def manifest_attempts(image: str, *, sleep: Sleep = asyncio.sleep) -> Attempts:
    """For what a name stands for."""
    return Attempts(image, phase="pull image manifest", lead=f"failed to resolve ref {image}: ", sleep=sleep)


def content_attempts(image: str, *, sleep: Sleep = asyncio.sleep) -> Attempts:
    """For what a manifest names."""
    lead = "failed to copy: httpReaderSeeker: failed open: "
    return Attempts(image, phase="ref pull", lead=lead, sleep=sleep)

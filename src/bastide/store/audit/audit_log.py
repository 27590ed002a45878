"""The audit log as the server uses it: records are handed over, some are waited for.

Used from one event loop; a thread writes. Records nobody waits for are handed over together, some
milliseconds later: a thread that is woken for each of them would cost more than the writing.
"""

import asyncio
import logging
from pathlib import Path

from bastide.model.faults import Unavailable
from bastide.store.audit.records import Record
from bastide.store.audit.segments import SEGMENT_BYTES, Retention
from bastide.store.audit.writer import Batch, Writer

NOUN = "audit log"
TOGETHER_S = 0.02
TOGETHER = 256

log = logging.getLogger(__name__)


class AuditLog:
    """The log in one folder. Where it `is_required`, nobody changes anything that it cannot keep."""

    def __init__(
        self,
        folder: Path,
        *,
        retention: Retention,
        is_required: bool = True,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._is_required = is_required
        self._trouble = ""
        self._waiting: list[Record] = []
        self._timer: asyncio.TimerHandle | None = None
        self._shared: asyncio.Future[bool] | None = None
        self._writer = Writer(
            folder, retention=retention, settle=self._hand_over, segment_bytes=segment_bytes
        )

    def note(self, record: Record) -> None:
        """Write it soon."""
        self._waiting.append(record)
        if len(self._waiting) >= TOGETHER:
            self._send(None)
        elif self._timer is None:
            self._timer = self._loop.call_later(TOGETHER_S, self._send, None)

    async def keep(self, record: Record) -> None:
        """Write it, and return when the kernel has it. Raises Unavailable where it is required and lost."""
        self._waiting.append(record)
        if not await self._sent():
            self._check()

    async def ready(self) -> None:
        """Return where a change may be made: what there is to tell of it will be kept. Else Unavailable."""
        if self._trouble and self._is_required:
            await self._sent()
            self._check()

    async def flush(self) -> None:
        """Return when everything that was handed over is written, or lost."""
        await self._sent()

    async def close(self) -> None:
        """Write what waits, and end."""
        if self._shared is not None:
            await self._sent()
        self._send(None)
        await asyncio.to_thread(self._writer.join)

    async def _sent(self) -> bool:
        """Whether everything handed over with this was written; one round of the loop shares it."""
        if self._shared is None:
            self._shared = self._loop.create_future()
            self._loop.call_soon(self._send_shared)
        return await asyncio.shield(self._shared)

    def _send_shared(self) -> None:
        shared, self._shared = self._shared, None
        self._send(shared)

    def _send(self, future: "asyncio.Future[bool] | None") -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting or future is not None:
            self._writer.put(Batch(self._waiting, future))
            self._waiting = []

    def _check(self) -> None:
        if self._trouble and self._is_required:
            why = f"Nothing may be changed while the audit log cannot be written: {self._trouble}."
            raise Unavailable(NOUN, why=why)

    def _hand_over(self, waiting: list[Batch], trouble: str) -> None:
        """On the writer's thread."""
        try:
            self._loop.call_soon_threadsafe(self._settle, waiting, trouble)
        except RuntimeError:
            log.warning("the event loop ended before the audit log was closed")

    def _settle(self, waiting: list[Batch], trouble: str) -> None:
        self._trouble = trouble
        for batch in waiting:
            if not batch.future.done():
                batch.future.set_result(batch.is_written)

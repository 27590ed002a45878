"""A storage of logs in a folder of the test's own, and short ways to fill and read it."""

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bastide.store.logs import Batch, LogEvent, LogStore, Place, Selection, Step

GROUP = "a1b2c3d4e5f60718"
BASE_MS = 1_900_000_000_000
STREAMS = {"a": 1, "b": 2, "c": 3}


class Logs:
    """One group's events; opened again as a new process would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.positions: dict[str, int] = {}
        self.store = self._opened()

    def _opened(self) -> LogStore:
        async def keep(positions: Mapping[str, int]) -> None:
            self.positions |= positions

        return LogStore(self.folder, keep)

    async def restart(self) -> None:
        await self.store.close()
        self.store = self._opened()

    async def put(
        self, *lines: tuple[int, str], stream: str = "a", group: str = GROUP, **members: Any
    ) -> None:
        """Store (milliseconds after BASE_MS, text)."""
        await self.store.append(
            Batch(
                group=group,
                stream=stream,
                stream_id=STREAMS[stream],
                lines=[(BASE_MS + after, text) for after, text in lines],
                ingestion_ms=BASE_MS,
                **members,
            )
        )

    async def read(
        self, *, forward: bool = True, place: Place | None = None, group: str = GROUP, **selection: Any
    ) -> list[LogEvent]:
        return await self.store.read(
            Selection(group=group, **selection), _gather, forward=forward, place=place
        )

    async def texts(self, **asked: Any) -> list[str]:
        return [event.message for event in await self.read(**asked)]

    def segments(self) -> list[Path]:
        return sorted(self.folder.glob("segments/*/*/*.parquet"))

    def journals(self) -> list[Path]:
        return sorted(self.folder.glob("journals/*.journal"))


def _gather(steps: Iterator[Step]) -> list[LogEvent]:
    return [event for step in steps for event in step.events]


@pytest.fixture
async def logs(tmp_path: Path) -> AsyncIterator[Logs]:
    made = Logs(tmp_path / "logs")
    yield made
    await made.store.close()

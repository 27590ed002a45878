"""An audit log of a test's own, on disk, as `trail`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bastide.api.audit import Trail, open_trail
from bastide.config import Settings


@asynccontextmanager
async def trail_of(settings: Settings) -> AsyncIterator[Trail]:
    """The audit log of an installation."""
    opened = open_trail(settings)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def trail(tmp_path: Path) -> AsyncIterator[Trail]:
    """One in the test's own folder."""
    async with trail_of(Settings(data_root=tmp_path)) as opened:
        yield opened

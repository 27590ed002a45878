"""A store of a test's own, on disk, as `store`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bastide.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty one."""
    opened = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    await opened.close()

"""A server without its HTTP port, over a real store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bastide.store import Store
from tests.session import Server


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    await opened.close()


@pytest.fixture
async def server(tmp_path: Path, store: Store) -> AsyncIterator[Server]:
    made = Server(tmp_path, store)
    await made.start()
    yield made
    await made.stop()

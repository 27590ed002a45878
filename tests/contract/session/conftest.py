"""A server without its HTTP port, over a real store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bastide.store import Store
from tests.session import Server
from tests.store_fixture import migrated as migrated
from tests.store_fixture import store as store


@pytest.fixture
async def server(tmp_path: Path, store: Store) -> AsyncIterator[Server]:
    made = Server(tmp_path, store)
    await made.start()
    yield made
    await made.stop()

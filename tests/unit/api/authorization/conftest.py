"""A served API with an admin, from whom everybody else has what they may."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bastide.config import Settings
from bastide.store import Store
from tests.unit.api.authorization.world import ACCOUNT, World
from tests.unit.api.serving import serving


@pytest.fixture
async def world(store: Store, tmp_path: Path) -> AsyncIterator[World]:
    settings = Settings(account=ACCOUNT, data_root=tmp_path)
    settings.server_folder.mkdir(parents=True)
    async with serving(store, settings) as served:
        made = World(served)
        yield made
        made.close()

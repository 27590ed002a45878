"""A served API with an admin, from whom everybody else has what they may."""

from collections.abc import AsyncIterator

import pytest

from bastide.config import Settings
from bastide.store import Store
from tests.unit.api.authorization.world import ACCOUNT, World
from tests.unit.api.serving import serving


@pytest.fixture
async def world(store: Store) -> AsyncIterator[World]:
    async with serving(store, Settings(account=ACCOUNT)) as served:
        made = World(served)
        yield made
        made.close()

"""A real store, and the controllers over it, each pass called by hand unless a test runs them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bastide.store import Store
from tests.account import Account


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    await opened.close()


@pytest.fixture
def account(store: Store) -> Account:
    return Account(store)

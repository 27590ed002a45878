"""A store of a test's own, on disk, as `store`."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bastide.store import Store
from bastide.store.backends import open_backend


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the newest schema and nothing in it: coming that far takes longer than most tests."""
    path = tmp_path_factory.mktemp("store") / "store.db"
    open_backend(f"sqlite:///{path}").migrate()
    return path


@pytest.fixture
async def store(tmp_path: Path, migrated: Path) -> AsyncIterator[Store]:
    """An empty one."""
    path = shutil.copyfile(migrated, tmp_path / "store.db")
    opened = await Store.open(f"sqlite:///{path}")
    yield opened
    await opened.close()

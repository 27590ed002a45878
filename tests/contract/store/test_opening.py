"""Opening: schema history, files only the owner reads, and refusals that say why."""

import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from bastide.model.faults import Invalid, Unavailable
from bastide.store import Record, Store
from bastide.store.tables import metadata


async def test_the_migrated_schema_is_the_one_in_the_code(url: str) -> None:
    await (await Store.open(url)).close()
    engine = create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


async def test_what_was_stored_is_there_after_reopening(url: str) -> None:
    store = await Store.open(url)
    stored = await store.update(lambda txn: txn.put(Record("cluster", "a", "s", {"x": [1]}, name="a")))
    await store.close()
    again = await Store.open(url)
    assert await again.view(lambda txn: txn.get("cluster", "a")) == stored
    await again.close()


async def test_tasks_of_the_first_schema_get_their_state(url: str) -> None:
    store = await Store.open(url)
    for kind in ("task", "other"):
        record = Record(kind, "a", "s", {"task": {"lastStatus": "PENDING"}})
        await store.update(lambda txn, one=record: txn.put(one))  # type: ignore[misc]
    await store.close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE events"))
        connection.execute(text("DROP INDEX records_by_state"))
        connection.execute(text("ALTER TABLE records DROP COLUMN state"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    engine.dispose()
    again = await Store.open(url)
    assert await again.view(lambda txn: txn.count("task", state="PENDING")) == 1
    assert await again.view(lambda txn: txn.count("other", state="PENDING")) == 0
    await again.close()


async def test_a_newer_schema_is_refused_and_left_alone(url: str) -> None:
    await (await Store.open(url)).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(Unavailable, match="newer Bastide"):
        await Store.open(url)


async def test_the_file_is_its_owners_alone(sqlite_url: str, tmp_path: Path) -> None:
    store = await Store.open(sqlite_url)
    await store.update(lambda txn: txn.put(Record("cluster", "a", "s", {})))
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    await store.close()


async def test_a_damaged_file_is_refused_with_its_name(sqlite_url: str, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"not a database at all, but long enough to look at" * 100)
    with pytest.raises(Unavailable, match=r"store\.db: the database file is damaged"):
        await Store.open(sqlite_url)


async def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be opened"):
        await Store.open(f"sqlite:///{tmp_path}/nowhere/store.db")


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite://", "mysql://u:secret@h/db", "oracle+x://u:secret@h/db"]
)
async def test_a_url_of_no_store_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(Invalid) as caught:
        await Store.open(url)
    assert "secret" not in str(caught.value)


async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="PostgreSQL") as caught:
        await Store.open(f"postgresql+psycopg://u:secret@/db?host={tmp_path}")
    assert "secret" not in str(caught.value)

"""The databases the store's suite runs on: SQLite in a file, and Debian's PostgreSQL started for the session.

PostgreSQL lives in a temporary folder, listens on a unix socket alone and runs as an unprivileged user.
It is skipped, and says so, where it is not installed; BASTIDE_TEST_REAL=1 makes that a failure.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from bastide.store import Store

DATABASES = count(1)


def unprivileged() -> str | None:
    """Whom PostgreSQL runs as when we are root (it refuses root); None: as ourselves."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def postgres_programs() -> Path | None:
    """The folder of Debian's newest PostgreSQL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Path]:
    """The socket folder of a running PostgreSQL."""
    programs = postgres_programs()
    if programs is None:
        if os.environ.get("BASTIDE_TEST_REAL") == "1":
            pytest.fail("PostgreSQL is not installed: apt-get install postgresql")
        pytest.skip("PostgreSQL is not installed: the store was proven on SQLite only")
    folder = Path(tempfile.mkdtemp(prefix="bastide-pg-", dir="/tmp"))
    user = unprivileged()
    if user is not None:
        shutil.chown(folder, user)
    data, control = folder / "data", programs / "pg_ctl"

    def run(*command: str | Path) -> None:
        subprocess.run(
            command, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )

    try:
        run(programs / "initdb", "-D", data, "-U", "bastide", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}'"
        run(control, "-D", data, "-l", folder / "log", "-w", "-t", "60", "-o", options, "start")
        try:
            yield folder
        finally:
            run(control, "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_postgres_database(sockets: Path) -> str:
    """The URL of an empty database."""
    name = f"store{next(DATABASES)}"
    with psycopg.connect(host=str(sockets), user="bastide", dbname="postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"postgresql+psycopg://bastide@/{name}?host={sockets}"


@pytest.fixture
def postgres_url(postgres_server: Path) -> str:
    """An empty PostgreSQL database."""
    return new_postgres_database(postgres_server)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def url(request: pytest.FixtureRequest) -> str:
    """Every database in turn."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture
async def store(url: str, tmp_path: Path) -> AsyncIterator[Store]:
    """An open, empty store."""
    opened = await Store.open(url, log_folder=tmp_path / "logs")
    yield opened
    await opened.close()

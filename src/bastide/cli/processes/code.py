"""Which interpreter and which copy of Bastide the server's user can run.

A checkout in root's home, or a python3 that only root can read, is no reason to run the server as root: then
the package and all it needs are copied beside the data, under a name made of their content, and Debian's
own interpreter runs them. A copy appears by rename, so half of one is never used.
"""

import compileall
import hashlib
import importlib.metadata
import os
import pwd
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import bastide
from bastide.cli.processes.accounts import can_run
from bastide.model.faults import Unavailable

START = """import sys
sys.path.insert(0, {site!r})
from bastide.cli import main
sys.exit(main())
"""
KEPT_COPIES = "code-"

T = TypeVar("T")


def try_commands(
    account: pwd.struct_passwd, data_folder: Path, attempt: Callable[[list[str]], T | None]
) -> T:
    """Attempt what stands before `server` so that it runs as that user, until something comes of it.

    First our own interpreter, then others with a copy of the code. Unavailable when nothing comes of any.
    """
    # That user may not write beside the code: what is not compiled by now, it would compile at every start.
    compileall.compile_dir(Path(bastide.__file__).parent, quiet=2)
    for command in _commands(account, data_folder):
        if (came := attempt(command)) is not None:
            return came
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    why = (
        f"No Python {version} here can be run by the user {account.pw_name}. Install Debian's python3, or put"
        f" the virtual environment where others can read it (it is in {sys.prefix})."
    )
    raise Unavailable("interpreter", why=why)


def find_command(account: pwd.struct_passwd, data_folder: Path, frozen: Path) -> list[str]:
    """The first by which the user can import all of the server, told these settings; nothing is started."""

    def attempt(command: list[str]) -> list[str] | None:
        tried = [*command, "server", "--frozen", str(frozen), "--only-import"]
        return command if can_run(account, tried) else None

    return try_commands(account, data_folder, attempt)


def _commands(account: pwd.struct_passwd, data_folder: Path) -> Iterator[list[str]]:
    """In the order they are wanted. What that user plainly cannot read is not tried."""
    if can_run(account, [sys.executable, "-I", "-c", "import bastide"]):
        yield [sys.executable, "-I", "-m", "bastide"]
    start = ensure_copy(data_folder) / "start.py"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for interpreter in (os.path.realpath(sys.executable), "/usr/bin/python3", f"/usr/bin/python{version}"):
        yield [interpreter, "-I", "-S", str(start)]


def ensure_copy(data_folder: Path) -> Path:
    """The folder with a copy of Bastide and what it imports, readable by everybody. Repeatable."""
    files = dict(_files())
    target = data_folder / f"{KEPT_COPIES}{_digest(files)}"
    if not target.exists():
        draft = Path(tempfile.mkdtemp(prefix=f".{KEPT_COPIES}", dir=data_folder))
        try:
            for name, source in files.items():
                path = draft / "site" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, path)  # with its time: compiled files stay valid
            (draft / "start.py").write_text(START.format(site=str(target / "site")))
            _open_to_all(draft)
            draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return target


def remove_other_copies(data_folder: Path, command: list[str]) -> None:
    """Forget copies the command does not use."""
    for folder in data_folder.glob(f"{KEPT_COPIES}*"):
        if not any(part.startswith(f"{folder}/") for part in command):
            shutil.rmtree(folder, ignore_errors=True)


def _files() -> Iterator[tuple[str, Path]]:
    """Every file the server may import, by its place below the copy's `site`."""
    package = Path(bastide.__file__).parent
    for path in package.rglob("*"):
        if path.is_file():
            yield f"bastide/{path.relative_to(package)}", path
    for name in _needed():
        distribution = importlib.metadata.distribution(name)
        for file in distribution.files or ():
            path = Path(str(distribution.locate_file(file)))
            if ".." not in file.parts and file.parts[0] != "bastide" and path.is_file():
                yield str(file), path


def _needed() -> set[str]:
    """The distributions Bastide requires, and those they require, without extras."""
    found: set[str] = set()
    waiting = ["bastide"]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        try:
            requirements = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform or Python
        found.add(name)
        for requirement in requirements:
            name_part, _, marker = requirement.partition(";")
            extras = re.search(r"\[([^]]*)\]", name_part)
            if "extra" not in marker:
                waiting.append(re.split(r"[\s<>=!~;\[(]", requirement, maxsplit=1)[0])
            if extras:  # psycopg[binary] is a distribution of its own
                plain = name_part.split("[")[0].strip()
                waiting += [f"{plain}-{extra.strip()}" for extra in extras[1].split(",")]
    return found


def _digest(files: dict[str, Path]) -> str:
    total = hashlib.sha256(sys.version.encode())
    for name in sorted(files):
        if name.endswith(".pyc"):
            continue
        status = files[name].stat()
        total.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return total.hexdigest()[:16]


def _open_to_all(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)

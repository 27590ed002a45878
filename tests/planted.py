"""Secrets that tests plant, and the places where none of them may turn up.

Those are logs, the folders in which values are sealed, the audit log, and the arguments of every process.
`plant` draws a secret that is easy to recognise; `remember` takes one that the installation drew. Whoever
starts an installation asks for `leaks` before it is removed. A secret is looked for as it is and in base64,
wherever in a longer text it stands.
"""

import base64
import contextlib
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("server", "agent", "log")  # of an installation's data; containerd must hold what a task gets
CONTAINERS_OWN = "disks"
LOOKED_FOR_CHARS = 40
FILE_MAX_BYTES = 256 * 1024 * 1024
EVERY_S = 0.02

_planted: dict[str, tuple[str, str]] = {}  # value → what it is, and the one file that may hold it


def plant(kind: str) -> str:
    """A secret of the test's own choice."""
    value = f"planted-{secrets.token_hex(16)}"
    remember(kind, value)
    return value


def remember(kind: str, value: str, *, may_be_in: str = "") -> str:
    """A secret that the installation gave away once."""
    assert len(value) >= 12, "too short to be told from something else"
    _planted[value] = (kind, may_be_in)
    return value


def leaks(data: Path) -> list[str]:
    """Where in an installation's data, and in which process's arguments, a secret stands."""
    found = []
    for path in _files(data):
        content = _read(path)
        for value, (kind, may_be_in) in tuple(_planted.items()):
            if path.name != may_be_in and holds(content, value):
                found.append(f"{kind} in {path.relative_to(data)}")
    return found + exposed_arguments()


def exposed_arguments() -> list[str]:
    """Secrets in the arguments of the processes there are now."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        content = _read(path)
        found += [
            f"{kind} in {path}: {content[:40]!r}…"
            for value, (kind, _) in tuple(_planted.items())
            if holds(content, value)
        ]
    return found


@contextlib.contextmanager
def watched_arguments() -> Iterator[list[str]]:
    """What is exposed at any moment of the block, also by programs that end at once."""
    found: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(EVERY_S):
            found.extend(exposed_arguments())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def holds(content: bytes, value: str) -> bool:
    """Whether bytes have a secret in them, plain or in base64 of a longer text."""
    looked_for = value[:LOOKED_FOR_CHARS].encode()
    return looked_for in content or any(each in content for each in _in_base64(looked_for))


def _in_base64(looked_for: bytes) -> Iterator[bytes]:
    """The part of its base64 that does not depend on what stands around it, at each of three positions."""
    for before in range(3):
        text = base64.b64encode(b"\0" * before + looked_for)
        begin = (0, 2, 3)[before]
        end = len(text) - (0, 3, 2)[(before + len(looked_for)) % 3]
        yield text[begin:end]
        yield text[begin:end].translate(bytes.maketrans(b"+/", b"-_"))


def _files(data: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((data / folder).rglob("*")):
            if CONTAINERS_OWN not in path.parts and path.is_file() and not path.is_symlink():
                yield path


def _read(path: Path) -> bytes:
    """A file that may be gone by now."""
    try:
        return path.read_bytes() if path.stat().st_size <= FILE_MAX_BYTES else b""
    except OSError:
        return b""

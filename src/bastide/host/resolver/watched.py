"""A small file that others replace: its content as it is now, read again only when it has changed."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")
log = logging.getLogger(__name__)


class WatchedFile(Generic[T]):
    """Looks the file up in its folder, which is opened once: whoever may not walk there later still can."""

    def __init__(self, path: Path, parse: Callable[[bytes], T], *, default: T) -> None:
        self._folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._name = path.name
        self._parse, self._value = parse, default
        self._seen: tuple[int, int, int] | None = None

    def read(self) -> T:
        """What it says; what it last said while it is away or makes no sense."""
        try:
            found = os.stat(self._name, dir_fd=self._folder)
            seen = (found.st_ino, found.st_mtime_ns, found.st_size)
            if seen != self._seen:
                self._value = self._parse(self._read_bytes())
                self._seen = seen
        except (OSError, ValueError) as error:
            log.warning("cannot read %s: %s", self._name, error)
        return self._value

    def _read_bytes(self) -> bytes:
        descriptor = os.open(self._name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._folder)
        with os.fdopen(descriptor, "rb") as file:
            return file.read()

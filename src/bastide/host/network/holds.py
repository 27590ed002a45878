"""Namespaces held open: one whose bind mount is taken away is put back with all that is in it."""

import os
from pathlib import Path

from bastide.host import syscalls
from bastide.host.network.netns import is_netns


class Holds:
    """Open namespaces by the path they are bound at; for one event loop."""

    def __init__(self) -> None:
        self._open: dict[Path, int] = {}

    def keep(self, path: Path) -> None:
        """Hold the namespace that is bound there from now on. Repeatable.

        Preconditions: a namespace is bound there.
        """
        if path not in self._open:
            self._open[path] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def has(self, path: Path) -> bool:
        """Whether the namespace of that path is held."""
        return path in self._open

    def put_back(self, path: Path) -> bool:
        """Bind it there again where it was lost; whether a namespace is bound there now."""
        if not is_netns(path) and path in self._open:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o400)
            syscalls.mount(f"/proc/self/fd/{self._open[path]}", str(path), flags=syscalls.MS_BIND)
        return is_netns(path)

    def let_go(self, path: Path) -> None:
        """No longer. Repeatable."""
        descriptor = self._open.pop(path, None)
        if descriptor is not None:
            os.close(descriptor)

"""The host's published ports: the file that remembers them, and the nft table that makes them so.

`bastide publish` writes the file, the agent keeps the table as the file says, and puts it
back when it was taken away. A look that changes nothing costs one question to the kernel.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from bastide.host import names
from bastide.host.kept import read_kept, save_kept
from bastide.host.network import nft
from bastide.host.network.firewall import Command
from bastide.host.network.netns import inside
from bastide.model.network.publication import Publication

Render = Callable[[str, Sequence[Publication]], list[Command]]
_decoder = msgspec.json.Decoder(tuple[Publication, ...])


def read_publications(path: Path) -> tuple[Publication, ...]:
    """In order; none when nothing was ever published. Invalid when the file is not what was written."""
    return read_kept(path, _decoder, noun="published ports", nothing=())


def save_publications(path: Path, publications: Sequence[Publication]) -> None:
    """Replace them all."""
    save_kept(path, msgspec.json.encode(sorted(publications)))


class Publications:
    """`ports.Publications` on this kernel; used by one caller at a time."""

    def __init__(self, instance: str, path: Path, render: Render) -> None:
        self._table, self._path, self._render = names.published_table(instance), path, render
        self._made: tuple[Publication, ...] | None = None

    async def ensure_publications(self) -> None:
        """The host's ports are what the file says."""
        wanted = read_publications(self._path)
        is_there = self._table in await inside(None, lambda _: nft.read_tables())
        if not wanted:
            if is_there:
                await nft.remove_table(self._table)
        elif not is_there or wanted != self._made:
            await nft.apply_rules(self._render(self._table, wanted))
        self._made = wanted

    async def remove_publications(self) -> None:
        """None of them, whatever the file says. Repeatable."""
        await nft.remove_table(self._table)

"""Segments: the closed part of a group's events, one day of them (UTC) in each, as Parquet files.

    segments/<group>/<day>/<first journal>-<last journal>-<first ms>-<last ms>-<events>-<bytes>.parquet

The folder is the catalogue: a name says all that is needed to choose files, and a rename is the commit.
A segment replaces those of its day whose journals lie within its own; of two with the same journals the one
with fewer events is the newer. So whatever a crash leaves is sorted out by listing the names.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from bastide.files import sync
from bastide.store.logs.values import DAY_MS

FOLDER_MODE = 0o700
DRAFT = ".draft"
_NAME = re.compile(r"(\d+)-(\d+)-(\d+)-(\d+)-(\d+)-(\d+)\.parquet")


class Segment(msgspec.Struct, frozen=True):
    """One file."""

    group: str
    day: int  # since the epoch
    first_journal: int
    last_journal: int
    first_ms: int
    last_ms: int
    rows: int
    size: int  # as CloudWatch Logs counts

    @property
    def name(self) -> str:
        """Its path below the folder of segments."""
        numbers = (
            self.first_journal,
            self.last_journal,
            self.first_ms,
            self.last_ms,
            self.rows,
            self.size,
        )
        return f"{self.group}/{self.day}/{'-'.join(map(str, numbers))}.parquet"

    @property
    def end_ms(self) -> int:
        """Nothing in it is as late as this."""
        return (self.day + 1) * DAY_MS

    def replaces(self, other: "Segment") -> bool:
        """Whether everything of the other one is in this one, or was left out on purpose."""
        return (
            (self.group, self.day) == (other.group, other.day)
            and self.first_journal <= other.first_journal
            and self.last_journal >= other.last_journal
        )


def parse_segment(group: str, day: str, name: str) -> Segment | None:
    """The segment a file name means; None for what is none."""
    match = _NAME.fullmatch(name)
    return Segment(group, int(day), *map(int, match.groups())) if match and day.isdecimal() else None


def list_segments(root: Path, *, unsealed: frozenset[int]) -> list[Segment]:
    """What there is at start; what is replaced, or made of a journal that is still there, goes."""
    found: list[Segment] = []
    for folder in _day_folders(root):
        there = []
        for file in folder.iterdir():
            segment = parse_segment(folder.parent.name, folder.name, file.name)
            if segment is not None and segment.first_journal not in unsealed:
                there.append(segment)
            else:
                file.unlink()
        kept = _unreplaced(there)
        for segment in set(there) - set(kept):
            (root / segment.name).unlink()
        found += kept
        if not kept:
            folder.rmdir()
    return found


def _unreplaced(segments: Iterable[Segment]) -> list[Segment]:
    kept: list[Segment] = []
    for segment in sorted(segments, key=lambda one: (one.first_journal, -one.last_journal, one.rows)):
        if not kept or not kept[-1].replaces(segment):
            kept.append(segment)
    return kept


def _day_folders(root: Path) -> Iterator[Path]:
    if root.is_dir():
        for group in root.iterdir():
            yield from (day for day in group.iterdir() if day.is_dir())


def commit_segment(root: Path, draft: Path, segment: Segment) -> None:
    """Give a written file its name, durably."""
    path = root / segment.name
    make_folder(path.parent)
    sync(draft)
    draft.rename(path)
    sync(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, each synced into its parent."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode=FOLDER_MODE, exist_ok=True)
        sync(path.parent)

"""What there is of each group, in journals and in segments, and which files somebody still reads.

Lives on the event loop alone. A file that is replaced is unlinked when everybody who began to read before
has finished.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from bastide.store.logs.files.journal import Entry, Journal
from bastide.store.logs.files.segments import Segment
from bastide.store.logs.reading import View


class Catalogue:
    """The parts of every group."""

    def __init__(self, unlink: Callable[[Segment], None]) -> None:
        self._unlink = unlink
        self._entries: defaultdict[str, dict[int, list[Entry]]] = defaultdict(dict)  # group, journal
        self._segments: defaultdict[str, set[Segment]] = defaultdict(set)
        self._readers: set[object] = set()
        self._doomed: list[tuple[Segment, set[object]]] = []

    def view(self, group: str) -> View:
        """All of a group as it is now."""
        entries = self._entries.get(group, {}).values()
        return View([one for each in entries for one in each], tuple(self._segments.get(group, ())))

    def groups(self) -> set[str]:
        """Those of which there is anything."""
        return {*self._entries, *self._segments}

    def segments(self) -> list[Segment]:
        """All of all groups."""
        return [segment for each in self._segments.values() for segment in each]

    def entries_of(self, journal: Journal) -> list[Entry]:
        """The batches in a journal, in no order but that of each group's."""
        return [one for entries in self._entries.values() for one in entries.get(journal.number, ())]

    def add_entry(self, entry: Entry) -> None:
        """A batch is in a journal."""
        self._entries[entry.frame.group].setdefault(entry.journal.number, []).append(entry)

    def add_segments(self, segments: Iterable[Segment]) -> None:
        """They are on disk."""
        for segment in segments:
            self._segments[segment.group].add(segment)

    def seal(self, journal: Journal, segments: Iterable[Segment]) -> None:
        """A journal's events are in these segments from now on."""
        for group in [name for name, entries in self._entries.items() if journal.number in entries]:
            del self._entries[group][journal.number]
            if not self._entries[group]:
                del self._entries[group]
        self.add_segments(segments)

    def drop(self, segments: Iterable[Segment]) -> None:
        """They are looked at no more; their files go when nobody reads them."""
        for segment in segments:
            self._segments[segment.group].discard(segment)
            if not self._segments[segment.group]:
                del self._segments[segment.group]
            self._doomed.append((segment, set(self._readers)))
        self._bury()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Files seen in here stay until the end."""
        reader = object()
        self._readers.add(reader)
        try:
            yield
        finally:
            self._readers.discard(reader)
            for _, readers in self._doomed:
                readers.discard(reader)
            self._bury()

    def _bury(self) -> None:
        for segment, readers in self._doomed:
            if not readers:
                self._unlink(segment)
        self._doomed = [(segment, readers) for segment, readers in self._doomed if readers]

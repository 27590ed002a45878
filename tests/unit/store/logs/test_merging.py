"""Which segments are merged: neighbours of one size and day, by eights."""

from bastide.store.logs.files.merging import TOGETHER, choose_merges
from bastide.store.logs.files.segments import Segment, parse_segment

KIB = 1024


def segment(journal: int, *, size: int = KIB, day: int = 0, group: str = "g") -> Segment:
    return Segment(group, day, journal, journal, 0, 1, 1, size)


def test_eight_small_neighbours_become_one() -> None:
    there = [segment(number) for number in range(TOGETHER * 2 + 3)]
    assert choose_merges(there[::-1]) == [there[:8], there[8:16]]


def test_fewer_stay_as_they_are() -> None:
    there = [segment(number) for number in range(TOGETHER - 1)]
    there += [segment(number, day=1) for number in range(TOGETHER - 1)]
    there += [segment(number, group="h") for number in range(TOGETHER - 1)]
    assert choose_merges(there) == []


def test_sizes_are_not_mixed_and_large_ones_stay() -> None:
    small = [segment(number) for number in range(4)]
    middle = [segment(number, size=4 * KIB**2) for number in range(4, 12)]
    large = [segment(number, size=80 * KIB**2) for number in range(12, 30)]
    assert choose_merges([*small, *middle, *large]) == [middle]


def test_a_name_is_read_as_it_was_written() -> None:
    written = Segment("0123456789abcdef", 20_000, 1_900_000_000, 1_900_000_007, 12, 34, 56, 78)
    group, day, name = written.name.split("/")
    assert parse_segment(group, day, name) == written
    assert parse_segment(group, day, "x.parquet") is None
    assert parse_segment(group, "x", name) is None

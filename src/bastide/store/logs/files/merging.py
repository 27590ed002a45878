"""Which segments to merge: many small ones of a day into few large ones, so that each event moves seldom.

Pure: segments in, lists of segments out.
"""

from collections.abc import Sequence
from itertools import groupby

from bastide.store.logs.files.segments import Segment

TOGETHER = 8  # of one size become one of the next
SIZES_BYTES = (2 * 1024**2, 16 * 1024**2, 64 * 1024**2)  # as CloudWatch Logs counts; larger ones stay


def choose_merges(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Runs of neighbours of one day that become one segment each."""
    chosen: list[list[Segment]] = []
    ordered = sorted(segments, key=lambda one: (one.group, one.day, one.first_journal))
    for _, of_day in groupby(ordered, key=lambda one: (one.group, one.day)):
        for size, run in groupby(of_day, key=_size):
            neighbours = list(run)
            if size < len(SIZES_BYTES):
                ends = range(TOGETHER, len(neighbours) + 1, TOGETHER)
                chosen += [neighbours[end - TOGETHER : end] for end in ends]
    return chosen


def _size(segment: Segment) -> int:
    """Which of the sizes it has."""
    return sum(segment.size >= bound for bound in SIZES_BYTES)

"""Lines of output put together to events: `awslogs-multiline-pattern` and `awslogs-datetime-format`.

A user's pattern is matched by RE2, whose time grows with the line's length and nothing else; the awslogs
driver's own syntax is the same one. An event begins at a line that matches and goes on until the next one,
the size of an event, or EVENT_AGE_S. What is no whole event yet stays in the spool, where no kill of the
agent loses it.
"""

import re
import time
from itertools import pairwise

import re2

from bastide.agent.output.spool import BATCH_BYTES, BATCH_LINES, EVENT_BYTES, Batch, Spool, split_lines
from bastide.model.assignment import EventStart, LogLine
from bastide.model.faults import Invalid

EVENT_AGE_S = 5.0  # when the awslogs driver sends an event whose end it has not seen
# awslogs' directives as regular expressions; what is between them is one already ("Amazon CloudWatch Logs
# logging driver" in Docker's documentation writes brackets with a backslash).
DIRECTIVES = {
    "a": "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)",
    "A": "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)",
    "w": "[0-6]",
    "d": "(?:0[1-9]|[12][0-9]|3[01])",
    "b": "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)",
    "B": "(?:January|February|March|April|May|June|July|August|September|October|November|December)",
    "m": "(?:0[1-9]|1[0-2])",
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "H": "(?:[01][0-9]|2[0-3])",
    "I": "(?:0[0-9]|1[0-2])",
    "p": "[AP]M",
    "M": "[0-5][0-9]",
    "S": "[0-5][0-9]",
    "L": r"\.[0-9]{3}",
    "f": "[0-9]{6}",
    "z": "[+-][0-9]{4}",
    "Z": "[A-Z]{1,4}T",
    "j": "(?:[0-2][0-9]{2}|3[0-5][0-9]|36[0-6])",
    "%": "%",
}
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)


class LineTest:
    """Whether a line begins an event."""

    def __init__(self, start: EventStart) -> None:
        """Invalid, as the driver says it, for a pattern that is none."""
        options = re2.Options()
        options.log_errors = False
        pattern = _translated(start.datetime_format) if start.datetime_format else start.pattern
        try:
            self._pattern = re2.compile(pattern, options=options)
        except re2.error as error:
            said = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
            why = (
                "failed to initialize logging driver: awslogs could not parse multiline pattern key "
                f'"{pattern}": error parsing regexp: {said}'
            )
            raise Invalid("pattern", pattern, why=why) from error

    def begins(self, line: str) -> bool:
        """Whether it does."""
        return self._pattern.search(line) is not None


class EventReader:
    """One spool's events. It remembers how far the event that is still open was looked at."""

    def __init__(self, spool: Spool, test: LineTest) -> None:
        self._spool = spool
        self._test = test
        self._open_from = 0
        self._scanned = 0
        self.again_s: float | None = None  # when the open event is old enough to be sent

    def read_batch(self, *, last: bool) -> Batch:
        """Events after `sent`, oldest first; `last` says that nothing more can come."""
        spool, end = self._spool, self._spool.readable_end
        is_held = spool.is_held
        begin = spool.sent
        is_known = self._open_from == begin <= self._scanned <= end and not is_held
        position = self._scanned if is_known else begin
        bounds = [begin]
        count = end - position if is_held else min(BATCH_BYTES, end - position)
        for raw in split_lines(spool.read(position, count)):
            is_whole = raw.endswith(b"\n") or len(raw) >= EVENT_BYTES
            if not is_whole and not (is_held or (last and position + len(raw) == spool.size)):
                break
            is_full = position - bounds[-1] + len(raw) > EVENT_BYTES
            if position > bounds[-1] and (is_full or self._test.begins(_text(raw))):
                bounds.append(position)
                if len(bounds) > BATCH_LINES:
                    break
            position += len(raw)
        self.again_s = None
        if position > bounds[-1] and (is_held or self._is_over(bounds[-1], position, last=last)):
            bounds.append(position)
        self._open_from, self._scanned = bounds[-1], position
        return Batch(tuple(self._events(bounds)), bounds[-1])

    def _is_over(self, begin: int, position: int, *, last: bool) -> bool:
        """Whether the event that begins there can be sent without the start of the next one."""
        if last and position == self._spool.size:
            return True
        left_s = EVENT_AGE_S - (time.time_ns() // 1_000_000 - self._spool.when(begin)) / 1000
        if 0 < left_s <= EVENT_AGE_S:
            self.again_s = left_s
            return False
        return True  # also for a clock that was set back, as the driver has it

    def _events(self, bounds: list[int]) -> list[LogLine]:
        data = self._spool.read(bounds[0], bounds[-1] - bounds[0])
        found = []
        for begin, end in pairwise(bounds):
            text = _text(data[begin - bounds[0] : end - bounds[0]])
            if text.strip():
                found.append(LogLine(self._spool.when(begin), text))
        return found


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\n").decode("utf-8", "replace")


def _translated(datetime_format: str) -> str:
    def pattern(found: re.Match[str]) -> str:
        if found[1] not in DIRECTIVES:
            why = (
                "failed to initialize logging driver: awslogs-datetime-format has the unknown directive "
                f'"{found[0]}"'
            )
            raise Invalid("format", datetime_format, why=why)
        return DIRECTIVES[found[1]]

    return _DIRECTIVE.sub(pattern, datetime_format)

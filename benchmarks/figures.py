"""What was measured, and how it is shown: a median with its spread, never a single number."""

import statistics
from collections.abc import Iterable, Sequence

import msgspec

HEAD = ("figure", "unit", "n", "median", "quartiles", "least–most")


class Figure(msgspec.Struct, frozen=True):
    """One quantity, measured some times over."""

    name: str
    unit: str
    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Where the middle half lies; least and most when there are too few to say."""
        if len(self.samples) < 4:
            return min(self.samples), max(self.samples)
        low, _, high = statistics.quantiles(self.samples, n=4, method="inclusive")
        return low, high


def figure(name: str, unit: str, samples: Iterable[float]) -> Figure:
    """A figure of samples in any collection. Preconditions: there is at least one."""
    return Figure(name, unit, tuple(samples))


def ratio(name: str, over: Figure, under: Figure) -> Figure:
    """How many times the second the first is, round by round: both saw the same machine in it."""
    pairs = zip(over.samples, under.samples, strict=False)
    return Figure(name, "×", tuple(one / other for one, other in pairs))


def render_table(figures: Iterable[Figure]) -> str:
    """A Markdown table, so that it can stand in a document as it is."""
    rows = [HEAD, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [_line(row, widths) for row in rows]
    return "\n".join([lines[0], _line(["-" * width for width in widths], widths), *lines[1:]])


def _row(of: Figure) -> tuple[str, ...]:
    low, high = of.quartiles
    spread = f"{_number(low)}–{_number(high)}"
    ends = f"{_number(min(of.samples))}–{_number(max(of.samples))}"
    return (of.name, of.unit, str(len(of.samples)), _number(of.median), spread, ends)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def _number(value: float) -> str:
    """Three digits are more than such measurements are good for."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"

"""How far a pull or an import is, on a terminal."""

import io

from bastide.cli.image import MIB, ProgressLine


class Terminal(io.StringIO):
    """What was printed."""

    def isatty(self) -> bool:
        return True


def test_a_line_is_written_over_and_stays_at_its_end() -> None:
    terminal = Terminal()
    line = ProgressLine(terminal)
    for done in (0, 1, 2, 2):
        line.show("download", done * MIB, 2 * MIB)
    line.show("unpack", MIB, 2 * MIB)
    shown = terminal.getvalue().split("\n")
    assert [part.rpartition("\033[K")[2] for part in shown] == [
        "download: 2.0 of 2.0 MiB",
        "unpack: 1.0 of 2.0 MiB",
    ]


def test_nothing_is_printed_where_no_terminal_reads_it() -> None:
    stream = io.StringIO()
    ProgressLine(stream).show("download", 1, 2)
    assert stream.getvalue() == ""

"""One layer from standard input, or the pipe its order names, to standard output; see the package."""

import contextlib
import fcntl
import os
import sys
from pathlib import Path

from bastide.host.layers.inspection import Inspection, Refused
from bastide.host.layers.order import PIPE_BYTES, Order, parse_any
from bastide.host.layers.packing import Read, unpacked

ORDER_FD = 3


def main() -> int:
    """Exit code 1, with the reason in the order's file, when the layer is refused."""
    with open(ORDER_FD, "rb") as given:
        order = parse_any(given.read())
    for descriptor in (0, 1):
        with contextlib.suppress(OSError):  # a file is no pipe
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    try:
        pass_on(order)
    except BrokenPipeError:  # containerd, or the agent, has given the layer up
        return 1
    except BaseException as error:
        # Before standard output ends with us: whoever sees the end of it sees the reason, too.
        Path(order.reason).write_text(str(error) or type(error).__name__)
        if isinstance(error, Refused):
            return 1
        raise
    return 0


def pass_on(order: Order) -> None:
    """Everything, piece by piece, each looked at before it goes out. Raises Refused."""
    inspection = Inspection(
        bytes_max=order.bytes_max,
        entries_max=order.entries_max,
        bytes_below=order.bytes_below,
        entries_below=order.entries_below,
    )
    for piece in unpacked(reader_of(order)):
        inspection.feed(piece)
        view = memoryview(piece)
        while view:
            view = view[os.write(1, view) :]
    inspection.finish()


def reader_of(order: Order) -> Read:
    """Reads the packed layer, at most so many bytes at once."""
    if not order.pipe:
        return lambda size: os.read(0, size)
    pipe, left = os.open(order.pipe, os.O_RDONLY), order.size
    Path(order.pipe).unlink()  # so that nothing is left of it, whoever is killed

    def read(size: int) -> bytes:
        nonlocal left
        data = os.read(pipe, min(size, left))
        if left and not data:
            raise BrokenPipeError("the agent is gone")  # it never closes its end before the layer's
        left -= len(data)
        return data

    return read


if __name__ == "__main__":
    sys.exit(main())

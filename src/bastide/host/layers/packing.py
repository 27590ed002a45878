"""Undoes a layer's packing, told by its first bytes, in pieces that a bomb cannot make larger."""

import io
from collections.abc import Callable, Iterator
from typing import Any

from isal import isal_zlib

from bastide.host.layers.inspection import Refused

IsalError: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # its stubs say an instance
READ_BYTES = 256 * 1024
PIECE_BYTES = 1024 * 1024
GZIP_MAGIC, ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
ZSTD_WINDOW_MAX = 1 << 27  # of `zstd --ultra -22`
GZIP_WBITS = 31  # zlib's way to ask for gzip's own header

Read = Callable[[int], bytes]


def unpacked(read: Read) -> Iterator[bytes]:
    """The plain bytes of a stream. Raises Refused when its packing is broken."""
    first = read(READ_BYTES)
    while 0 < len(first) < len(ZSTD_MAGIC) and (more := read(READ_BYTES)):
        first += more
    if first.startswith(GZIP_MAGIC):
        yield from _gunzipped(first, read)
    elif first.startswith(ZSTD_MAGIC):
        yield from _unzstd(first, read)
    else:
        while first:
            yield first
            first = read(PIECE_BYTES)


def _gunzipped(data: bytes, read: Read) -> Iterator[bytes]:
    unzip = isal_zlib.decompressobj(GZIP_WBITS)
    try:
        while True:
            while piece := unzip.decompress(data, PIECE_BYTES):
                yield piece
                data = unzip.unconsumed_tail
            if unzip.eof:
                data = unzip.unused_data or read(READ_BYTES)
                if not data:
                    return
                unzip = isal_zlib.decompressobj(GZIP_WBITS)  # gzip files one behind the other are one
                continue
            data = unzip.unconsumed_tail or read(READ_BYTES)
            if not data:
                raise Refused("the layer's gzip data is cut off: unexpected EOF")
    except IsalError as error:
        raise Refused(f"gzip: invalid data ({error})") from error


def _unzstd(data: bytes, read: Read) -> Iterator[bytes]:
    import zstandard  # few layers need it, and the program starts once for each

    unzip = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_MAX)
    source = io.BufferedReader(_Joined(data, read), READ_BYTES)
    try:
        with unzip.stream_reader(source, read_across_frames=True, read_size=READ_BYTES) as stream:
            while piece := stream.read(PIECE_BYTES):
                yield piece
    except zstandard.ZstdError as error:
        raise Refused(f"zstd: invalid data ({error})") from error


class _Joined(io.RawIOBase):
    """What was read already, then the rest."""

    def __init__(self, first: bytes, read: Read) -> None:
        self._first = first
        self._read = read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._first[: len(buffer)] or self._read(len(buffer))
        self._first = self._first[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)

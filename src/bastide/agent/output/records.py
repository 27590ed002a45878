"""A container's output as Docker's fluentd log driver sends it: a record a line, in its forward protocol.

Docker reads 16 KiB at a time, so a longer line comes in parts that say to what they belong. Empty lines are
records too, unlike CloudWatch's.
"""

import secrets
import struct
from collections.abc import Iterator

import msgspec

PIECE_BYTES = 16 * 1024  # Docker's copier
EVENT_TIME = 0  # the protocol's MessagePack extension for a time with nanoseconds


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Whose output it is."""

    tag: str
    container_id: str
    container_name: str
    source: str


class Recorder:
    """Turns the pieces of one stream into messages, in their order."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._encode = msgspec.msgpack.Encoder().encode
        self._partial_id = ""  # of a line whose end has not come
        self._ordinal = 0
        self._begun_ms = 0

    def record(self, raw: bytes, timestamp_ms: int) -> bytes:
        """One message. A piece without its line end is followed by another of the same line."""
        text = raw.removesuffix(b"\n")
        is_last = text != raw
        partial: dict[str, str] = {}
        if self._partial_id or not is_last:
            if not self._partial_id:
                self._partial_id, self._begun_ms = secrets.token_hex(32), timestamp_ms
            self._ordinal += 1
            partial = self._partial(is_last=is_last)
            timestamp_ms = self._begun_ms
        if is_last:
            self.end_line()
        return self._message(text.decode("utf-8", "replace"), partial, timestamp_ms)

    def note(self, text: str, timestamp_ms: int) -> bytes:
        """One message of our own."""
        return self._message(text, {}, timestamp_ms)

    def end_line(self) -> None:
        """What comes next belongs to no earlier line."""
        self._partial_id, self._ordinal = "", 0

    def _partial(self, *, is_last: bool) -> dict[str, str]:
        return {
            "partial_message": "true",
            "partial_id": self._partial_id,
            "partial_ordinal": str(self._ordinal),
            "partial_last": "true" if is_last else "false",
        }

    def _message(self, text: str, partial: dict[str, str], timestamp_ms: int) -> bytes:
        origin = self._origin
        fields = {
            "container_id": origin.container_id,
            "container_name": origin.container_name,
            "source": origin.source,
            "log": text,
        }
        seconds, ms = divmod(timestamp_ms, 1000)
        moment = msgspec.msgpack.Ext(EVENT_TIME, struct.pack(">II", seconds & 0xFFFFFFFF, ms * 1_000_000))
        return self._encode([origin.tag, moment, fields | partial, {}])


def split_pieces(data: bytes) -> Iterator[bytes]:
    """Lines with their ends; a longer one than Docker reads at once in parts, no character torn."""
    begin = 0
    while begin < len(data):
        end = data.find(b"\n", begin) + 1 or len(data)
        while end - begin > PIECE_BYTES:
            cut = begin + PIECE_BYTES
            while cut > begin + PIECE_BYTES - 3 and data[cut] & 0xC0 == 0x80:
                cut -= 1
            yield data[begin:cut]
            begin = cut
        yield data[begin:end]
        begin = end

"""Follows a tar as it flows by and stops it where it is not what a layer may be.

Reads headers as Go's archive/tar does, which unpacks after us; whatever the two could read differently is
refused. Nothing is kept but one header, so memory does not grow with the layer.
"""

import posixpath
import struct

BLOCK = 512
SPECIAL_MAX_BYTES = 1024 * 1024  # of one extended header, as Go's reader has it
NAME_MAX_CHARS = 4096  # PATH_MAX
WHITEOUT = ".wh."
REGULAR, CONTIGUOUS = (b"0", b"\0"), b"7"
HARD_LINK, SYMBOLIC_LINK, CHARACTER, BLOCK_DEVICE, FOLDER, FIFO = b"1", b"2", b"3", b"4", b"5", b"6"
PAX, PAX_GLOBAL, GNU_NAME, GNU_LINK = b"x", b"g", b"L", b"K"
WITHOUT_DATA = (HARD_LINK, SYMBOLIC_LINK, CHARACTER, BLOCK_DEVICE, FOLDER, FIFO)
# null, zero, full, random, urandom, tty, console, ptmx: old base images bring them, and they open nothing.
HARMLESS_DEVICES = {(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2)}


class Refused(Exception):
    """The layer is not unpacked, and why."""


class Inspection:
    """Of one layer: `feed` what comes, `finish` at its end. The limits are the whole image's."""

    def __init__(
        self, *, bytes_max: int, entries_max: int, bytes_below: int = 0, entries_below: int = 0
    ) -> None:
        self._bytes_max = bytes_max
        self._entries_max = entries_max
        self._bytes = bytes_below
        self._entries = entries_below
        self._skip = 0  # of an entry's data and padding
        self._held = bytearray()  # a header or an extended header that is not whole yet
        self._wanted = BLOCK
        self._special = b""  # whose data `_held` collects
        self._special_size = 0
        self._records: dict[str, str] = {}
        self._is_over = False

    def feed(self, data: bytes) -> None:
        """The next bytes. Raises Refused."""
        self._bytes += len(data)
        if self._bytes > self._bytes_max:
            raise Refused(f"the image unpacks to more than the {self._bytes_max} bytes it may have")
        at, end = 0, len(data)
        while at < end and not self._is_over:
            if self._skip:
                step = min(self._skip, end - at)
                self._skip -= step
                at += step
                continue
            step = min(self._wanted - len(self._held), end - at)
            self._held += data[at : at + step]
            at += step
            if len(self._held) == self._wanted:
                self._take(bytes(self._held))

    def finish(self) -> None:
        """No more comes. Raises Refused when more had to."""
        if not self._is_over and (self._skip or self._held or self._special):
            raise Refused("the layer's tar ends in the middle of an entry: unexpected EOF")

    def _take(self, block: bytes) -> None:
        self._held.clear()
        self._wanted = BLOCK
        if self._special:
            kind, self._special = self._special, b""
            self._extend(kind, block[: self._special_size])
        elif not any(block):
            self._is_over = True
        else:
            self._header(block)

    def _header(self, block: bytes) -> None:
        said = _octal(block[148:156])
        if said != sum(block) - sum(block[148:156]) + 8 * 32:
            raise Refused("the layer is no tar: a header's checksum is wrong")
        kind, size = block[156:157], _number(block[124:136])
        if kind in (PAX, PAX_GLOBAL, GNU_NAME, GNU_LINK):
            if size > SPECIAL_MAX_BYTES:
                raise Refused(f"an extended header of the layer has {size} bytes")
            self._special, self._special_size = kind, size
            self._wanted = _padded(size)
            if not size:
                self._take(b"")
            return
        self._entry(block, kind, size)

    def _entry(self, block: bytes, kind: bytes, size: int) -> None:
        self._entries += 1
        if self._entries > self._entries_max:
            raise Refused(f"the image has more than the {self._entries_max} entries it may have")
        records, self._records = self._records, {}
        if any(key.startswith("GNU.sparse.") for key in records):
            raise Refused("the layer holds a sparse file")
        name = records.get("path") or _name(block)
        check_name(name)
        if kind in (HARD_LINK, SYMBOLIC_LINK):
            target = records.get("linkpath") or _text(block[157:257])
            if len(target) > NAME_MAX_CHARS:
                raise Refused("a link of the layer is longer than a path can be")
            if kind == HARD_LINK:
                check_name(target)
        elif kind in (CHARACTER, BLOCK_DEVICE):
            device = _number(block[329:337]), _number(block[337:345])
            if kind == BLOCK_DEVICE or device not in HARMLESS_DEVICES:
                raise Refused(f"{name[:200]!r} is a device ({device[0]}:{device[1]})")
        elif kind not in (*REGULAR, CONTIGUOUS, FOLDER, FIFO):
            raise Refused(f"{name[:200]!r} is of the unknown kind {kind!r}")
        if "size" in records:
            size = _decimal(records["size"])
        self._skip = 0 if kind in WITHOUT_DATA else _padded(size)

    def _extend(self, kind: bytes, data: bytes) -> None:
        if kind == GNU_NAME:
            self._records["path"] = _text(data)
        elif kind == GNU_LINK:
            self._records["linkpath"] = _text(data)
        elif kind == PAX:
            self._records |= _pax_records(data)
        else:
            _pax_records(data)  # Go's reader leaves the values of global ones to its caller, too


def check_name(name: str) -> None:
    """Raises Refused for a path that leaves the root or is none."""
    if len(name) > NAME_MAX_CHARS or "\0" in name:
        raise Refused("a name in the layer is longer than a path can be")
    inside = posixpath.normpath(name.lstrip("/") or ".")
    if inside == ".." or inside.startswith("../"):
        raise Refused(f"{name[:200]!r} leads out of the image's root")
    base = posixpath.basename(inside)
    if base.startswith(WHITEOUT) and base.removeprefix(WHITEOUT) in ("", ".", ".."):
        raise Refused(f"{name[:200]!r} removes nothing that can be removed")


def _name(block: bytes) -> str:
    name = _text(block[:100])
    is_ustar = block[257:263] == b"ustar\0"
    prefix = _text(block[345:500]) if is_ustar else ""
    return f"{prefix}/{name}" if prefix else name


def _pax_records(data: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    while data:
        length, space, _ = data.partition(b" ")
        if not space or not length.isdigit() or not len(length) + 1 < int(length) <= len(data):
            raise Refused("an extended header of the layer cannot be read")
        record, data = data[len(length) + 1 : int(length)], data[int(length) :]
        key, equals, value = record.partition(b"=")
        if not equals or not value.endswith(b"\n"):
            raise Refused("an extended header of the layer cannot be read")
        found[key.decode(errors="surrogateescape")] = value[:-1].decode(errors="surrogateescape")
    return found


def _number(field: bytes) -> int:
    """Octal, or binary where the highest bit is set (GNU's and star's way with large numbers)."""
    if field[0] & 0x80:
        if field[0] & 0x40 or any(field[1:-8]) or field[0] != 0x80 or field[-8] & 0x80:
            raise Refused("a size in the layer is no number")
        return int(struct.unpack(">Q", b"\0" * (8 - min(8, len(field) - 1)) + field[1:][-8:])[0])
    return _octal(field)


def _octal(field: bytes) -> int:
    digits = field.strip(b" \0")
    if digits and any(digit not in b"01234567" for digit in digits):
        raise Refused("a number in the layer's tar cannot be read")
    return int(digits, 8) if digits else 0


def _decimal(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Refused("a size in the layer is no number")
    return int(text)


def _padded(size: int) -> int:
    return (size + BLOCK - 1) // BLOCK * BLOCK


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="surrogateescape")

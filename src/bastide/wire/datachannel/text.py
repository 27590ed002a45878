"""Where to cut a terminal's bytes: never inside of a character, as a client may show each piece by itself."""

_SEQUENCE_BYTES = ((0xF0, 0xF8, 4), (0xE0, 0xF0, 3), (0xC2, 0xE0, 2))  # first bytes from, below; RFC 3629, 3


def whole_characters(data: bytes) -> int:
    """How many bytes to send: all but the beginning of a character whose rest is still to come."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 != 0x80:  # the first byte of a character, or no UTF-8 at all
            lengths = (length for least, beyond, length in _SEQUENCE_BYTES if least <= byte < beyond)
            return len(data) - back if back < next(lengths, 1) else len(data)
    return len(data)

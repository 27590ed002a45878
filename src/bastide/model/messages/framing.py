"""Messages over a stream of bytes: four bytes of big-endian length, then that many bytes of JSON.

Nothing here knows the transport or what is said; `model/frames` is said between agent and server, `operator`
between an operator's command and the server.
"""

from collections.abc import Iterator

import msgspec

from bastide.model.faults import Invalid

FRAME_MAX_BYTES = 16 * 1024 * 1024
_LENGTH_BYTES = 4

_encoder = msgspec.json.Encoder()


def render_message(message: msgspec.Struct) -> bytes:
    """The message's bytes, length first; raises Invalid beyond FRAME_MAX_BYTES."""
    body = _encoder.encode(message)
    if len(body) > FRAME_MAX_BYTES:
        raise Invalid("frame", why=f"a frame of {len(body)} bytes is larger than {FRAME_MAX_BYTES}")
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


class Bodies:
    """Cuts the bytes of one direction into messages' bodies."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The bodies completed by `data`; raises Invalid for a length that cannot be."""
        self._held += data
        while len(self._held) >= _LENGTH_BYTES:
            length = int.from_bytes(self._held[:_LENGTH_BYTES], "big")
            if length > FRAME_MAX_BYTES:
                raise Invalid("frame", why=f"a frame of {length} bytes is announced")
            end = _LENGTH_BYTES + length
            if len(self._held) < end:
                return
            body = bytes(self._held[_LENGTH_BYTES:end])
            del self._held[:end]
            yield body

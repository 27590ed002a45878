"""`application/vnd.amazon.eventstream`: how an operation answers with events as they happen.

A message is two lengths and their checksum, headers, a payload, and a checksum of it all. The first one
holds the operation's plain members, of which no operation here has any. Headers are texts.
"""

import struct
import zlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import msgspec

from bastide.wire.http import Streamed

MEDIA_TYPE = "application/vnd.amazon.eventstream"
_TEXT = 7  # the type of a header's value
_PRELUDE = struct.Struct(">II")
_CHECKSUM = struct.Struct(">I")

Events = AsyncGenerator[tuple[str, Mapping[str, Any]], None]


def render_stream(events: Events, *, request_id: str) -> Streamed:
    """The response to a call that went well: events are members of the model's stream, by their names."""
    headers = {"content-type": MEDIA_TYPE, "x-amzn-requestid": request_id}
    return Streamed(200, headers, _render_parts(events))


async def _render_parts(events: Events) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        yield render_event("initial-response", {})
        async for name, members in events:
            yield render_event(name, members)


def render_event(name: str, members: Mapping[str, Any]) -> bytes:
    """One message; the model's errors are named as such."""
    kind = "exception" if name.endswith("Exception") else "event"
    headers = {":message-type": kind, f":{kind}-type": name, ":content-type": "application/json"}
    head = b"".join(_render_header(*header) for header in headers.items())
    payload = msgspec.json.encode(members)
    prelude = _PRELUDE.pack(_PRELUDE.size + len(head) + len(payload) + 2 * _CHECKSUM.size, len(head))
    message = prelude + _CHECKSUM.pack(zlib.crc32(prelude)) + head + payload
    return message + _CHECKSUM.pack(zlib.crc32(message))


def _render_header(name: str, value: str) -> bytes:
    return bytes((len(name),)) + name.encode() + bytes((_TEXT,)) + len(value).to_bytes(2) + value.encode()

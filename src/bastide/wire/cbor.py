"""smithy-rpc-v2-cbor: the operation in the path, one CBOR map each way.

Only what the protocol knows is read: integers of 64 bits, floats, byte and text strings, lists, maps with
text keys, booleans, null, and tag 1 (a timestamp). General CBOR libraries accept far more (bignums,
regular expressions, shared references), all of it surface to attack and none of it meant.
"""

import struct
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bastide.wire.codec.scalars import JSON_READERS, Read, read_epoch, render_epoch
from bastide.wire.codec.values import ValueReader, ValueWriter, Write
from bastide.wire.http import Request, Response, WireError
from bastide.wire.json11 import error_document, media_type, query_error_headers
from bastide.wire.malformed import Malformed, MalformedReason, unreadable
from bastide.wire.models import Operation, Service

DEPTH_MAX = 64  # levels of lists and maps; the deepest model needs a dozen
VALUES_MAX = 500_000  # the largest batch of any service holds some three hundred thousand
INDEFINITE = 31
BREAK = 0xFF
TIMESTAMP_TAG = 1
_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}


class _Decoder:
    """Reads one value off a body, from `at` on."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._count_left = VALUES_MAX
        self.at = 0

    def _spend(self) -> None:
        self._count_left -= 1
        if self._count_left < 0:
            raise unreadable("CBOR holds too many values")

    def take(self, count: int) -> bytes:
        """The next `count` bytes, checked before anything is allocated."""
        if count > len(self._body) - self.at:
            raise unreadable("CBOR ends too early")
        start, self.at = self.at, self.at + count
        return self._body[start : self.at]

    def value(self, depth: int) -> Any:
        self._spend()
        head = self.take(1)[0]
        major, extra = head >> 5, head & 0x1F
        if major == 0:
            return self._argument(extra)
        if major == 1:
            return -1 - self._argument(extra)
        if major == 2:
            return self._string(major, extra)
        if major == 3:
            return self._text(extra)
        if major == 7:
            return self._simple(extra)
        if depth >= DEPTH_MAX:
            raise unreadable("CBOR is nested too deeply")
        if major == 4:
            return self._list(extra, depth + 1)
        return self._map(extra, depth + 1) if major == 5 else self._tagged(extra, depth + 1)

    def _argument(self, extra: int) -> int:
        if extra < 24:
            return extra
        if extra > 27:
            raise unreadable("CBOR item has an invalid length")
        return int.from_bytes(self.take(1 << (extra - 24)), "big")

    def _string(self, major: int, extra: int) -> bytes:
        if extra != INDEFINITE:
            return self.take(self._argument(extra))
        chunks = []
        while (head := self.take(1)[0]) != BREAK:
            if head >> 5 != major or head & 0x1F == INDEFINITE:
                raise unreadable("CBOR string holds a chunk that is no string")
            self._spend()
            chunks.append(self.take(self._argument(head & 0x1F)))
        return b"".join(chunks)

    def _text(self, extra: int) -> str:
        try:
            return self._string(3, extra).decode()
        except UnicodeDecodeError as cause:
            raise unreadable("CBOR text is not UTF-8") from cause

    def _simple(self, extra: int) -> Any:
        if extra in _SIMPLE:
            return _SIMPLE[extra]
        if extra not in _FLOATS:
            raise unreadable("CBOR holds an unknown simple value")
        form = _FLOATS[extra]
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def _is_more(self, count: int | None, done: int) -> bool:
        if count is not None:
            return done < count
        if self._body[self.at : self.at + 1] != bytes((BREAK,)):
            return True
        self.at += 1
        return False

    def _count(self, extra: int) -> int | None:
        if extra == INDEFINITE:
            return None
        count = self._argument(extra)
        if count > len(self._body) - self.at:
            raise unreadable("CBOR ends too early")
        return count

    def _list(self, extra: int, depth: int) -> list[Any]:
        count = self._count(extra)
        items: list[Any] = []
        while self._is_more(count, len(items)):
            items.append(self.value(depth))
        return items

    def _map(self, extra: int, depth: int) -> dict[str, Any]:
        count = self._count(extra)
        entries: dict[str, Any] = {}
        while self._is_more(count, len(entries)):
            key = self.value(depth)
            if type(key) is not str or key in entries:
                raise unreadable("CBOR map keys must be text and differ")
            entries[key] = self.value(depth)
        return entries

    def _tagged(self, extra: int, depth: int) -> datetime:
        if self._argument(extra) != TIMESTAMP_TAG:
            raise unreadable("CBOR holds an unknown tag")
        return read_epoch(self.value(depth))


def decode_cbor(body: bytes) -> Any:
    """The value a body holds; an empty body is an empty map."""
    if not body:
        return {}
    decoder = _Decoder(body)
    value = decoder.value(0)
    if decoder.at != len(body):
        raise unreadable("CBOR goes on after its end")
    return value


class _Epoch(float):
    """A float that goes out under the timestamp tag."""


def encode_cbor(value: Any) -> bytes:
    """The bytes of what `ValueWriter` made."""
    out: list[bytes] = []
    _encode(value, out)
    return b"".join(out)


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes((major << 5 | argument,))
    for extra, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * size):
            return bytes((major << 5 | extra,)) + argument.to_bytes(size, "big")
    raise ValueError("integer does not fit CBOR's 64 bits")


def _encode(value: Any, out: list[bytes]) -> None:
    if isinstance(value, dict):
        out.append(_head(5, len(value)))
        for key, item in value.items():
            _encode(key, out)
            _encode(item, out)
    elif isinstance(value, list | tuple):
        out.append(_head(4, len(value)))
        for item in value:
            _encode(item, out)
    elif isinstance(value, str):
        text = value.encode()
        out.extend((_head(3, len(text)), text))
    elif isinstance(value, bytes):
        out.extend((_head(2, len(value)), value))
    else:
        out.append(_encode_scalar(value))


def _encode_scalar(value: Any) -> bytes:
    if value is None or isinstance(value, bool):
        return b"\xf6" if value is None else (b"\xf5" if value else b"\xf4")
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, float):
        tag = bytes((6 << 5 | TIMESTAMP_TAG,)) if isinstance(value, _Epoch) else b""
        return tag + b"\xfb" + struct.pack(">d", value)
    raise ValueError(f"no CBOR for {type(value).__name__}")


def _read_blob(value: Any) -> bytes:
    if type(value) is not bytes:
        raise unreadable("Expected a byte string")
    return value


def _read_timestamp(value: Any) -> datetime:
    return value if type(value) is datetime else read_epoch(value)


CBOR_READERS: Mapping[str, Read] = {**JSON_READERS, "blob": _read_blob, "timestamp": _read_timestamp}
CBOR_WRITERS: Mapping[str, Write] = {
    "timestamp": lambda value: _Epoch(render_epoch(value)),
    "float": float,
    "double": float,
    "blob": lambda value: value.encode() if isinstance(value, str) else bytes(value),
}


class Cbor:
    """CBOR as one service speaks it."""

    name = "smithy-rpc-v2-cbor"

    def __init__(self, service: Service) -> None:
        self._service = service
        self._reader = ValueReader(CBOR_READERS)
        self._writer = ValueWriter(CBOR_WRITERS)

    def route(self, request: Request) -> tuple[str, Mapping[str, str]]:
        """The operation a request asks for."""
        parts = request.path.split("/")
        if len(parts) < 5 or parts[-4] != "service" or parts[-2] != "operation":
            raise Malformed(MalformedReason.UNKNOWN_OPERATION, "")
        if parts[-3] != self._service.target_prefix or parts[-1] not in self._service.operations:
            raise Malformed(MalformedReason.UNKNOWN_OPERATION, "")
        if request.body and media_type(request) != "application/cbor":
            raise Malformed(MalformedReason.UNSUPPORTED_MEDIA, "Content-Type must be application/cbor")
        return parts[-1], {}

    def read(self, operation: Operation, request: Request, labels: Mapping[str, str]) -> dict[str, Any]:
        """The params in a body."""
        value = decode_cbor(request.body)
        shape = operation.input_shape
        params: dict[str, Any] = self._reader.reader(shape)(value) if shape else {}
        return params

    def write(self, operation: Operation, result: Mapping[str, Any], request_id: str) -> Response:
        """A success."""
        shape = operation.output_shape
        return self._response(200, self._writer.writer(shape)(result) if shape else dict(result), request_id)

    def write_error(self, error: WireError, request_id: str) -> Response:
        """A failure, with the model's further members of that error."""
        modelled = self._service.errors.get(error.code)
        members = self._writer.writer(modelled.shape)(error.members) if modelled else dict(error.members)
        code = modelled.name if modelled else error.code
        document = {"__type": code, **error_document(self._service, error, members)}
        response = self._response(self._service.status_of(error), document, request_id)
        response.headers.update(query_error_headers(self._service, error, modelled))
        return response

    def _response(self, status: int, document: Any, request_id: str) -> Response:
        headers = {
            "content-type": "application/cbor",
            "smithy-protocol": "rpc-v2-cbor",
            "x-amzn-requestid": request_id,
        }
        return Response(status, headers, encode_cbor(document))

"""AWS JSON 1.0 and 1.1: the operation in X-Amz-Target, one JSON object each way.

Of a key that stands twice the last one counts, as in the services. Numbers beyond 64 bits, NaN and
Infinity are refused. Query-compatible services get their errors' old codes in a header of their own.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from bastide.wire.codec.scalars import JSON_READERS, render_base64, render_epoch
from bastide.wire.codec.values import ValueReader, ValueWriter, Write
from bastide.wire.http import Request, Response, WireError
from bastide.wire.malformed import Malformed, MalformedReason, unreadable
from bastide.wire.models import ErrorShape, Operation, Service

MEDIA_TYPES = ("application/x-amz-json-1.0", "application/x-amz-json-1.1", "application/json")
COUNTED_FROM_BYTES = 1024 * 1024  # smaller bodies can't hold enough values to hurt
VALUES_MAX = 1_000_000  # a body of 64 MiB could hold twenty times as many, and take a gigabyte to hold them
JSON_WRITERS: Mapping[str, Write] = {"blob": render_base64, "timestamp": render_epoch}


def decode_json(body: bytes) -> Any:
    """The value a body holds; an empty body is an empty object."""
    if not body:
        return {}
    if len(body) > COUNTED_FROM_BYTES and sum(body.count(mark) for mark in (b",", b"[", b"{")) > VALUES_MAX:
        raise unreadable("JSON holds too many values")
    try:
        return msgspec.json.decode(body)
    except RecursionError as cause:
        raise unreadable("JSON is nested too deeply") from cause
    except (msgspec.DecodeError, UnicodeDecodeError) as cause:
        raise unreadable(f"Could not parse request body into json: {cause}") from cause


def media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def error_document(service: Service | None, error: WireError, members: Mapping[str, Any]) -> dict[str, Any]:
    """An error's members, its message under the name the model gives it."""
    modelled = service.errors.get(error.code) if service else None
    message = "Message" if modelled and "Message" in modelled.shape.members else "message"
    return {**members, message: error.message}


def query_error_headers(
    service: Service | None, error: WireError, modelled: ErrorShape | None
) -> dict[str, str]:
    """The header by which services that once spoke query keep their errors' old codes."""
    if service is None or not service.is_query_compatible:
        return {}
    code = modelled.code if modelled else error.code
    side = "Receiver" if service.status_of(error) >= 500 else "Sender"
    return {"x-amzn-query-error": f"{code};{side}"}


class Json:
    """JSON as one service speaks it."""

    name = "json"

    def __init__(self, service: Service) -> None:
        self._service = service
        self._reader = ValueReader(JSON_READERS)
        self._writer = ValueWriter(JSON_WRITERS)

    def route(self, request: Request) -> tuple[str, Mapping[str, str]]:
        """The operation a request asks for."""
        prefix, _, operation = request.headers.get("x-amz-target", "").rpartition(".")
        if prefix != self._service.target_prefix or operation not in self._service.operations:
            raise Malformed(MalformedReason.UNKNOWN_OPERATION, "")
        if media_type(request) not in MEDIA_TYPES:
            raise Malformed(MalformedReason.UNSUPPORTED_MEDIA, "Content-Type must be application/x-amz-json")
        return operation, {}

    def read(self, operation: Operation, request: Request, labels: Mapping[str, str]) -> dict[str, Any]:
        """The params in a body."""
        value = decode_json(request.body)
        shape = operation.input_shape
        params: dict[str, Any] = self._reader.reader(shape)(value) if shape else {}
        return params

    def write(self, operation: Operation, result: Mapping[str, Any], request_id: str) -> Response:
        """A success."""
        shape = operation.output_shape
        document = self._writer.writer(shape)(result) if shape else _nothing(result)
        return self._response(200, msgspec.json.encode(document), request_id)

    def write_error(self, error: WireError, request_id: str) -> Response:
        """A failure, with the model's further members of that error."""
        modelled = self._service.errors.get(error.code)
        members = self._writer.writer(modelled.shape)(error.members) if modelled else dict(error.members)
        code = modelled.name if modelled and self._service.is_query_compatible else error.code
        document = {"__type": code, **error_document(self._service, error, members)}
        response = self._response(self._service.status_of(error), msgspec.json.encode(document), request_id)
        response.headers.update(query_error_headers(self._service, error, modelled))
        return response

    def _response(self, status: int, body: bytes, request_id: str) -> Response:
        media = f"application/x-amz-json-{self._service.json_version}"
        return Response(status, {"content-type": media, "x-amzn-requestid": request_id}, body)


def _nothing(result: Mapping[str, Any]) -> dict[str, Any]:
    if result:
        raise ValueError(f"this operation answers nothing, got {sorted(result)}")
    return {}

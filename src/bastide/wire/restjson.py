"""AWS rest-json: path, query and headers hold what the model says, the body is JSON or a payload."""

from collections.abc import Callable
from typing import Any

import msgspec

from bastide.wire.codec.rest import Rest
from bastide.wire.codec.scalars import JSON_READERS
from bastide.wire.codec.values import ValueReader, ValueWriter
from bastide.wire.http import Response, WireError
from bastide.wire.json11 import JSON_WRITERS, decode_json, error_document
from bastide.wire.models import Service, Shape


class RestJson(Rest):
    """rest-json as one service speaks it."""

    name = "rest-json"
    media = "application/json"

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._reader = ValueReader(JSON_READERS)
        self._writer = ValueWriter(JSON_WRITERS)

    def document_reader(self, shape: Shape) -> Callable[[bytes], Any]:
        read = self._reader.reader(shape)
        return lambda body: read(decode_json(body))

    def write_document(self, shape: Shape, value: Any, *, is_payload: bool) -> bytes:
        return msgspec.json.encode(self._writer.writer(shape)(value))

    def write_error(self, error: WireError, request_id: str) -> Response:
        """A failure: the code in a header, the message in the body."""
        modelled = self.service.errors.get(error.code)
        members = self._writer.writer(modelled.shape)(error.members) if modelled else dict(error.members)
        body = msgspec.json.encode(error_document(self.service, error, members))
        headers = {
            "content-type": self.media,
            "x-amzn-requestid": request_id,
            "x-amzn-errortype": error.code,
        }
        return Response(self.service.status_of(error), headers, body)

"""AWS rest-xml: path, query and headers hold what the model says, the body is XML or a payload."""

from collections.abc import Callable
from typing import Any

from bastide.wire.codec.rest import Rest
from bastide.wire.codec.xml_reader import XmlReader, parse_xml
from bastide.wire.codec.xml_writer import XmlWriter, escape
from bastide.wire.http import Response, WireError
from bastide.wire.models import Service, Shape
from bastide.wire.query import xml_response

# Answers whose one member is the document itself, which botocore's models cannot say (Smithy's trait
# s3UnwrappedXmlOutput): shape → element.
UNWRAPPED = {"GetBucketLocationOutput": "LocationConstraint"}


class RestXml(Rest):
    """rest-xml as one service speaks it."""

    name = "rest-xml"
    media = "application/xml"

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._reader = XmlReader()
        self._writer = XmlWriter()

    def document_reader(self, shape: Shape) -> Callable[[bytes], Any]:
        read = self._reader.reader(shape)
        return lambda body: read(parse_xml(body))

    def write_document(self, shape: Shape, value: Any, *, is_payload: bool) -> bytes:
        out = ['<?xml version="1.0" encoding="UTF-8"?>\n']
        if (element := UNWRAPPED.get(shape.name)) is not None:
            text = escape(value.get(element) or "")
            return f"{out[0]}<{element}>{text}</{element}>".encode()
        self._writer.writer(shape, shape.serialization.get("name", shape.name))(out, value)
        return "".join(out).encode()

    def write_error(self, error: WireError, request_id: str) -> Response:
        """A failure: a bare <Error> from services signed the S3 way, a wrapped one from others."""
        status = self.service.status_of(error)
        side = "Receiver" if status >= 500 else "Sender"
        inner = [f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"]
        modelled = self.service.errors.get(error.code)
        if modelled and error.members:
            self._writer.contents(modelled.shape)(inner, error.members)
        request = f"<RequestId>{escape(request_id)}</RequestId>"
        if self.service.has_bare_errors:
            response = xml_response(status, ["<Error>", *inner, request, "</Error>"], request_id)
        else:
            out = [
                "<ErrorResponse><Error>",
                f"<Type>{side}</Type>",
                *inner,
                "</Error>",
                request,
                "</ErrorResponse>",
            ]
            response = xml_response(status, out, request_id)
        response.headers["x-amz-request-id"] = request_id
        return response

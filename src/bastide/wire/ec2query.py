"""EC2's dialect of query: other names in forms, bare lists, results without a wrapper.

A field is called by its queryName, else its locationName with a capital, else its own name; lists are
always numbered directly (`Filter.1.Value.2`).
"""

from collections.abc import Mapping
from typing import Any

from bastide.wire.codec.scalars import Read
from bastide.wire.codec.xml_writer import Write, escape
from bastide.wire.http import Response, WireError
from bastide.wire.malformed import Constraint, Violation
from bastide.wire.models import Operation, Shape
from bastide.wire.query import FormReader, Query, numbered, xml_response


def in_ec2_words(violation: Violation) -> str:
    """A broken rule as EC2 tells it: one at a time, without the other services' formula."""
    if violation.constraint is Constraint.REQUIRED:
        return f"The request must contain the parameter {violation.member}"
    value = violation.value.strip("'")
    return f"Value ({value}) for parameter {violation.member} is invalid. {violation.rule}"


class Ec2FormReader(FormReader):
    """Compiles shapes into readers of trees, with EC2's names."""

    def field_name(self, member: Shape, name: str) -> str:
        if "queryName" in member.serialization:
            return str(member.serialization["queryName"])
        given = str(member.serialization.get("name", ""))
        return given[:1].upper() + given[1:] or name

    def list_reader(self, shape: Shape) -> Read:
        read = self.reader(shape.member)
        return lambda node: [read(item) for item in numbered(node)]


class Ec2Query(Query):
    """EC2's query as one service speaks it."""

    name = "ec2"
    reader_class = Ec2FormReader

    def unknown_action(self, action: str, fields: Mapping[str, str]) -> str:
        return f"The action {action} is not valid for this web service." if action else "Missing Action"

    def write(self, operation: Operation, result: Mapping[str, Any], request_id: str) -> Response:
        """A success: the members right under the root, beside the request's id."""
        out = [
            f'<{operation.name}Response xmlns="{self.service.xmlns}/">',
            f"<requestId>{escape(request_id)}</requestId>",
        ]
        shape = operation.output_shape
        if shape is not None:
            write: Write = self.writer.contents(shape)
            write(out, result)
        elif result:
            raise ValueError(f"{operation.name} answers nothing, got {sorted(result)}")
        else:
            out.append("<return>true</return>")
        out.append(f"</{operation.name}Response>")
        return xml_response(200, out, request_id)

    def write_error(self, error: WireError, request_id: str) -> Response:
        """A failure."""
        out = [
            f"<Response><Errors><Error><Code>{escape(error.code)}</Code>",
            f"<Message>{escape(error.message)}</Message>",
        ]
        self.write_members(out, error)
        out.append(f"</Error></Errors><RequestID>{escape(request_id)}</RequestID></Response>")
        return xml_response(self.service.status_of(error), out, request_id)

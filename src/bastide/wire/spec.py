"""From requests to calls and from results to responses, whatever the service and its protocols.

The only door to the protocols. No operation is named here or below: the models say everything.
Invariants: `parse` returns a Call or raises Malformed, and nothing else, for any bytes; `render` raises
ValueError for a result the model does not allow, which is a bug of the caller.
Concurrency: any thread; closures compiled twice by a race are equal.
"""

import zlib
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol
from uuid import uuid4

import msgspec

from bastide.wire.cbor import Cbor
from bastide.wire.codec.checks import Check, Checks
from bastide.wire.codec.redaction import Redact, Redaction
from bastide.wire.ec2query import Ec2Query, in_ec2_words
from bastide.wire.http import Request, Response, WireError
from bastide.wire.json11 import Json
from bastide.wire.malformed import Malformed, MalformedReason, Violation, invalid, unreadable
from bastide.wire.models import (
    ErrorShape,
    Operation,
    Service,
    nameless,
    names_by_signing_name,
    names_by_target,
    names_by_version,
    service,
)
from bastide.wire.query import FORM, Query, parse_form
from bastide.wire.restjson import RestJson
from bastide.wire.restxml import RestXml

BODY_MAX_BYTES = 64 * 1024 * 1024

__all__ = [
    "BODY_MAX_BYTES",
    "Call",
    "Service",
    "errors",
    "operations",
    "parse",
    "protocol_for",
    "redactions",
    "render",
    "render_error",
    "service",
    "service_for",
]


class Call(msgspec.Struct, frozen=True):
    """One operation asked for, with params named and typed as the model has them."""

    service: str
    operation: str
    params: dict[str, Any]
    protocol: str
    request_id: str


class Speaker(Protocol):
    """One protocol as one service speaks it."""

    def route(self, request: Request) -> tuple[str, Mapping[str, str]]: ...
    def read(self, operation: Operation, request: Request, labels: Mapping[str, str]) -> dict[str, Any]: ...
    def write(self, operation: Operation, result: Mapping[str, Any], request_id: str) -> Response: ...
    def write_error(self, error: WireError, request_id: str) -> Response: ...


_SPEAKERS: Mapping[str, type[Speaker]] = {
    "json": Json,
    "query": Query,
    "ec2": Ec2Query,
    "rest-json": RestJson,
    "rest-xml": RestXml,
    "smithy-rpc-v2-cbor": Cbor,
}
_FORM_PROTOCOLS = ("query", "ec2")
_REST_PROTOCOLS = ("rest-json", "rest-xml")


@cache
def _speaker(service_name: str, protocol: str) -> Speaker:
    speaker: type[Any] = _SPEAKERS[protocol]
    return speaker(service(service_name))  # type: ignore[no-any-return]


@cache
def _nameless_speaker(protocol: str) -> Speaker:
    speaker: type[Any] = _SPEAKERS[protocol]
    return speaker(nameless())  # type: ignore[no-any-return]


@cache
def _checks(service_name: str) -> Checks:
    return Checks()


@cache
def _check(service_name: str, operation: str) -> Check | None:
    shape = service(service_name).operation(operation).input_shape
    return None if shape is None else _checks(service_name).check(shape)


@cache
def _redaction(service_name: str) -> Redaction:
    return Redaction()


@cache
def redactions(service_name: str, operation: str) -> tuple[Redact | None, Redact | None]:
    """What makes of an operation's params, and of its result, something that may be kept."""
    of, model = _redaction(service_name), service(service_name).operation(operation)
    shapes = (model.input_shape, model.output_shape)
    given, told = (None if shape is None else of.of(shape) for shape in shapes)
    return given, told


def _family(request: Request) -> str:
    """The kind of protocol a request looks like: one of `_SPEAKERS`, or '' for REST."""
    headers = request.headers
    if "smithy-protocol" in headers:
        return "smithy-rpc-v2-cbor" if headers["smithy-protocol"] == "rpc-v2-cbor" else ""
    if "x-amz-target" in headers:
        return "json"
    if headers.get("content-type", "").lower().startswith(FORM) or "Action=" in request.query:
        return "query"
    return ""


def service_for(request: Request, signing_name: str | None) -> Service:
    """The service a request is for: by target, form version or path, within the credential scope if known.

    A target outside the scope still finds its service; whether the scope fits is for the caller to ask.
    """
    name = _named_by(request, signing_name)
    within = names_by_signing_name().get(signing_name or "", ())
    if name is None and within:
        name = signing_name if signing_name in within else within[-1]
    if name is None:
        raise Malformed(
            MalformedReason.UNKNOWN_SERVICE, "Unable to determine service/operation name to be authorized"
        )
    return service(name)


def _named_by(request: Request, signing_name: str | None) -> str | None:
    family = _family(request)
    if family == "json":
        return names_by_target().get(request.headers["x-amz-target"].rpartition(".")[0])
    if family == "smithy-rpc-v2-cbor":
        parts = request.path.split("/")
        return names_by_target().get(parts[-3]) if len(parts) >= 4 else None
    if family == "query" and signing_name:
        within = names_by_signing_name().get(signing_name, ())
        if len(within) > 1:
            return names_by_version().get((signing_name, form_version(request)))
    return None


def form_version(request: Request) -> str:
    """The API version a form names, found without reading all of it."""
    for text in (request.query.encode("utf-8", "surrogateescape"), request.body):
        start = text.find(b"Version=")
        if start == 0 or (start > 0 and text[start - 1 : start] == b"&"):
            return parse_form(text[start : start + 64].partition(b"&")[0]).get("Version", "")
    return ""


def protocol_for(request: Request, of: Service | None) -> str:
    """The protocol to answer a request in; never fails, so that errors have one too."""
    family = _family(request)
    if of is None:
        return family or "rest-json"
    wanted = {"query": _FORM_PROTOCOLS, "": _REST_PROTOCOLS}.get(family, (family,))
    return next((protocol for protocol in of.protocols if protocol in wanted), of.protocols[0])


def parse(
    request: Request, of: Service, *, request_id: str | None = None, limit_bytes: int = BODY_MAX_BYTES
) -> Call:
    """The call a request makes. Raises Malformed."""
    protocol = protocol_for(request, of)
    try:
        return _parse(request, of, protocol, request_id or str(uuid4()), limit_bytes)
    except RecursionError as cause:
        raise Malformed(
            MalformedReason.SERIALIZATION, "Request is nested too deeply", protocol=protocol
        ) from cause
    except Malformed as malformed:
        malformed.protocol = protocol
        raise


def _parse(request: Request, of: Service, protocol: str, request_id: str, limit_bytes: int) -> Call:
    if len(request.body) > limit_bytes:
        raise Malformed(MalformedReason.TOO_LARGE, f"Request is larger than {limit_bytes} bytes")
    if request.headers.get("content-encoding") == "gzip" and of.takes_gzip:
        request = _unpacked(request, limit_bytes)
    speaker = _speaker(of.name, protocol)
    name, labels = speaker.route(request)
    params = speaker.read(of.operation(name), request, labels)
    if (check := _check(of.name, name)) is not None:
        found: list[Violation] = []
        check(params, None, found)
        if found and protocol == Ec2Query.name:
            raise Malformed(MalformedReason.VALIDATION, in_ec2_words(found[0]), violations=found)
        if found:
            raise invalid(found)
    return Call(of.name, name, params, protocol, request_id)


def _unpacked(request: Request, limit_bytes: int) -> Request:
    """The request with its body decompressed, to the limit and not beyond."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        body = unpacker.decompress(request.body, limit_bytes + 1)
    except zlib.error as cause:
        raise unreadable("Body is not gzip") from cause
    if len(body) > limit_bytes:
        raise Malformed(MalformedReason.TOO_LARGE, f"Request is larger than {limit_bytes} bytes")
    if not unpacker.eof:
        raise unreadable("Body is not gzip")
    return msgspec.structs.replace(request, body=body)


def render(call: Call, result: Mapping[str, Any]) -> Response:
    """The response to a call that went well; absent and None members are left out."""
    operation = service(call.service).operation(call.operation)
    return _speaker(call.service, call.protocol).write(operation, result, call.request_id)


def render_error(of: Service | None, protocol: str, error: WireError, request_id: str) -> Response:
    """The response to a request that failed; `of` is None when not even its service is known."""
    if of is not None and protocol in of.protocols:
        return _speaker(of.name, protocol).write_error(error, request_id)
    return _nameless_speaker(protocol).write_error(error, request_id)


def operations(service_name: str) -> frozenset[str]:
    """The operations of a service's model."""
    return service(service_name).operations


def errors(service_name: str) -> Mapping[str, ErrorShape]:
    """The errors of a service's model, by code and by shape name."""
    return service(service_name).errors

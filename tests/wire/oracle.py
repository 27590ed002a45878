"""botocore as oracle: values for every member of a shape, requests as it sends them, answers as it reads.

The generator is deterministic: the same shape gives the same value, every member set, constraints kept.
"""

import re
import re._constants as sre  # type: ignore[import-not-found]
import re._parser as sre_parser  # type: ignore[import-not-found]
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import botocore.parsers
import botocore.serialize
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest, prepare_request_dict
from botocore.credentials import Credentials
from botocore.model import OperationModel, Shape

from bastide.wire import spec
from bastide.wire.codec.patterns import in_python, pattern_check
from bastide.wire.http import Request, Response
from bastide.wire.sigv4 import Identity, Secret, verify

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
REGION = "eu-test-1"
# Text tried where a pattern or a header allows; only the first has all that must be escaped somewhere.
TEXTS = ("Aé <&>\"' \t~+/=%☃.", "abc-1", "a", "12")
MOMENT = datetime(2025, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
WHOLE_MOMENT = MOMENT.replace(microsecond=0)


def example(shape: Shape, *, inside: tuple[str, ...] = (), located: bool = False) -> Any:
    """A value of this shape with every member set, but for those that would hold their own kind again."""
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape, (*inside, shape.name))
    if kind == "list":
        count = max(shape.metadata.get("min", 0), min(2, shape.metadata.get("max", 2)))
        return [example(shape.member, inside=inside, located=located) for _ in range(count)]
    if kind == "map":
        value = example(shape.value, inside=inside, located=located)
        more = {f"{index}more": value for index in range(1, shape.metadata.get("min", 1))}
        return {example(shape.key, located=located): value, **more}
    return _scalar(shape, located=located)


def _scalar(shape: Shape, *, located: bool) -> Any:
    kind = shape.type_name
    if kind == "timestamp":
        is_whole = located or shape.serialization.get("timestampFormat") == "rfc822"
        return WHOLE_MOMENT if is_whole else MOMENT
    if kind == "blob":
        return b"\x00\xffblob".ljust(shape.metadata.get("min", 0), b".")
    if kind == "boolean":
        return True
    if kind in ("string", "character"):
        return _text(shape, located=located)
    number = max(shape.metadata.get("min", 7), 1)
    number = min(number, shape.metadata.get("max", number))
    return number + 0.5 if kind in ("float", "double") and "max" not in shape.metadata else number


def _structure(shape: Shape, inside: tuple[str, ...]) -> Any:
    if shape.is_document_type:
        return {"any": [1, "two", {"three": True}]}
    members: Mapping[str, Shape] = {
        name: member
        for name, member in shape.members.items()
        if _core(member).name not in inside and not member.serialization.get("eventstream")
    }
    names = list(members)[:1] if shape.is_tagged_union else list(members)
    return {
        name: example(members[name], inside=inside, located="location" in members[name].serialization)
        for name in names
    }


def _core(shape: Shape) -> Shape:
    """What a list or map holds in the end."""
    while shape.type_name in ("list", "map"):
        shape = shape.member if shape.type_name == "list" else shape.value
    return shape


def _text(shape: Shape, *, located: bool) -> str:
    if shape.metadata.get("enum"):
        return str(shape.metadata["enum"][-1])
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 1 << 20)
    pattern = shape.metadata.get("pattern", "")
    pattern = in_python(pattern) if pattern_check(pattern) else ""
    texts = TEXTS[1:] if located or shape.serialization.get("xmlAttribute") else TEXTS
    for text in texts:
        sized = text if len(text) >= low else text.ljust(low, text[-1])
        if low <= len(sized) <= high and (not pattern or re.fullmatch(pattern, sized)):
            return sized
    spelt = _spelt(sre_parser.parse(pattern)) or "a"
    return spelt.ljust(low, spelt[-1])


def _spelt(tokens: Any) -> str:
    """The plainest text a parsed pattern matches."""
    text = ""
    for kind, argument in tokens:
        if kind is sre.LITERAL:
            text += chr(argument)
        elif kind is sre.ANY:
            text += "a"
        elif kind is sre.NOT_LITERAL:
            text += "a" if argument != ord("a") else "b"
        elif kind is sre.IN:
            text += _spelt_class(*argument[0])
        elif kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            text += _spelt(argument[2]) * max(argument[0], min(1, argument[1]))
        elif kind is sre.SUBPATTERN:
            text += _spelt(argument[3])
        elif kind is sre.BRANCH:
            text += next(filter(None, map(_spelt, argument[1])), "")
    return text


def _spelt_class(kind: Any, argument: Any) -> str:
    if kind is sre.CATEGORY:
        return "1"
    return chr(max(argument[0], ord("!")) if kind is sre.RANGE else argument)


def serialized(operation: OperationModel, params: Mapping[str, Any], protocol: str) -> Request:
    """The request botocore's client sends, signed."""
    prefix = "" if protocol.startswith("rest") else "/"
    body = botocore.serialize.create_serializer(protocol, include_validation=False)
    sent = body.serialize_to_request(dict(params), operation)
    sent.setdefault("context", {})
    sent.pop("host_prefix", None)
    prepare_request_dict(sent, f"http://127.0.0.1:4566{prefix}".rstrip("/"), context=sent["context"])
    request = AWSRequest(method=sent["method"], url=sent["url"], data=sent["body"], headers=sent["headers"])
    request.context.update(sent["context"])
    service = operation.service_model.signing_name
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials(KEY, SECRET), service, REGION).add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    data = prepared.body or b""
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for name, value in prepared.headers.items()
    }
    headers.setdefault("host", parts.netloc)
    return Request(
        prepared.method,
        parts.path or "/",
        parts.query,
        headers,
        data.encode() if isinstance(data, str) else data,
    )


def verified(request: Request) -> Identity:
    return verify(request, {KEY: Secret(SECRET)}.get, now=datetime.now(UTC))


def read_back(
    operation: OperationModel, response: Response, protocol: str, *, shape: Shape | None
) -> dict[str, Any]:
    """What botocore's client makes of a response."""
    parser = botocore.parsers.create_parser(protocol)
    parsed: dict[str, Any] = parser.parse(
        {
            "headers": _Headers(response.headers),
            "status_code": response.status,
            "body": response.body,
            "context": {"operation_name": operation.name},
        },
        shape,
    )
    return parsed


class _Headers(dict[str, str]):
    """Headers as urllib3 gives them: found in any case."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())


def operation_of(service: str, name: str) -> OperationModel:
    return spec.service(service).operation(name)

"""Which operation of a REST service a method, path and query name.

Patterns come from the models' request URIs. Several may fit one request (S3 tells most of its operations
apart by query or header alone); the most particular one whose required parts are all there wins.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote_to_bytes

import msgspec

from bastide.wire.malformed import Malformed, MalformedReason, unreadable
from bastide.wire.models import Operation, Service

QUERY_FIELDS_MAX = 10_000

_LABEL = re.compile(r"\{([^}+]+)(\+?)\}")


def decoded(text: str) -> str:
    """Percent-decoded text of a path or query."""
    try:
        return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode()
    except UnicodeDecodeError as cause:
        raise unreadable("Address is not UTF-8") from cause


def parse_query(query: str) -> dict[str, list[str]]:
    """A query string's fields in order; here, unlike in forms, one may stand several times."""
    if query.count("&") >= QUERY_FIELDS_MAX:
        raise unreadable("Query string has too many fields")
    fields: dict[str, list[str]] = {}
    for pair in query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            fields.setdefault(decoded(name), []).append(decoded(value.replace("+", " ")))
    return fields


class _Part(msgspec.Struct, frozen=True):
    """One segment of a pattern: literal text, or a label; a greedy one takes several segments."""

    text: str
    is_label: bool
    is_greedy: bool


class _Route(msgspec.Struct, frozen=True):
    """One operation's pattern."""

    operation: str
    parts: tuple[_Part, ...]
    literals: Mapping[str, str]  # query fields that must be there
    required_fields: frozenset[str]
    required_headers: frozenset[str]
    is_deprecated: bool

    def labels(self, segments: list[str]) -> dict[str, str] | None:
        """The labels' values when the path fits; a slash at its end counts for a greedy label alone."""
        is_greedy = any(part.is_greedy for part in self.parts)
        if segments[-1:] == [""] and not is_greedy:
            segments = segments[:-1]
        spare = len(segments) - len(self.parts)
        if spare < 0 or (spare and not is_greedy):
            return None
        labels, at = {}, 0
        for part in self.parts:
            end = at + 1 + (spare if part.is_greedy else 0)
            found = "/".join(segments[at:end])
            if part.is_label and found:
                labels[part.text] = found
            elif part.is_label or found != part.text:
                return None
            at = end
        return labels

    def missing(self, fields: Mapping[str, list[str]], headers: Mapping[str, str]) -> int:
        return len(self.required_fields - fields.keys()) + len(self.required_headers - headers.keys())

    def weight(self) -> tuple[int, int, int, int, bool]:
        """How particular the pattern is."""
        literal = sum(not part.is_label for part in self.parts)
        greedy = sum(part.is_greedy for part in self.parts)
        return (
            len(self.literals),
            literal,
            len(self.required_fields) + len(self.required_headers),
            -greedy,
            not self.is_deprecated,
        )


class Routes:
    """All patterns of one service."""

    def __init__(self, service: Service) -> None:
        self._by_method: dict[str, list[_Route]] = {}
        for name in sorted(service.operations):
            operation = service.operation(name)
            self._by_method.setdefault(operation.http["method"], []).append(_route(operation))

    def find(
        self, method: str, path: str, query: str, headers: Mapping[str, str]
    ) -> tuple[str, dict[str, str]]:
        """The operation and its labels, decoded."""
        fields = parse_query(query)
        segments = _segments(path)
        fitting = [
            (-route.missing(fields, headers), route.weight(), route.operation, labels)
            for route in self._by_method.get(method, ())
            if _has_literals(route.literals, fields) and (labels := route.labels(segments)) is not None
        ]
        if not fitting:
            raise Malformed(
                MalformedReason.UNKNOWN_OPERATION, f"Unable to determine service/operation name for {method}"
            )
        # Patterns no request can tell apart differ by host at AWS; the first by name is the ordinary one.
        _, _, operation, labels = max(fitting, key=lambda fit: fit[:2])
        return operation, {name: decoded(value) for name, value in labels.items()}


def _segments(path: str) -> list[str]:
    return path.removeprefix("/").split("/") if path not in ("", "/") else []


def _has_literals(literals: Mapping[str, str], fields: Mapping[str, list[str]]) -> bool:
    return all(name in fields and (not value or value in fields[name]) for name, value in literals.items())


def _parts(segments: Iterable[str]) -> tuple[_Part, ...]:
    parts = []
    for segment in segments:
        label = _LABEL.fullmatch(segment)
        parts.append(_Part(label[1], True, bool(label[2])) if label else _Part(segment, False, False))
    return tuple(parts)


def _route(operation: Operation) -> _Route:
    path, _, query = operation.http["requestUri"].partition("?")
    literals = {name: values[0] for name, values in parse_query(query).items()}
    fields, headers = set(), set()
    if operation.input_shape is not None:
        for name in operation.input_shape.required_members:
            serialization = operation.input_shape.members[name].serialization
            if serialization.get("location") == "querystring":
                fields.add(serialization.get("name", name))
            elif serialization.get("location") == "header":
                headers.add(serialization.get("name", name).lower())
    return _Route(
        operation.name,
        _parts(_segments(path.rstrip("/"))),
        literals,
        frozenset(fields),
        frozenset(headers),
        bool(operation.deprecated),
    )

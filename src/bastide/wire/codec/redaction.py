"""Parameters and results without what is secret of them, for whoever keeps them: compiled from the models.

Hidden is what a model marks as sensitive, what is secret by its name where a model forgot to say so, and
bytes, of which only their number is told. Members get names as CloudTrail writes them, beginning in lower
case. A shape of which nothing would change compiles to None and costs nothing.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from bastide.wire.models import Shape

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"  # as CloudTrail writes it
SECRET_NAMES = frozenset(
    {
        "authorizationtoken",
        "logevents",
        "password",
        "privatekey",
        "secretaccesskey",
        "secretbinary",
        "secretstring",
        "sessiontoken",
        "tokenvalue",
        "token",
        "encodedmessage",
    }
)

_SECRET_KEY = re.compile(
    r"(access|api|shared)[-_]?key|credential|licen[cs]e|passw|secret|token", re.IGNORECASE
)

Redact = Callable[[Any], Any]


class Redaction:
    """Compiles for the shapes of one service."""

    def __init__(self) -> None:
        self._structures: dict[str, Redact | None] = {}

    def of(self, shape: Shape) -> Redact | None:
        """What makes of a value one that may be kept; None where that is the value itself."""
        if shape.metadata.get("sensitive"):
            return _hide
        if shape.type_name == "blob":
            return _count
        if shape.type_name == "structure":
            if shape.name not in self._structures:
                self._structures[shape.name] = self._structure(shape)
            return self._structures[shape.name]
        if shape.type_name == "list":
            inner = self.of(shape.member)
            return None if inner is None else partial(_each_item, inner)
        if shape.type_name == "map":
            inner = self.of(shape.value)
            if inner is not None:
                return partial(_each_value, inner)
            return _by_key if shape.value.type_name == "string" else None
        return None

    def _structure(self, shape: Shape) -> Redact | None:
        # A recursive shape finds this forwarder; it stands for the function that is being compiled.
        forward: list[Redact] = []
        self._structures[shape.name] = lambda value: forward[0](value)
        names = {name: name[:1].lower() + name[1:] for name in shape.members}
        inner = {
            name: redact
            for name, member in shape.members.items()
            if (redact := _hide if name.lower() in SECRET_NAMES else self.of(member)) is not None
        }
        forward.append(_structure_redact(names, inner))
        return forward[0] if inner or any(old != new for old, new in names.items()) else None


def _structure_redact(names: Mapping[str, str], inner: Mapping[str, Redact]) -> Redact:
    def redact(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            names.get(name, name): inner[name](item) if item is not None and name in inner else item
            for name, item in value.items()
        }

    return redact


def _each_item(inner: Redact, value: Any) -> Any:
    return [inner(item) for item in value] if isinstance(value, list) else value


def _each_value(inner: Redact, value: Any) -> Any:
    return {key: inner(item) for key, item in value.items()} if isinstance(value, dict) else value


def _by_key(value: Any) -> Any:
    """A map that anybody can put anything into, as the options of a log driver."""
    if not isinstance(value, dict) or not any(_SECRET_KEY.search(key) for key in value):
        return value
    return {key: HIDDEN if _SECRET_KEY.search(key) else item for key, item in value.items()}


def _hide(value: Any) -> Any:
    return HIDDEN


def _count(value: Any) -> Any:
    return f"{len(value)} bytes" if isinstance(value, bytes | bytearray | str) else HIDDEN

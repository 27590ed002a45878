"""What a request can have wrong with it before any operation runs.

Carries no AWS code: the API maps the reason and the protocol to one. Every way of failing to read a
request ends here, so a caller needs one `except`. Messages never hold a value of a sensitive member.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from bastide.wire.http import tellable


class MalformedReason(StrEnum):
    """Why a request could not become a call."""

    SERIALIZATION = "serialization"
    UNKNOWN_OPERATION = "unknown-operation"
    UNKNOWN_SERVICE = "unknown-service"
    VALIDATION = "validation"
    TOO_LARGE = "too-large"
    UNSUPPORTED_MEDIA = "unsupported-media"


class Constraint(StrEnum):
    """Kinds of rules the service models state about members."""

    REQUIRED = "required"
    ENUM = "enum"
    LENGTH = "length"
    PATTERN = "pattern"
    RANGE = "range"


class Violation(msgspec.Struct, frozen=True):
    """One rule one value breaks; `value` is as the message shows it, empty when it must not be shown."""

    constraint: Constraint
    member: str
    value: str
    rule: str

    def text(self) -> str:
        shown = f"Value {self.value}" if self.value else "Value"
        return f"{shown} at '{self.member}' failed to satisfy constraint: {self.rule}"


class Malformed(Exception):
    """A request that is no call; says why in the words the services use."""

    def __init__(
        self,
        reason: MalformedReason,
        message: str,
        *,
        violations: Sequence[Violation] = (),
        protocol: str = "",
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = tellable(message)
        self.violations = tuple(violations)
        self.protocol = protocol


def unreadable(message: str) -> Malformed:
    """The bytes do not hold what the shape asks for."""
    return Malformed(MalformedReason.SERIALIZATION, message)


def invalid(violations: Sequence[Violation]) -> Malformed:
    """The values are readable but break rules of the model."""
    count = len(violations)
    head = f"{count} validation error{'s' if count > 1 else ''} detected: "
    return Malformed(
        MalformedReason.VALIDATION,
        head + "; ".join(each.text() for each in violations),
        violations=violations,
    )

"""Requests and responses as the wire sees them, free of any web server.

`path` and `query` are what the client sent, not decoded: signatures are made over those very bytes.
Header names are lower case; a header sent twice is joined by a comma before it gets here. Text is decoded
as UTF-8 with `surrogateescape`, so that the bytes which were signed can be had back.
"""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

import msgspec


class Request(msgspec.Struct, frozen=True):
    """One HTTP request, read whole."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""
    client: str = ""  # the address it came from
    is_secure: bool = False
    vpc_id: str = ""  # inside which that address is; empty outside of all
    endpoint_id: str = ""  # of the VPC endpoint it came through


class Response(msgspec.Struct, frozen=True):
    """One HTTP response, to be sent whole."""

    status: int
    headers: dict[str, str]
    body: bytes


class Streamed(msgspec.Struct, frozen=True):
    """One HTTP response, sent in parts as they come."""

    status: int
    headers: dict[str, str]
    parts: AsyncGenerator[bytes, None]


def tellable(text: str) -> str:
    """Text of a request fit for a message: what was no UTF-8 shows as question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


class WireError(msgspec.Struct, frozen=True, kw_only=True):
    """An error as it goes out. `status` None: the model's, else 500 for a fault of ours and 400 otherwise.

    `members` are the error shape's further members, named as in the model.
    """

    code: str
    message: str
    status: int | None = None
    is_fault: bool = False
    members: Mapping[str, Any] = {}

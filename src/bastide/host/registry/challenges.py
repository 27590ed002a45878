"""What a registry asks for in `WWW-Authenticate` (RFC 9110, section 11), read without trusting it."""

import re
from collections.abc import Iterable

import msgspec

_SCHEME = re.compile(r"\s*,?\s*([A-Za-z][A-Za-z0-9-]*)(?:\s+(?=[A-Za-z0-9_-]+\s*=)|\s*(?:,|$))")
_PARAMETER = re.compile(r'\s*,?\s*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


class Challenge(msgspec.Struct, frozen=True):
    """One way to be let in."""

    scheme: str  # in small letters
    parameters: dict[str, str] = {}


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """All that the headers name; what cannot be read is left out."""
    found: list[Challenge] = []
    for header in headers:
        at = 0
        while scheme := _SCHEME.match(header, at):
            at = scheme.end()
            parameters: dict[str, str] = {}
            while parameter := _PARAMETER.match(header, at):
                quoted, plain = parameter[2], parameter[3]
                value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
                parameters[parameter[1].lower()] = value
                at = parameter.end()
            found.append(Challenge(scheme[1].lower(), parameters))
    return found

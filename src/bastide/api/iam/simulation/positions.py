"""Where in a policy's text its statements stand, in lines and columns from 1."""

import json
from typing import Any

from bastide.api.operation import Document

_SPACE = " \t\r\n"


def statement_positions(text: str) -> list[Document]:
    """StartPosition and EndPosition of each statement. Preconditions: the text is a policy."""
    decoder = json.JSONDecoder()
    at = _skipped(text, text.index("{") + 1)
    while text[at] != "}":
        key, at = decoder.raw_decode(text, at)
        at = _skipped(text, _skipped(text, at) + 1)
        if key == "Statement":
            return [_position(text, *span) for span in _spans(decoder, text, at)]
        _, at = decoder.raw_decode(text, at)
        at = _skipped(text, at, ",")
    raise ValueError("no statement")


def _spans(decoder: Any, text: str, at: int) -> list[tuple[int, int]]:
    if text[at] != "[":
        return [(at, decoder.raw_decode(text, at)[1])]
    spans = []
    at = _skipped(text, at + 1)
    while text[at] != "]":
        _, end = decoder.raw_decode(text, at)
        spans.append((at, end))
        at = _skipped(text, end, ",")
    return spans


def _skipped(text: str, at: int, more: str = "") -> int:
    while text[at] in _SPACE + more:
        at += 1
    return at


def _position(text: str, start: int, end: int) -> Document:
    return {"StartPosition": _place(text, start), "EndPosition": _place(text, end)}


def _place(text: str, at: int) -> Document:
    line = text.count("\n", 0, at)
    return {"Line": line + 1, "Column": at - (text.rfind("\n", 0, at) + 1) + 1}

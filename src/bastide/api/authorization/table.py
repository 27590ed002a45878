"""The service authorization reference: which action, resource types and condition keys an operation is about.

Data in actions.jsonl and resources.jsonl, written by tools/authorization.py; read once at import.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

FOLDER = Path(__file__).parent


class Action(msgspec.Struct, frozen=True):
    """One operation's line."""

    service: str
    operation: str
    action: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    keys: tuple[str, ...]

    @property
    def types(self) -> tuple[str, ...]:
        """All resource types it can be about."""
        return (*self.required, *self.optional)


class _Resource(msgspec.Struct, frozen=True):
    service: str
    type: str
    arn: str


def _read_actions() -> Mapping[tuple[str, str], Action]:
    lines = msgspec.json.Decoder(Action).decode_lines((FOLDER / "actions.jsonl").read_bytes())
    return {(line.service, line.operation): line for line in lines}


def _read_arns() -> Mapping[tuple[str, str], str]:
    lines = msgspec.json.Decoder(_Resource).decode_lines((FOLDER / "resources.jsonl").read_bytes())
    return {(line.service, line.type): line.arn for line in lines}


ACTIONS = _read_actions()
ARNS = _read_arns()

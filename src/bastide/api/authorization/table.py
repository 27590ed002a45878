"""The service authorization reference: which action, resource types and condition keys an operation is about.

Data in actions.jsonl and resources.jsonl, written by tools/authorization.py; read once at import.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

FOLDER = Path(__file__).parent
# Keys that ECS has for tasks too (developer guide, "Amazon ECS condition keys"), and the data does not name.
_KEYS_OF_TASKS = (
    "ecs:auto-assign-public-ip",
    "ecs:enable-ecs-managed-tags",
    "ecs:propagate-tags",
    "ecs:subnet",
    "ecs:task-cpu",
    "ecs:task-definition",
    "ecs:task-memory",
)
_MORE_KEYS = {("ecs", "RunTask"): _KEYS_OF_TASKS, ("ecs", "StartTask"): _KEYS_OF_TASKS}


class Action(msgspec.Struct, frozen=True):
    """One operation's line; `keys` in lower case."""

    service: str
    operation: str
    action: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    keys: frozenset[str]

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
    return {(line.service, line.operation): _with_keys(line) for line in lines}


def _with_keys(line: Action) -> Action:
    more = _MORE_KEYS.get((line.service, line.operation), ())
    return msgspec.structs.replace(line, keys=frozenset(key.lower() for key in (*line.keys, *more)))


def _read_arns() -> Mapping[tuple[str, str], str]:
    lines = msgspec.json.Decoder(_Resource).decode_lines((FOLDER / "resources.jsonl").read_bytes())
    return {(line.service, line.type): line.arn for line in lines}


ACTIONS = _read_actions()
ARNS = _read_arns()

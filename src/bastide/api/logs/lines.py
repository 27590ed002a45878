"""How containers' lines come into a stream: where they belong, and what they are made to hold.

Called by the agents' session; the lines themselves go to the storage of logs, as those of PutLogEvents do.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from bastide.api.logs.groups import epoch_ms, put_group
from bastide.api.logs.streams import find_stream, put_stream
from bastide.model.arn import log_group_arn, scope_of
from bastide.model.assignment import LogLine, LogTarget
from bastide.model.faults import Invalid, NotFound
from bastide.store import Record, Txn
from bastide.store.logs.ids import LOG_GROUP
from bastide.store.logs.values import EVENT_OVERHEAD_BYTES

BATCH_MAX_BYTES = 1_048_576  # PutLogEvents, "maximum batch size"
MESSAGE_MAX_BYTES = BATCH_MAX_BYTES - EVENT_OVERHEAD_BYTES
# What CreateLogGroup and CreateLogStream would take; the driver's options have met no model.
REGION = re.compile(r"[a-z0-9-]{1,32}")
GROUP_NAME = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")
STREAM_NAME = re.compile(r"[^:*]{1,512}")
SHOWN_MAX_CHARS = 100  # of a value in a message


def open_stream(txn: Txn, scope: str, target: LogTarget, now: datetime) -> tuple[Record, Record]:
    """The group and stream of a container's lines: made when missing, the group only where asked for.

    Raises NotFound for a missing group, Invalid for a name that can be none.
    """
    for member, value, rule in (
        ("awslogs-region", target.region, REGION),
        ("logGroupName", target.group, GROUP_NAME),
        ("logStreamName", target.stream, STREAM_NAME),
    ):
        if not rule.fullmatch(value):
            shown = value[:SHOWN_MAX_CHARS]
            raise Invalid("parameter", shown, why=f"Value '{shown}' at '{member}' is not valid.")
    scope = scope_of(scope.split("/")[0], target.region)
    now_ms = epoch_ms(now)
    group = txn.get(LOG_GROUP, log_group_arn(scope, target.group))
    if group is None and target.create_group:
        group = put_group(txn, scope, target.group, created_ms=now_ms)
    if group is None:
        raise NotFound("log group", target.group)
    stream = find_stream(txn, group, target.stream)
    return group, stream or put_stream(txn, group, target.stream, created_ms=now_ms)


def cut_lines(lines: Sequence[LogLine]) -> list[tuple[int, str]]:
    """Times and texts as they are stored: without empty ones and long ones cut, as awslogs does."""
    return [(line.timestamp_ms, piece) for line in lines for piece in _pieces(line.message)]


def _pieces(message: str) -> Iterator[str]:
    """The message in parts of at most MESSAGE_MAX_BYTES, none of them empty and no character torn."""
    if len(message) * 4 <= MESSAGE_MAX_BYTES:  # no character takes more than four bytes
        if message:
            yield message
        return
    rest = message.encode("utf-8", "surrogatepass")
    while rest:
        end = min(len(rest), MESSAGE_MAX_BYTES)
        while end < len(rest) and rest[end] & 0xC0 == 0x80:  # inside a character
            end -= 1
        yield rest[:end].decode("utf-8", "surrogatepass")
        rest = rest[end:]

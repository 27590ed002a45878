"""How events come into a stream: what a batch may hold, and the lines of containers.

`store_log_lines` is called by the agents' session inside its own transaction; PutLogEvents goes through
the same `append`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from bastide.api.logs.groups import KIND as GROUP
from bastide.api.logs.groups import epoch_ms, oldest_kept_ms, put_group
from bastide.api.logs.streams import find_stream, put_stream
from bastide.model.arn import log_group_arn, scope_of
from bastide.model.assignment import LogLine, LogTarget
from bastide.model.faults import Invalid, NotFound
from bastide.store import Record, Txn

EVENT_OVERHEAD_BYTES = 26  # PutLogEvents, "maximum batch size"
BATCH_MAX_BYTES = 1_048_576
MESSAGE_MAX_BYTES = BATCH_MAX_BYTES - EVENT_OVERHEAD_BYTES
# What CreateLogGroup and CreateLogStream would take; the driver's options have met no model.
REGION = re.compile(r"[a-z0-9-]{1,32}")
GROUP_NAME = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")
STREAM_NAME = re.compile(r"[^:*]{1,512}")
SHOWN_MAX_CHARS = 100  # of a value in a message


def store_log_lines(txn: Txn, scope: str, target: LogTarget, lines: Sequence[LogLine], now: datetime) -> None:
    """Add a container's lines to its stream, which is made when missing; the group only where asked for.

    Raises NotFound for a missing group, Invalid for a name that can be none. Empty lines are dropped and long
    ones cut, as awslogs does.
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
    group = txn.get(GROUP, log_group_arn(scope, target.group))
    if group is None and target.create_group:
        group = put_group(txn, scope, target.group, created_ms=now_ms)
    if group is None:
        raise NotFound("log group", target.group)
    if find_stream(txn, group, target.stream) is None:
        put_stream(txn, group, target.stream, created_ms=now_ms)
    pieces = ((line.timestamp_ms, piece) for line in lines for piece in _pieces(line.message))
    append(txn, group, target.stream, pieces, now_ms=now_ms)


def append(txn: Txn, group: Record, stream: str, events: Iterable[tuple[int, str]], *, now_ms: int) -> None:
    """Add events (time in ms, text); what the group's retention has outlived goes on the way."""
    txn.append_log_events(group.scope, group.name, stream, events)
    kept_from_ms = oldest_kept_ms(group, now_ms)
    if kept_from_ms is not None:
        txn.expire_log_events(group.scope, group.name, before_ms=kept_from_ms)


def size_of(message: str) -> int:
    """What CloudWatch Logs counts for an event."""
    return len(message.encode("utf-8", "surrogatepass")) + EVENT_OVERHEAD_BYTES


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

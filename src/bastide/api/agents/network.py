"""What a host is told of the VPCs: every host of all of them, since groups are made of addresses anywhere."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from bastide.model.frames import Downward, Network, NetworkSync
from bastide.model.network import NETWORK_KINDS, AnyPart, parse_part
from bastide.store import Txn

PARTS_AT_ONCE = 500  # of a frame: some 200 bytes each

ReadNetwork = Callable[[Txn], list[Downward]]

log = logging.getLogger(__name__)


def read_network(txn: Txn) -> list[Downward]:
    """All of it, then the ids of all of it."""
    parts = read_parts(txn)
    return [*_frames(parts), NetworkSync(tuple(part.id for part in parts))]


def read_parts(txn: Txn) -> list[AnyPart]:
    """Every part of every VPC."""
    records = (record for kind in NETWORK_KINDS for record in txn.find(kind))
    return [part for record in records if (part := _parse(record.kind, record.key, record.document))]


def read_network_news(txn: Txn, changed: Sequence[tuple[str, str]]) -> list[Downward]:
    """What became of these records."""
    parts: list[AnyPart] = []
    gone: list[str] = []
    for kind, key in changed:
        record = txn.get(kind, key)
        part = _parse(kind, key, record.document) if record else None
        if part is None:
            gone.append(key)
        else:
            parts.append(part)
    return [*_frames(parts), *([Network(gone=tuple(gone))] if gone else [])]


def _frames(parts: Sequence[AnyPart]) -> list[Downward]:
    starts = range(0, len(parts), PARTS_AT_ONCE)
    return [Network(parts=tuple(parts[start : start + PARTS_AT_ONCE])) for start in starts]


def _parse(kind: str, key: str, document: dict[str, Any]) -> AnyPart | None:
    """None too when it cannot be read, which is a bug and logged: one record must not hide the others."""
    try:
        return parse_part(kind, document)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        log.exception("a network record cannot be read", extra={"kind": kind, "key": key})
        return None

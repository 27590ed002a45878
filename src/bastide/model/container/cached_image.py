"""A pulled image as what it costs a host's disk."""

from collections.abc import Mapping
from datetime import datetime

import msgspec


class CachedImage(msgspec.Struct, frozen=True, kw_only=True):
    """One that could be had again from its registry."""

    name: str
    used_at: datetime  # when a task last asked for it
    layers: Mapping[str, int]  # bytes on the disk by layer; images share layers
    is_in_use: bool  # a task stands on it

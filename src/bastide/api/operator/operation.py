"""What an operator's operation is: what is asked (`model/messages/asked`), and what runs.

Each module of this package exposes `OPERATIONS`; `server` joins them.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeAlias

import msgspec

from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.model.messages.asked import Asked, P, R
from bastide.store import Store, Txn


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What an operation may know besides what it is asked with."""

    now: datetime  # aware, UTC
    settings: Settings
    vault: Vault

    @property
    def now_s(self) -> float:
        """`now` as documents keep times: epoch seconds, to the millisecond."""
        return round(self.now.timestamp(), 3)


@dataclass(frozen=True, slots=True)
class Reads(Generic[P, R]):
    """Answers once, from one snapshot."""

    asked: Asked[P, R]
    run: Callable[[Txn, Context, P], R]


@dataclass(frozen=True, slots=True)
class Writes(Generic[P, R]):
    """Answers once, when what it wrote is on disk."""

    asked: Asked[P, R]
    run: Callable[[Txn, Context, P], R]


@dataclass(frozen=True, slots=True)
class Follows(Generic[P, R]):
    """Answers again and again, until it has nothing more to say or nobody listens."""

    asked: Asked[P, R]
    run: Callable[[Store, P], AsyncIterator[R]]


Operation: TypeAlias = Reads[Any, Any] | Writes[Any, Any] | Follows[Any, Any]

"""What an operator's operation is: a name, what it is asked with, what it answers, and what runs.

Each module of this package exposes `OPERATIONS`; `server` joins them. The command that asks imports the
operation too, so both sides have the same types and neither writes a name twice.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.store import Store, Txn

P = TypeVar("P", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)


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
class Asked(Generic[P, R]):
    """The part of an operation that both sides know."""

    name: str
    params: type[P]
    result: type[R]


@dataclass(frozen=True, slots=True)
class Reads(Asked[P, R]):
    """Answers once, from one snapshot."""

    run: Callable[[Txn, Context, P], R]


@dataclass(frozen=True, slots=True)
class Writes(Asked[P, R]):
    """Answers once, when what it wrote is on disk."""

    run: Callable[[Txn, Context, P], R]


@dataclass(frozen=True, slots=True)
class Follows(Asked[P, R]):
    """Answers again and again, until it has nothing more to say or nobody listens."""

    run: Callable[[Store, P], AsyncIterator[R]]

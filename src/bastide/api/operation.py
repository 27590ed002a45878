"""What an AWS operation is here: a plain function over one transaction.

Each module of `api` exposes `OPERATIONS`: operation name → `Reads(fn)` or `Writes(fn)`. `fn` is synchronous,
gets parameters the model has already checked, and returns the result under the model's member names (times
as epoch seconds). A reader sees one snapshot; a writer may be run again on a conflict, so it does nothing
but read and write through `txn`.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

import msgspec

from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.model.arn import scope_of
from bastide.permissions import PrincipalKind
from bastide.store import Store
from bastide.store.txn import Txn

Params = dict[str, Any]
Result = dict[str, Any]
Document = dict[str, Any]


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and where: the account of the key, the region of the signature.

    `entity` is the key of the user's or role's record; what follows is a session's, empty for long-term keys.
    """

    account: str
    region: str
    principal_arn: str
    user_id: str
    kind: PrincipalKind = PrincipalKind.ROOT
    entity: str = ""
    issued_at: datetime | None = None
    has_policies: bool = False
    policies: tuple[str, ...] = ()
    policy_arns: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    transitive_keys: tuple[str, ...] = ()
    source_identity: str = ""
    issuer_arn: str = ""  # the user whose federated session it is
    access_key_id: str = ""  # of a long-term key, which can be switched off

    @property
    def is_temporary(self) -> bool:
        """Whether the keys are a session's."""
        return self.issued_at is not None


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a call came from."""

    address: str = ""
    is_secure: bool = False
    user_agent: str = ""
    vpc_id: str = ""  # inside which that address is; empty outside of all
    endpoint_id: str = ""  # of the VPC endpoint it came through


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What an operation may know besides its parameters."""

    caller: Caller
    now: datetime  # aware, UTC
    request_id: str
    settings: Settings
    vault: Vault
    origin: Origin = Origin()

    @property
    def scope(self) -> str:
        """The scope of every record this call may see."""
        return scope_of(self.caller.account, self.caller.region)

    @property
    def now_s(self) -> float:
        """`now` as documents keep times: epoch seconds, to the millisecond."""
        return round(self.now.timestamp(), 3)


Run = Callable[[Txn, Context, Params], Result]


@dataclass(frozen=True, slots=True)
class Reads:
    """Runs inside `store.view`."""

    run: Run


@dataclass(frozen=True, slots=True)
class Writes:
    """Runs inside `store.update`; its answer goes out when the write is on disk."""

    run: Run


@dataclass(frozen=True, slots=True)
class WritesOnce:
    """Runs inside `store.view`, and once more inside `store.update` where it turns out to need a write.

    For what is made when first looked for: all later calls are plain reads.
    """

    run: Run


@dataclass(frozen=True, slots=True)
class Performs:
    """Runs as a coroutine over the store: for what is kept in files beside the records."""

    run: Callable[[Store, Context, Params], Awaitable[Result]]


StreamEvent = tuple[
    str, Mapping[str, Any]
]  # the name of a member of the operation's stream, and what is in it


@dataclass(frozen=True, slots=True)
class Streams:
    """Answers with events for as long as the caller stays; what `run` itself raises is answered as ever."""

    run: Callable[[Store, Context, Params], Awaitable[AsyncGenerator[StreamEvent, None]]]


@dataclass(frozen=True, slots=True)
class Refuses:
    """Always ends in a fault. Asks for no signature: AWS takes the call from anybody."""

    run: Callable[[Params], NoReturn]


Plain = Reads | Writes | WritesOnce | Performs
Operation = Plain | Streams | Refuses

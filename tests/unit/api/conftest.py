"""A real store in a folder of the test's own, and operations run against it as the server runs them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from bastide.api.operation import Caller, Context, Performs, Reads, Refuses, Streams
from bastide.api.registry import SERVICES
from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.store import Record, Store
from bastide.store.txn import Txn
from tests.audit_fixture import trail as trail
from tests.store_fixture import migrated as migrated
from tests.store_fixture import store as store

ACCOUNT = "111122223333"
REGION = "eu-test-1"
VAULT = Vault(bytes(range(32)))
NOW = datetime(2030, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


def context(*, account: str = ACCOUNT, region: str = REGION, now: datetime = NOW) -> Context:
    """A call by the account's root user."""
    caller = Caller(
        account=account, region=region, principal_arn=f"arn:aws:iam::{account}:root", user_id=account
    )
    return Context(
        caller=caller, now=now, request_id="request", settings=Settings(account=account), vault=VAULT
    )


class Api:
    """Runs operations by name, each in its own transaction."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.ctx = context()

    async def call(
        self, operation: str, *, service: str = "ecs", ctx: Context | None = None, **params: Any
    ) -> Any:
        """Run one operation and give its result, or raise its fault."""
        found = SERVICES[service][operation]
        asked = ctx or self.ctx
        if isinstance(found, Performs):
            return await found.run(self.store, asked, params)
        if isinstance(found, Refuses):
            found.run(params)
        assert not isinstance(found, Streams)
        run = found.run

        def closure(txn: Txn) -> dict[str, Any]:
            return run(txn, asked, params)

        return await (self.store.view if isinstance(found, Reads) else self.store.update)(closure)

    async def put(self, record: Record) -> Record:
        """Write a record as another part of the system would."""
        return await self.store.update(lambda txn: txn.put(record))

    async def run(self, fn: Callable[[Txn], Any]) -> Any:
        """Run a closure in a transaction."""
        return await self.store.update(fn)


@pytest.fixture
def api(store: Store) -> Api:
    return Api(store)

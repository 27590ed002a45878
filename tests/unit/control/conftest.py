"""A real store, and the controllers over it, each pass called by hand unless a test runs them."""

import pytest

from bastide.store import Store
from tests.account import Account
from tests.store_fixture import migrated as migrated
from tests.store_fixture import store as store


@pytest.fixture
def account(store: Store) -> Account:
    return Account(store)

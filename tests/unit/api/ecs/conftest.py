"""ECS as a user of one account sees it."""

import pytest

from bastide.store import Store
from tests.account import Account


@pytest.fixture
def account(store: Store) -> Account:
    return Account(store)

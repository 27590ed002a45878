"""What a call is refused with, in AWS's words."""

from collections.abc import Awaitable
from typing import Any

import pytest

from bastide.api.failures import row_for
from bastide.model.faults import Fault


async def refusal(call: Awaitable[Any], *, service: str) -> tuple[str, str]:
    """The error a call ends in: code and message."""
    with pytest.raises(Fault) as caught:
        await call
    row = row_for(service, caught.value)
    assert row is not None, caught.value
    return row.code, row.message

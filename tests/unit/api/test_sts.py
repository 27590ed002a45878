"""GetCallerIdentity."""

from typing import Any


async def test_the_caller_is_named(api: Any) -> None:
    assert await api.call("GetCallerIdentity", service="sts") == {
        "UserId": "111122223333",
        "Account": "111122223333",
        "Arn": "arn:aws:iam::111122223333:root",
    }

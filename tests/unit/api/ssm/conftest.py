"""Parameter Store as a user of one account sees it."""

from collections.abc import Awaitable
from typing import Any

import pytest

from tests.unit.api import refusals


class Parameters:
    """Calls by their AWS names."""

    def __init__(self, api: Any) -> None:
        self.api = api

    async def call(self, operation: str, **params: Any) -> Any:
        return await self.api.call(operation, service="ssm", **params)

    async def put(self, name: str, value: str = "v", **params: Any) -> Any:
        given = {"Name": name, "Value": value, "Type": "String", **params}
        return await self.call("PutParameter", **{key: one for key, one in given.items() if one is not None})

    async def get(self, name: str, **params: Any) -> Any:
        return (await self.call("GetParameter", Name=name, **params))["Parameter"]


@pytest.fixture
def parameters(api: Any) -> Parameters:
    return Parameters(api)


async def refusal(call: Awaitable[Any]) -> tuple[str, str]:
    """The error a call ends in: code and message."""
    return await refusals.refusal(call, service="ssm")

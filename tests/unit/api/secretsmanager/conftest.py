"""Secrets Manager as a user of one account sees it; time in hand."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.unit.api import refusals


class Secrets:
    """Calls by their AWS names."""

    def __init__(self, api: Any) -> None:
        self.api = api

    async def call(self, operation: str, **params: Any) -> Any:
        return await self.api.call(operation, service="secretsmanager", **params)

    async def value(self, secret: str = "db", **params: Any) -> str:
        answer = await self.call("GetSecretValue", SecretId=secret, **params)
        return str(answer["SecretString"])

    def later(self, *, days: float) -> None:
        self.api.ctx = msgspec.structs.replace(self.api.ctx, now=self.api.ctx.now + timedelta(days=days))


@pytest.fixture
def secrets(api: Any) -> Secrets:
    return Secrets(api)


async def refusal(call: Awaitable[Any]) -> tuple[str, str]:
    """The error a call ends in: code and message."""
    return await refusals.refusal(call, service="secretsmanager")

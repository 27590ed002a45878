"""A group `app` with a stream `one`, and short ways to fill and read it."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from bastide.api.operation import Context
from bastide.store import Store

GROUP, STREAM = "app", "one"


class Logs:
    """CloudWatch Logs as a user of one account sees it; `now_ms` stands still."""

    def __init__(self, api: Any) -> None:
        self._api = api

    @property
    def now_ms(self) -> int:
        return int(self._api.ctx.now.timestamp() * 1000)

    async def call(self, operation: str, **params: Any) -> Any:
        params = {name: value for name, value in params.items() if value is not None}
        return await self._api.call(operation, service="logs", **params)

    @property
    def context(self) -> Context:
        context: Context = self._api.ctx
        return context

    @property
    def store(self) -> Store:
        store: Store = self._api.store
        return store

    async def put(self, *events: tuple[int, str], stream: str = STREAM) -> Any:
        """Put (milliseconds from now, text)."""
        return await self.call(
            "PutLogEvents",
            logGroupName=GROUP,
            logStreamName=stream,
            logEvents=[{"timestamp": self.now_ms + after, "message": text} for after, text in events],
        )

    async def get(self, **params: Any) -> Any:
        return await self.call("GetLogEvents", logGroupName=GROUP, logStreamName=STREAM, **params)

    async def search(self, **params: Any) -> Any:
        return await self.call("FilterLogEvents", logGroupName=GROUP, **params)

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self._api.ctx = msgspec.structs.replace(
            self._api.ctx, now=self._api.ctx.now + timedelta(seconds=seconds)
        )


@pytest.fixture
async def logs(api: Any) -> Logs:
    made = Logs(api)
    await made.call("CreateLogGroup", logGroupName=GROUP)
    await made.call("CreateLogStream", logGroupName=GROUP, logStreamName=STREAM)
    return made


def texts(result: dict[str, Any]) -> list[str]:
    """The messages of an answer."""
    return [event["message"] for event in result["events"]]

"""A bucket, and the store of objects as a user of one account sees it."""

from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bastide.config import Settings
from tests.unit.api import refusals

BUCKET = "the-bucket"


class Objects:
    """Calls by their AWS names, about BUCKET unless said otherwise."""

    def __init__(self, api: Any, folder: Path) -> None:
        self.api = api
        self.settings = Settings(data_root=folder)
        self.root = self.settings.server_folder / "objects"

    async def call(self, operation: str, **params: Any) -> Any:
        ctx = msgspec.structs.replace(self.api.ctx, settings=self.settings)
        given = {"Bucket": BUCKET, **params}
        named = {name: value for name, value in given.items() if value is not None}
        return await self.api.call(operation, service="s3", ctx=ctx, **named)

    async def put(self, key: str, body: bytes = b"", **params: Any) -> Any:
        return await self.call("PutObject", Key=key, Body=body, **params)

    async def read(self, key: str, **params: Any) -> bytes:
        return bytes((await self.call("GetObject", Key=key, **params))["Body"])

    def files(self) -> list[Path]:
        return sorted(path for path in self.root.rglob("*") if path.is_file())


@pytest.fixture
async def objects(api: Any, tmp_path: Path) -> Objects:
    made = Objects(api, tmp_path)
    place = {"LocationConstraint": "eu-test-1"}
    await made.call("CreateBucket", CreateBucketConfiguration=place)
    return made


async def refusal(call: Awaitable[Any]) -> tuple[str, str]:
    """The error a call ends in: code and message."""
    return await refusals.refusal(call, service="s3")

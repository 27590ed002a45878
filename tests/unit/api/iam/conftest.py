"""IAM as a user of one account sees it: operations by name, and boto3 against a served API."""

import json
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

from bastide.config import Settings
from bastide.store import Store
from tests.unit.api import refusals
from tests.unit.api.conftest import ACCOUNT
from tests.unit.api.serving import Served, serving

ALLOW_ALL = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
)
TASKS_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


class Iam:
    """Calls by their AWS names."""

    def __init__(self, api: Any) -> None:
        self.api = api

    async def call(self, operation: str, **params: Any) -> Any:
        return await self.api.call(operation, service="iam", **params)

    async def user(self, name: str = "ann", **params: Any) -> Any:
        return (await self.call("CreateUser", UserName=name, **params))["User"]

    async def group(self, name: str = "devs", **params: Any) -> Any:
        return (await self.call("CreateGroup", GroupName=name, **params))["Group"]

    async def role(self, name: str = "deploy", **params: Any) -> Any:
        asked = {"RoleName": name, "AssumeRolePolicyDocument": TASKS_TRUST, **params}
        return (await self.call("CreateRole", **asked))["Role"]

    async def policy(self, name: str = "all", text: str = ALLOW_ALL, **params: Any) -> str:
        made = await self.call("CreatePolicy", PolicyName=name, PolicyDocument=text, **params)
        return str(made["Policy"]["Arn"])


@pytest.fixture
def iam(api: Any) -> Iam:
    return Iam(api)


@pytest.fixture
async def served(store: Store) -> AsyncIterator[Served]:
    async with serving(store, Settings(account=ACCOUNT)) as running:
        yield running


async def refusal(call: Awaitable[Any]) -> tuple[str, str]:
    """The error a call ends in: code and message."""
    return await refusals.refusal(call, service="iam")

"""When roles were last used: sessions' calls, kept seldom. note_use."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from bastide.api.authorization.signers import Signers
from bastide.api.operation import Caller, Context
from bastide.permissions import PrincipalKind
from bastide.store import Store
from tests.unit.api.conftest import ACCOUNT, NOW, VAULT, context

STEP = timedelta(minutes=15)


async def session_of(iam: Any, region: str = "eu-test-1") -> Caller:
    role = await iam.role("deploy")
    return Caller(
        account=ACCOUNT,
        region=region,
        principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci",
        user_id=f"{role['RoleId']}:ci",
        kind=PrincipalKind.ROLE,
        entity=role["RoleId"],
        issued_at=NOW,
    )


def call(caller: Caller, now: datetime = NOW) -> Context:
    return msgspec.structs.replace(context(now=now), caller=caller)


async def last_used(iam: Any) -> Any:
    return (await iam.call("GetRole", RoleName="deploy"))["Role"]["RoleLastUsed"]


async def test_a_sessions_call_is_a_use_of_its_role(iam: Any, store: Store) -> None:
    caller, signers = await session_of(iam), Signers(store, VAULT)
    assert await last_used(iam) == {}
    await signers.note_use("ASIAX", "ecs", call(caller))
    assert await last_used(iam) == {"LastUsedDate": NOW.timestamp(), "Region": "eu-test-1"}
    assert "RoleLastUsed" not in (await iam.call("ListRoles"))["Roles"][0]
    elsewhere = msgspec.structs.replace(caller, region="eu-test-2")
    for signing in (signers, Signers(store, VAULT)):  # another server knows no better
        await signing.note_use("ASIAY", "ecs", call(elsewhere, NOW + STEP / 2))
    assert (await last_used(iam))["Region"] == "eu-test-1"
    await signers.note_use("ASIAX", "ecs", call(elsewhere, NOW + STEP))
    later = {"LastUsedDate": (NOW + STEP).timestamp(), "Region": "eu-test-2"}
    assert await last_used(iam) == later


async def test_a_call_soon_after_another_writes_nothing(iam: Any, store: Store) -> None:
    caller, signers = await session_of(iam), Signers(store, VAULT)
    await signers.note_use("ASIAX", "ecs", call(caller))
    commits = store.commits
    await signers.note_use("ASIAX", "ecs", call(caller, NOW + STEP / 2))
    await Signers(store, VAULT).note_use("ASIAX", "ecs", call(caller, NOW + STEP / 2))
    assert store.commits == commits


async def test_what_is_known_of_a_role_goes_with_it(iam: Any, store: Store) -> None:
    caller, signers = await session_of(iam), Signers(store, VAULT)
    await signers.note_use("ASIAX", "ecs", call(caller))
    await iam.call("DeleteRole", RoleName="deploy")
    await signers.note_use("ASIAX", "ecs", call(caller, NOW + STEP))
    assert await store.view(lambda txn: txn.find("iam-role-use")) == []

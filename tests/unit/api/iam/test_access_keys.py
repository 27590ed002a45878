"""CreateAccessKey, ListAccessKeys, UpdateAccessKey, DeleteAccessKey, GetAccessKeyLastUsed."""

from typing import Any

from bastide.store import Store
from tests.unit.api.iam.conftest import refusal


async def test_a_key_is_shown_once_and_sealed_at_rest(iam: Any, store: Store) -> None:
    await iam.user("ann")
    made = (await iam.call("CreateAccessKey", UserName="ann"))["AccessKey"]
    assert made["AccessKeyId"].startswith("AKIA")
    assert (len(made["AccessKeyId"]), len(made["SecretAccessKey"]), made["Status"]) == (20, 40, "Active")
    listed = (await iam.call("ListAccessKeys", UserName="ann"))["AccessKeyMetadata"]
    assert listed == [{name: made[name] for name in ("UserName", "AccessKeyId", "Status", "CreateDate")}]
    records = await store.view(lambda txn: txn.find("iam-access-key"))
    assert made["SecretAccessKey"] not in str(records)


async def test_a_user_has_two_keys_at_most(iam: Any) -> None:
    await iam.user("ann")
    for _ in range(2):
        await iam.call("CreateAccessKey", UserName="ann")
    code, message = await refusal(iam.call("CreateAccessKey", UserName="ann"))
    assert (code, message) == ("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
    assert (await refusal(iam.call("DeleteUser", UserName="ann")))[0] == "DeleteConflict"


async def test_a_key_is_switched_off_and_removed_by_its_owner_alone(iam: Any) -> None:
    await iam.user("ann")
    await iam.user("bob")
    key = (await iam.call("CreateAccessKey", UserName="ann"))["AccessKey"]["AccessKeyId"]
    named = {"UserName": "ann", "AccessKeyId": key}
    await iam.call("UpdateAccessKey", Status="Inactive", **named)
    assert (await iam.call("ListAccessKeys", UserName="ann"))["AccessKeyMetadata"][0]["Status"] == "Inactive"
    other = iam.call("DeleteAccessKey", UserName="bob", AccessKeyId=key)
    assert await refusal(other) == ("NoSuchEntity", f"The Access Key with id {key} cannot be found.")
    used = await iam.call("GetAccessKeyLastUsed", AccessKeyId=key)
    assert used == {"UserName": "ann", "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}}
    await iam.call("DeleteAccessKey", **named)
    assert (await refusal(iam.call("GetAccessKeyLastUsed", AccessKeyId=key)))[0] == "NoSuchEntity"


async def test_the_root_user_has_no_keys_here(iam: Any) -> None:
    code, message = await refusal(iam.call("CreateAccessKey"))
    assert (code, message) == (
        "ValidationError",
        "Must specify userName when calling with non-User credentials",
    )

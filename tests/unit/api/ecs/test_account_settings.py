"""Account settings: whose value holds."""

from typing import Any

import pytest

from bastide.model.faults import Invalid
from tests.account import Account

ROOT = "arn:aws:iam::111122223333:root"
USER = "arn:aws:iam::111122223333:user/ann"


async def effective(api: Any, name: str, **params: str) -> str:
    listed = await api.call("ListAccountSettings", name=name, effectiveSettings=True, **params)
    (setting,) = listed["settings"]
    return str(setting["value"])


async def test_without_a_value_the_default_holds(api: Any) -> None:
    assert (await api.call("ListAccountSettings"))["settings"] == []
    assert await effective(api, "containerInsights") == "disabled"
    assert await effective(api, "taskLongArnFormat") == "enabled"
    assert await effective(api, "fargateTaskRetirementWaitPeriod") == "7"


async def test_a_users_value_goes_before_the_accounts(api: Any) -> None:
    await api.call("PutAccountSettingDefault", name="containerInsights", value="enabled")
    assert await effective(api, "containerInsights", principalArn=USER) == "enabled"
    put = await api.call("PutAccountSetting", name="containerInsights", value="enhanced", principalArn=USER)
    assert put["setting"] == {
        "name": "containerInsights",
        "value": "enhanced",
        "principalArn": USER,
        "type": "user",
    }
    assert await effective(api, "containerInsights", principalArn=USER) == "enhanced"
    assert await effective(api, "containerInsights") == "enabled"
    deleted = await api.call("DeleteAccountSetting", name="containerInsights", principalArn=USER)
    assert deleted["setting"]["value"] == "enabled"
    assert await effective(api, "containerInsights", principalArn=USER) == "enabled"


async def test_new_clusters_take_the_setting(api: Any) -> None:
    await api.call("PutAccountSetting", name="containerInsights", value="enabled")
    made = await api.call("CreateCluster", clusterName="web")
    assert made["cluster"]["settings"] == [{"name": "containerInsights", "value": "enabled"}]


async def test_new_tasks_take_the_log_driver_mode(account: Account) -> None:
    assert await effective(account, "defaultLogDriverMode") == "blocking"  # AWS's own is non-blocking
    await account.register()

    async def log_mode() -> str:
        arn = (await account.run())["tasks"][0]["taskArn"]
        return str((await account.record("task", arn)).document["logMode"])

    assert await log_mode() == "blocking"
    await account.call("PutAccountSettingDefault", name="defaultLogDriverMode", value="non-blocking")
    assert await log_mode() == "non-blocking"


async def test_listing_shows_what_was_set_in_pages(api: Any) -> None:
    await api.call("PutAccountSetting", name="awsvpcTrunking", value="enabled")
    await api.call("PutAccountSetting", name="containerInsights", value="enabled")
    await api.call("PutAccountSetting", name="containerInsights", value="disabled")
    first = await api.call("ListAccountSettings", maxResults=1)
    second = await api.call("ListAccountSettings", maxResults=1, nextToken=first["nextToken"])
    assert [each["name"] for page in (first, second) for each in page["settings"]] == [
        "awsvpcTrunking",
        "containerInsights",
    ]
    assert second["settings"][0]["value"] == "disabled"
    assert second["nextToken"] is None
    matching = await api.call("ListAccountSettings", name="containerInsights", value="enabled")
    assert matching["settings"] == []


async def test_everything_effective_takes_two_pages(api: Any) -> None:
    first = await api.call("ListAccountSettings", effectiveSettings=True)
    second = await api.call("ListAccountSettings", effectiveSettings=True, nextToken=first["nextToken"])
    names = [each["name"] for page in (first, second) for each in page["settings"]]
    assert len(first["settings"]) == 10
    assert names == sorted(set(names))
    assert "guardDutyActivate" in names


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("unknown", "enabled"),
        ("containerInsights", "maybe"),
        ("taskLongArnFormat", "disabled"),
        ("guardDutyActivate", "on"),
        ("fargateTaskRetirementWaitPeriod", "8"),
    ],
)
@pytest.mark.parametrize("operation", ["PutAccountSetting", "PutAccountSettingDefault"])
async def test_wrong_settings_are_refused(api: Any, operation: str, name: str, value: str) -> None:
    with pytest.raises(Invalid):
        await api.call(operation, name=name, value=value)


@pytest.mark.parametrize(
    "principal", ["ann", "arn:aws:iam::999900001111:user/ann", "arn:aws:ecs:::cluster/x"]
)
async def test_only_principals_of_the_account(api: Any, principal: str) -> None:
    with pytest.raises(Invalid):
        await api.call("PutAccountSetting", name="containerInsights", value="enabled", principalArn=principal)

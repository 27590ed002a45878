"""GetCallerIdentity, AssumeRole, GetSessionToken and GetFederationToken."""

import re
from datetime import timedelta
from secrets import token_hex
from typing import Any

import msgspec
import pytest

from bastide.api.authorization.signers import Signers
from bastide.api.operation import Caller
from bastide.api.sts.sessions import open_session
from bastide.api.vault import Vault
from bastide.permissions import PrincipalKind
from bastide.store import Store
from tests.unit.api import refusals
from tests.unit.api.authorization.world import ACCOUNT, ROLE, allow, policy, trusting
from tests.unit.api.conftest import NOW, VAULT, Api, context

ANN = f"arn:aws:iam::{ACCOUNT}:user/ann"
ASK = {"RoleArn": f"{ROLE}/deploy", "RoleSessionName": "ci"}


class Sts:
    """Calls by somebody."""

    def __init__(self, api: Api, caller: Caller) -> None:
        self.api = api
        self.ctx = msgspec.structs.replace(context(), caller=caller)

    async def call(self, operation: str, **params: Any) -> Any:
        return await self.api.call(operation, service="sts", ctx=self.ctx, **params)

    async def refusal(self, operation: str, **params: Any) -> tuple[str, str]:
        return await refusals.refusal(self.call(operation, **params), service="sts")

    async def admin(self, operation: str, **params: Any) -> Any:
        return await self.api.call(operation, service="iam", **params)


@pytest.fixture
async def ann(api: Api) -> Sts:
    """A user with a role that trusts her."""
    user = (await api.call("CreateUser", service="iam", UserName="ann"))["User"]
    caller = Caller(
        account=ACCOUNT,
        region="eu-test-1",
        principal_arn=ANN,
        user_id=user["UserId"],
        kind=PrincipalKind.USER,
        entity=user["UserId"],
    )
    trust = trusting({"AWS": ANN})
    await api.call("CreateRole", service="iam", RoleName="deploy", AssumeRolePolicyDocument=trust)
    return Sts(api, caller)


async def signed_in(store: Store, answer: Any) -> Caller:
    """The caller behind credentials."""
    keys = answer["Credentials"]
    signer = await Signers(store, VAULT).find(keys["AccessKeyId"], keys["SessionToken"])
    assert signer is not None
    assert signer.secret.secret_access_key == keys["SecretAccessKey"]
    return msgspec.structs.replace(signer.caller, region="eu-test-1")


async def test_the_caller_is_named(api: Api) -> None:
    assert await api.call("GetCallerIdentity", service="sts") == {
        "UserId": ACCOUNT,
        "Account": ACCOUNT,
        "Arn": f"arn:aws:iam::{ACCOUNT}:root",
    }


async def test_a_session_is_the_roles_and_ends(ann: Sts, store: Store) -> None:
    answer = await ann.call("AssumeRole", DurationSeconds=900, **ASK)
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci"
    assert answer["AssumedRoleUser"]["AssumedRoleId"].startswith("AROA")
    keys = answer["Credentials"]
    assert keys["AccessKeyId"].startswith("ASIA")
    assert keys["Expiration"] == (NOW.replace(microsecond=0) + timedelta(seconds=900)).timestamp()
    caller = await signed_in(store, answer)
    assert (caller.kind, caller.principal_arn) == (PrincipalKind.ROLE, answer["AssumedRoleUser"]["Arn"])
    session = open_session(VAULT, keys["SessionToken"])
    assert session is not None
    assert keys["SecretAccessKey"] not in repr(session)
    assert open_session(Vault(bytes(32)), keys["SessionToken"]) is None
    assert open_session(VAULT, "x" + keys["SessionToken"]) is None
    assert open_session(VAULT, "A" * 100_000) is None


async def test_a_session_is_known_without_the_database(ann: Sts, store: Store) -> None:
    keys = (await ann.call("AssumeRole", **ASK))["Credentials"]
    signers = Signers(store, VAULT)
    await store.close()
    assert await signers.find(keys["AccessKeyId"], keys["SessionToken"]) is not None
    assert await signers.find(keys["AccessKeyId"], "x" + keys["SessionToken"]) is None
    with pytest.raises(Exception, match="closed"):
        await signers.find("AKIA" + keys["AccessKeyId"][4:], None)


async def test_who_is_not_trusted_is_told_no_more(ann: Sts) -> None:
    nobody = await ann.refusal("AssumeRole", **(ASK | {"RoleArn": f"{ROLE}/none"}))
    assert nobody == (
        "AccessDenied",
        f"User: {ANN} is not authorized to perform: sts:AssumeRole on resource: {ROLE}/none because no role "
        "trust policy allows the sts:AssumeRole action",
    )
    trust = trusting({"Service": "ecs-tasks.amazonaws.com"})
    await ann.admin("UpdateAssumeRolePolicy", RoleName="deploy", PolicyDocument=trust)
    refused = await ann.refusal("AssumeRole", **ASK)
    assert refused == (nobody[0], nobody[1].replace("/none", "/deploy"))


async def test_trust_in_the_account_needs_the_users_permission_too(ann: Sts) -> None:
    trust = trusting({"AWS": ACCOUNT})
    await ann.admin("UpdateAssumeRolePolicy", RoleName="deploy", PolicyDocument=trust)
    message = (await ann.refusal("AssumeRole", **ASK))[1]
    assert message.endswith("because no identity-based policy allows the sts:AssumeRole action")
    text = policy(allow("sts:AssumeRole", f"{ROLE}/deploy"))
    await ann.admin("PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=text)
    assert (await ann.call("AssumeRole", **ASK))["Credentials"]


async def test_whoever_has_the_name_of_somebody_gone_is_not_trusted(ann: Sts) -> None:
    await ann.admin("UpdateUser", UserName="ann", NewUserName="bob")
    assert await ann.call("AssumeRole", **ASK)
    await ann.admin("DeleteUser", UserName="bob")
    made = (await ann.admin("CreateUser", UserName="ann"))["User"]["UserId"]
    caller = msgspec.structs.replace(ann.ctx.caller, user_id=made, entity=made)
    assert (await Sts(ann.api, caller).refusal("AssumeRole", **ASK))[0] == "AccessDenied"


async def test_an_external_id(ann: Sts) -> None:
    trust = trusting({"AWS": ANN}, Condition={"StringEquals": {"sts:ExternalId": "secret-word"}})
    await ann.admin("UpdateAssumeRolePolicy", RoleName="deploy", PolicyDocument=trust)
    assert (await ann.refusal("AssumeRole", **ASK))[0] == "AccessDenied"
    assert (await ann.refusal("AssumeRole", ExternalId="another", **ASK))[0] == "AccessDenied"
    assert await ann.call("AssumeRole", ExternalId="secret-word", **ASK)


async def test_how_long_a_session_can_be(ann: Sts, api: Api, store: Store) -> None:
    code, message = await ann.refusal("AssumeRole", DurationSeconds=3601, **ASK)
    assert (code, message) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )
    await ann.admin("UpdateRole", RoleName="deploy", MaxSessionDuration=43200)
    assert await ann.call("AssumeRole", DurationSeconds=43200, **ASK)
    own = trusting({"AWS": [ANN, f"{ROLE}/deploy"]})
    await ann.admin("UpdateAssumeRolePolicy", RoleName="deploy", PolicyDocument=own)
    chained = Sts(api, await signed_in(store, await ann.call("AssumeRole", **ASK)))
    assert "role chaining" in (await chained.refusal("AssumeRole", DurationSeconds=3601, **ASK))[1]
    assert await chained.call("AssumeRole", DurationSeconds=3600, **ASK)


async def test_session_tags_and_the_source_identity_go_on(ann: Sts, api: Api, store: Store) -> None:
    own = trusting({"AWS": [ANN, f"{ROLE}/deploy"]})
    await ann.admin("UpdateAssumeRolePolicy", RoleName="deploy", PolicyDocument=own)
    tags = [{"Key": "team", "Value": "red"}, {"Key": "stage", "Value": "dev"}]
    asked = {"Tags": tags, "TransitiveTagKeys": ["team"], "SourceIdentity": "ann", **ASK}
    first = await ann.call("AssumeRole", **asked)
    assert first["SourceIdentity"] == "ann"
    caller = await signed_in(store, first)
    assert caller.tags == {"team": "red", "stage": "dev"}
    chained = Sts(api, caller)
    second = await signed_in(store, await chained.call("AssumeRole", **ASK))
    assert (second.tags, second.source_identity) == ({"team": "red"}, "ann")
    changing = await chained.refusal("AssumeRole", Tags=[{"Key": "Team", "Value": "x"}], **ASK)
    assert changing[0] == "ValidationError"
    assert (await chained.refusal("AssumeRole", SourceIdentity="bob", **ASK))[0] == "AccessDenied"
    missing = await ann.refusal("AssumeRole", TransitiveTagKeys=["x"], **ASK)
    assert missing[0] == "ValidationError"
    no_tags = policy(
        {"Effect": "Allow", "Principal": {"AWS": ANN}, "Action": "sts:AssumeRole"},
    )
    await ann.admin("UpdateAssumeRolePolicy", RoleName="deploy", PolicyDocument=no_tags)
    assert "sts:TagSession" in (await ann.refusal("AssumeRole", Tags=tags, **ASK))[1]


async def chained(ann: Sts, api: Api, store: Store, **asked: Any) -> Sts:
    """A session of `deploy`, which assumes `next`."""
    own = trusting({"AWS": [ANN, f"{ROLE}/deploy"]})
    await ann.admin("UpdateAssumeRolePolicy", RoleName="deploy", PolicyDocument=own)
    await ann.admin("CreateRole", RoleName="next", AssumeRolePolicyDocument=own)
    return Sts(api, await signed_in(store, await ann.call("AssumeRole", **asked, **ASK)))


async def trust_next(ann: Sts, *actions: str, **more: Any) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": f"{ROLE}/deploy"}, "Action": list(actions), **more}
    await ann.admin("UpdateAssumeRolePolicy", RoleName="next", PolicyDocument=policy(statement))


@pytest.mark.parametrize(
    ("asked", "action"),
    [
        ({"Tags": [{"Key": "team", "Value": "red"}], "TransitiveTagKeys": ["TEAM"]}, "sts:TagSession"),
        ({"SourceIdentity": "ann"}, "sts:SetSourceIdentity"),
    ],
)
async def test_what_goes_on_needs_its_permission_in_each_role(
    ann: Sts, api: Api, store: Store, asked: dict[str, Any], action: str
) -> None:
    session = await chained(ann, api, store, **asked)
    further = ASK | {"RoleArn": f"{ROLE}/next"}
    await trust_next(ann, "sts:AssumeRole")
    assert action in (await session.refusal("AssumeRole", **further))[1]
    key, value = ("aws:RequestTag/team", "red") if "Tags" in asked else ("sts:SourceIdentity", "ann")
    await trust_next(ann, "sts:AssumeRole", action, Condition={"StringEquals": {key: value}})
    assert await session.call("AssumeRole", **further)
    await trust_next(ann, "sts:AssumeRole", action, Condition={"StringEquals": {key: "other"}})
    assert (await session.refusal("AssumeRole", **further))[0] == "AccessDenied"


async def test_policies_and_tags_have_to_fit_together(ann: Sts) -> None:
    fits = [{"Key": f"k{number}", "Value": "red"} for number in range(50)]
    answer = await ann.call("AssumeRole", Tags=fits, **ASK)
    assert 1 <= answer["PackedPolicySize"] <= 100
    large = [{"Key": f"k{number}", "Value": token_hex(128)} for number in range(50)]
    code, message = await ann.refusal("AssumeRole", Tags=large, **ASK)
    assert code == "PackedPolicyTooLarge"
    assert re.fullmatch(r"Packed policy consumes \d+% of allotted space, please use smaller policy.", message)


async def test_a_token_is_as_long_as_is_asked_for(ann: Sts, store: Store) -> None:
    plain = await ann.call("AssumeRole", **ASK)
    assert len(plain["Credentials"]["SessionToken"]) < 4096
    padded = await ann.call("AssumeRole", MinimumSessionTokenSize=4096, **ASK)
    assert 4096 <= len(padded["Credentials"]["SessionToken"]) <= 8192
    assert (await signed_in(store, padded)).principal_arn == padded["AssumedRoleUser"]["Arn"]


@pytest.mark.parametrize(("operation", "params"), [("AssumeRole", ASK), ("GetSessionToken", {})])
async def test_devices_that_nobody_has_are_refused(ann: Sts, operation: str, params: dict[str, Any]) -> None:
    asked = {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/ann", "TokenCode": "123456", **params}
    code, message = await ann.refusal(operation, **asked)
    assert (code, message[:36]) == ("AccessDenied", "MultiFactorAuthentication failed, un")
    if operation == "AssumeRole":
        contexts = [{"ProviderArn": "arn:aws:iam::aws:contextProvider/x", "ContextAssertion": "abcd"}]
        assert (await ann.refusal(operation, ProvidedContexts=contexts, **params))[0] == "ValidationError"


async def test_session_policies_are_checked(ann: Sts) -> None:
    assert (await ann.refusal("AssumeRole", Policy="{", **ASK))[0] == "MalformedPolicyDocument"
    large = policy(allow("s3:*", "arn:aws:s3:::" + "a" * 2100))
    assert (await ann.refusal("AssumeRole", Policy=large, **ASK))[0] == "PackedPolicyTooLarge"
    unknown = [{"arn": f"arn:aws:iam::{ACCOUNT}:policy/none"}]
    assert (await ann.refusal("AssumeRole", PolicyArns=unknown, **ASK))[0] == "InvalidParameterValue"
    answer = await ann.call("AssumeRole", Policy=policy(allow("s3:*")), **ASK)
    assert 1 <= answer["PackedPolicySize"] <= 100


async def test_the_root_user_assumes_no_role(api: Api, ann: Sts) -> None:
    asked: dict[str, Any] = {**ASK}
    call = api.call("AssumeRole", service="sts", **asked)
    assert await refusals.refusal(call, service="sts") == (
        "AccessDenied",
        "Roles may not be assumed by root accounts.",
    )


async def test_a_users_own_permissions_by_keys_that_end(ann: Sts, api: Api, store: Store) -> None:
    caller = await signed_in(store, await ann.call("GetSessionToken"))
    assert (caller.principal_arn, caller.entity, caller.is_temporary) == (ANN, ann.ctx.caller.entity, True)
    again = Sts(api, caller)
    for operation, params in (("GetSessionToken", {}), ("GetFederationToken", {"Name": "bob"})):
        assert await again.refusal(operation, **params) == (
            "AccessDenied",
            f"Cannot call {operation} with session credentials",
        )


async def test_a_federated_user_has_what_both_allow(ann: Sts, store: Store) -> None:
    answer = await ann.call("GetFederationToken", Name="bob", Policy=policy(allow("s3:*")))
    assert answer["FederatedUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:federated-user/bob"
    caller = await signed_in(store, answer)
    assert (caller.kind, caller.entity) == (PrincipalKind.FEDERATED, ann.ctx.caller.entity)
    bare = await signed_in(store, await ann.call("GetFederationToken", Name="bob"))
    assert (bare.has_policies, bare.policies) == (True, ())

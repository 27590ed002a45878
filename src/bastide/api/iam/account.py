"""The account: its alias, and how much of everything it has."""

from collections.abc import Mapping

from bastide.api.iam.identities import instance_profiles
from bastide.api.iam.identities.access_keys import KEYS_MAX
from bastide.api.iam.identities.entities import GROUP, PER_ACCOUNT, ROLE, USER, iam_scope
from bastide.api.iam.identities.members import GROUPS_MAX
from bastide.api.iam.policies.attachments import POLICIES_MAX
from bastide.api.iam.policies.managed import PER_ACCOUNT_MAX, own_policies
from bastide.api.iam.policies.policy import POLICY
from bastide.api.iam.policies.sizes import INLINE_MAX, MANAGED_MAX, TRUST_MAX
from bastide.api.iam.policies.versions import VERSIONS_MAX
from bastide.api.operation import Context, Operation, Params, Reads, Result, Writes
from bastide.model.faults import AlreadyExists, NotFound
from bastide.store import Record, Txn

ALIAS = "iam-account-alias"
TOKEN_VERSION = 2  # sessions' tokens count in every region: API reference, SetSecurityTokenServicePreferences


def create_account_alias(txn: Txn, ctx: Context, params: Params) -> Result:
    """The account's name; another one takes the place of the one before."""
    scope, alias = iam_scope(ctx), params["AccountAlias"]
    held = txn.get(ALIAS, scope)
    if held is not None and held.name == alias:
        why = f"The account alias {alias} already exists."
        raise AlreadyExists("alias", alias, why=why)
    txn.put(Record(ALIAS, scope, scope, {}, name=alias) if held is None else held.changed(name=alias))
    return {}


def delete_account_alias(txn: Txn, ctx: Context, params: Params) -> Result:
    """No name any more."""
    held = txn.get(ALIAS, iam_scope(ctx))
    if held is None or held.name != params["AccountAlias"]:
        raise NotFound("alias", params["AccountAlias"])
    txn.delete(held)
    return {}


def list_account_aliases(txn: Txn, ctx: Context, params: Params) -> Result:
    """The one alias there can be."""
    held = txn.get(ALIAS, iam_scope(ctx))
    return {"AccountAliases": [] if held is None else [held.name], "IsTruncated": False}


def get_account_summary(txn: Txn, ctx: Context, params: Params) -> Result:
    """Counts and quotas; of what cannot be made here there is none."""
    scope = iam_scope(ctx)
    counted = {
        "Users": USER.kind,
        "Groups": GROUP.kind,
        "Roles": ROLE.kind,
        "Policies": POLICY,
        "InstanceProfiles": instance_profiles.KIND,
    }
    return {
        "SummaryMap": {name: txn.count(kind, scope=scope) for name, kind in counted.items()}
        | {
            "AccountMFAEnabled": 0,
            "AccountAccessKeysPresent": 1,
            "MFADevices": 0,
            "MFADevicesInUse": 0,
            "Providers": 0,
            "ServerCertificates": 0,
            "AccountPasswordPresent": 0,
            "AccountSigningCertificatesPresent": 0,
            "PolicyVersionsInUse": sum(len(policy.versions) for policy in own_policies(txn, scope)),
            "GlobalEndpointTokenVersion": TOKEN_VERSION,
            "AccessKeysPerUserQuota": KEYS_MAX,
            "AssumeRolePolicySizeQuota": TRUST_MAX,
            "AttachedPoliciesPerGroupQuota": POLICIES_MAX,
            "AttachedPoliciesPerRoleQuota": POLICIES_MAX,
            "AttachedPoliciesPerUserQuota": POLICIES_MAX,
            "GroupPolicySizeQuota": INLINE_MAX["group"],
            "GroupsPerUserQuota": GROUPS_MAX,
            "PolicySizeQuota": MANAGED_MAX,
            "RolePolicySizeQuota": INLINE_MAX["role"],
            "UserPolicySizeQuota": INLINE_MAX["user"],
            "VersionsPerPolicyQuota": VERSIONS_MAX,
            "PoliciesQuota": PER_ACCOUNT_MAX,
            "PolicyVersionsInUseQuota": PER_ACCOUNT_MAX * VERSIONS_MAX,
            "InstanceProfilesQuota": instance_profiles.PROFILES_MAX,
            **{f"{plural}Quota": most for plural, most in PER_ACCOUNT.items()},
        }
    }


OPERATIONS: Mapping[str, Operation] = {
    "CreateAccountAlias": Writes(create_account_alias),
    "DeleteAccountAlias": Writes(delete_account_alias),
    "GetAccountSummary": Reads(get_account_summary),
    "ListAccountAliases": Reads(list_account_aliases),
}

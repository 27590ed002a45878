"""GetAccountAuthorizationDetails: everything that decides who may do what, in one listing."""

from collections.abc import Mapping

from bastide.api.iam.identities.answers import shown_whole
from bastide.api.iam.identities.entities import GROUP, NOUNS, ROLE, USER, encoded, iam_scope
from bastide.api.iam.identities.instance_profiles import profiles_of, shown_profile
from bastide.api.iam.identities.members import groups_of
from bastide.api.iam.identities.uses import ROLE_USE, last_use
from bastide.api.iam.pages import page_names
from bastide.api.iam.policies.attached import ATTACHED, BOUNDARY, find_users
from bastide.api.iam.policies.attachments import attached_policies
from bastide.api.iam.policies.aws import AWS_POLICIES
from bastide.api.iam.policies.managed import own_policies, shown_policy
from bastide.api.iam.policies.policy import Managed
from bastide.api.iam.policies.versions import shown_versions
from bastide.api.operation import Context, Document, Operation, Params, Reads, Result
from bastide.store import Record, Txn

LOCAL, AWS = "LocalManagedPolicy", "AWSManagedPolicy"
LISTS = {USER.member: "UserDetailList", GROUP.member: "GroupDetailList", ROLE.member: "RoleDetailList"}


def get_account_authorization_details(txn: Txn, ctx: Context, params: Params) -> Result:
    """One page of users, groups, roles and policies, in this order; AWS's policies where they are used."""
    scope = iam_scope(ctx)
    wanted = set(params.get("Filter") or [*LISTS, LOCAL, AWS])
    records = {
        f"{number}/{record.name}": (noun.member, record)
        for number, noun in enumerate(NOUNS)
        if noun.member in wanted
        for record in txn.find(noun.kind, scope=scope)
    }
    policies = {f"3/{policy.arn}": policy for policy in _policies(txn, scope, wanted)}
    names, more = page_names(sorted([*records, *policies]), params)
    answer: Result = {member: [] for member in (*LISTS.values(), "Policies")}
    for name in names:
        if name in records:
            member, record = records[name]
            answer[LISTS[member]].append(_entity(txn, member, record))
        else:
            answer["Policies"].append(_policy(txn, scope, policies[name]))
    return answer | more


def _policies(txn: Txn, scope: str, wanted: set[str]) -> list[Managed]:
    own = own_policies(txn, scope) if LOCAL in wanted else []
    if AWS not in wanted:
        return own
    return own + [
        policy
        for policy in AWS_POLICIES.values()
        if any(find_users(txn, scope, policy.arn, status) for status in (ATTACHED, BOUNDARY))
    ]


def _entity(txn: Txn, member: str, record: Record) -> Document:
    kept = {
        name: value
        for name, value in shown_whole(txn, record).items()
        if name not in ("Description", "MaxSessionDuration")
    }
    inline = [
        {"PolicyName": name, "PolicyDocument": encoded(text)}
        for name, text in sorted(record.document["inline"].items())
    ]
    more: Document = {
        f"{member}PolicyList": inline,
        "AttachedManagedPolicies": attached_policies(txn, record, {}),
    }
    if member == USER.member:
        more["GroupList"] = [group.document["members"]["GroupName"] for group in groups_of(txn, record)]
    if member == ROLE.member:
        more["RoleLastUsed"] = last_use(txn, ROLE_USE, record.key)
        more["InstanceProfileList"] = [shown_profile(txn, each) for each in profiles_of(txn, record)]
    return kept | more


def _policy(txn: Txn, scope: str, policy: Managed) -> Document:
    return shown_policy(txn, scope, policy) | {"PolicyVersionList": shown_versions(policy)}


OPERATIONS: Mapping[str, Operation] = {
    "GetAccountAuthorizationDetails": Reads(get_account_authorization_details)
}

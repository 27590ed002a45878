"""Managed policies: the account's own, made and removed here, and AWS's; who uses them."""

from collections.abc import Mapping

from bastide.api.iam.identities.entities import NOUNS, check_room, draw_id, iam_arn, iam_scope
from bastide.api.iam.pages import is_below, page, page_names
from bastide.api.iam.policies.attached import ATTACHED, BOUNDARY, find_users
from bastide.api.iam.policies.aws import AWS_POLICIES, AWS_POLICIES_BY_ARN
from bastide.api.iam.policies.policy import POLICY, POLICY_PREFIX, Managed, read_policy
from bastide.api.iam.policies.sizes import check_managed_size
from bastide.api.iam.tag_rules import checked_tags
from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.model.faults import AlreadyExists, InUse, Invalid, NotFound
from bastide.permissions import parse_managed
from bastide.store import Record, Txn

FIRST = "v1"
PER_ACCOUNT_MAX = 1500  # IAM user guide, "IAM and AWS STS quotas"
LOCAL, AWS = "Local", "AWS"
USAGES = {"PermissionsPolicy": ATTACHED, "PermissionsBoundary": BOUNDARY}


def find_policy(txn: Txn, scope: str, arn: str) -> Managed | None:
    """The managed policy of an ARN, if this account can use it."""
    if arn in AWS_POLICIES_BY_ARN:
        return AWS_POLICIES_BY_ARN[arn]
    record = txn.get(POLICY, arn)
    return None if record is None or record.scope != scope else read_policy(record)


def get_policy_of(txn: Txn, ctx: Context, arn: str) -> Managed:
    """The same; raises NotFound."""
    found = find_policy(txn, iam_scope(ctx), arn)
    if found is None:
        raise NotFound("policy", arn, why=f"Policy {arn} was not found.")
    return found


def get_own_policy(txn: Txn, ctx: Context, arn: str) -> Record:
    """The record of an account's own policy; raises NotFound, and Invalid for one of AWS's."""
    get_policy_of(txn, ctx, arn)
    record = txn.get(POLICY, arn)
    if record is None:
        raise Invalid("input", arn, why=f"Policy {arn} is managed by AWS and cannot be changed.")
    return record


def create_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """A policy with its first version."""
    name, path, text = params["PolicyName"], params.get("Path", "/"), params["PolicyDocument"]
    parse_managed(text)
    check_managed_size(text)
    if txn.find(POLICY, scope=iam_scope(ctx), name=name.lower()):
        why = f"A policy called {name} already exists. Duplicate names are not allowed."
        raise AlreadyExists("policy", name, why=why)
    check_room(txn, ctx, POLICY, "Policies", PER_ACCOUNT_MAX)
    members = {
        "PolicyName": name,
        "PolicyId": draw_id(POLICY_PREFIX),
        "Path": path,
        "DefaultVersionId": FIRST,
        "CreateDate": ctx.now_s,
        "UpdateDate": ctx.now_s,
    }
    if params.get("Description"):
        members["Description"] = params["Description"]
    document = {
        "members": members,
        "tags": checked_tags(params.get("Tags", [])),
        "versions": [{"VersionId": FIRST, "text": text, "CreateDate": ctx.now_s}],
        "next": 2,
    }
    arn = iam_arn(ctx.caller.account, "policy", path, name)
    record = txn.put(Record(POLICY, arn, iam_scope(ctx), document, name=name.lower()))
    return {"Policy": shown_policy(txn, iam_scope(ctx), read_policy(record))}


def shown_policy(txn: Txn, scope: str, policy: Managed) -> Document:
    """A policy as a listing shows it."""
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default,
        "AttachmentCount": len(find_users(txn, scope, policy.arn, ATTACHED)),
        "PermissionsBoundaryUsageCount": len(find_users(txn, scope, policy.arn, BOUNDARY)),
        "IsAttachable": True,
        "CreateDate": policy.created_s,
        "UpdateDate": policy.updated_s,
    }


def get_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """One policy."""
    policy = get_policy_of(txn, ctx, params["PolicyArn"])
    shown = shown_policy(txn, iam_scope(ctx), policy) | {"Tags": list(policy.tags)}
    if policy.description:
        shown["Description"] = policy.description
    return {"Policy": shown}


def own_policies(txn: Txn, scope: str) -> list[Managed]:
    """The account's own policies."""
    return [read_policy(record) for record in txn.find(POLICY, scope=scope)]


def list_policies(txn: Txn, ctx: Context, params: Params) -> Result:
    """AWS's policies, the account's own, or all; those that are used, or all."""
    scope, usage = iam_scope(ctx), USAGES.get(params.get("PolicyUsageFilter", ""))
    asked = params.get("Scope", "All")
    found = [] if asked == AWS else own_policies(txn, scope)
    found += [] if asked == LOCAL else AWS_POLICIES.values()
    found = [policy for policy in found if is_below(policy.path, params)]
    if params.get("OnlyAttached") or usage:
        wanted = [usage] if usage else [ATTACHED, BOUNDARY]
        found = [
            policy for policy in found if any(find_users(txn, scope, policy.arn, each) for each in wanted)
        ]
    return page(
        "Policies",
        found,
        params,
        name_of=lambda policy: policy.arn,
        shown=lambda policy: shown_policy(txn, scope, policy),
    )


def list_entities_for_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """Who has a policy, or is bounded by it."""
    policy = get_policy_of(txn, ctx, params["PolicyArn"])
    usage, only = USAGES.get(params.get("PolicyUsageFilter", "")), params.get("EntityFilter")
    held = {
        user
        for status in ([usage] if usage else [ATTACHED, BOUNDARY])
        for user in find_users(txn, iam_scope(ctx), policy.arn, status)
    }
    found = {
        f"{number}/{record.name}": (noun, record)
        for number, noun in enumerate(NOUNS)
        for kind, key in held
        if kind == noun.kind and only in (None, noun.member)
        if (record := txn.get(kind, key)) is not None
        if is_below(record.document["members"]["Path"], params)
    }
    names, more = page_names(sorted(found), params)
    answer: Result = {f"Policy{noun.member}s": [] for noun in NOUNS}
    for noun, record in (found[name] for name in names):
        members = record.document["members"]
        answer[f"Policy{noun.member}s"].append({name: members[name] for name in (noun.name, noun.id)})
    return answer | more


def delete_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """Gone, where nobody has it and only its default version is left."""
    record = get_own_policy(txn, ctx, params["PolicyArn"])
    if any(find_users(txn, record.scope, record.key, status) for status in (ATTACHED, BOUNDARY)):
        raise InUse("policy", record.key, why="Cannot delete a policy attached to entities.")
    if len(record.document["versions"]) > 1:
        why = (
            "This policy has more than one version. Before you delete a policy, you must delete the policy's "
            "versions. The default version is deleted with the policy."
        )
        raise InUse("policy", record.key, why=why)
    txn.delete(record)
    return {}


OPERATIONS: Mapping[str, Operation] = {
    "CreatePolicy": Writes(create_policy),
    "DeletePolicy": Writes(delete_policy),
    "GetPolicy": Reads(get_policy),
    "ListEntitiesForPolicy": Reads(list_entities_for_policy),
    "ListPolicies": Reads(list_policies),
}

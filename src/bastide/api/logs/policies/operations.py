"""PutResourcePolicy, DescribeResourcePolicies, DeleteResourcePolicy."""

import secrets
from collections.abc import Mapping

from bastide.api.iam.identities.named import bind_principals, show_principals
from bastide.api.logs.groups import epoch_ms, find_group, named_group
from bastide.api.logs.limits import Cursor, read_list
from bastide.api.logs.policies.records import LOG_POLICY, account_key, account_policies, group_key
from bastide.api.operation import Context, Operation, Params, Reads, Result, Writes
from bastide.model.faults import Conflict, Invalid, LimitExceeded, NotFound
from bastide.permissions import check_at_resource
from bastide.store import Record, Txn

ACCOUNT_MAX = 10  # a region: CloudWatch Logs quotas, "Resource policies"
ACCOUNT_CHARS_MAX = 5120  # of an account's policy: API reference, PutResourcePolicy
ACCOUNT, RESOURCE = "ACCOUNT", "RESOURCE"


def put_resource_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """Keep a policy, in place of the one of that name or of that log group."""
    text = params.get("policyDocument")
    if text is None:
        raise Invalid("parameter", why="policyDocument is required.")
    try:
        check_at_resource(text, vendor="logs")
    except Invalid as invalid:
        raise Invalid("parameter", why=f"Invalid policy document: {invalid.why}") from invalid
    kept = bind_principals(txn, ctx.caller.account, text)
    if "resourceArn" in params:
        return _put_of_group(txn, ctx, params, kept)
    name = _name(params)
    if len(text) > ACCOUNT_CHARS_MAX:
        raise Invalid("parameter", why=f"A resource policy has at most {ACCOUNT_CHARS_MAX} characters.")
    key = account_key(ctx.scope, name)
    held = txn.get(LOG_POLICY, key)
    if held is None and len(account_policies(txn, ctx.scope)) >= ACCOUNT_MAX:
        raise LimitExceeded("resource policies")
    policy = _policy(ctx, kept, ACCOUNT) | {"policyName": name}
    new = Record(LOG_POLICY, key, ctx.scope, {}, name=name)
    record = txn.put((held or new).changed(document={"policy": policy}))
    return {"resourcePolicy": _shown(txn, record)}


def _put_of_group(txn: Txn, ctx: Context, params: Params, text: str) -> Result:
    group = _group(txn, ctx, params)
    held = _held(txn, group, params)
    revision = secrets.token_hex(16)
    policy = _policy(ctx, text, RESOURCE) | {"resourceArn": group.key, "revisionId": revision}
    if "policyName" in params:
        policy["policyName"] = params["policyName"]
    new = Record(LOG_POLICY, group_key(group.key), ctx.scope, {}, parent=group.key, name=group.name)
    record = txn.put((held or new).changed(document={"policy": policy}))
    return {"resourcePolicy": _shown(txn, record), "revisionId": revision}


def describe_resource_policies(txn: Txn, ctx: Context, params: Params) -> Result:
    """The account's, or one log group's; those of all groups where the scope says so."""
    if "resourceArn" in params:
        own = txn.get(LOG_POLICY, group_key(_group(txn, ctx, params).key))
        return {"resourcePolicies": [] if own is None else [_shown(txn, own)]}
    wanted = params.get("policyScope", ACCOUNT)

    def find(after: Cursor | None, limit: int) -> list[Record]:
        found = [
            record
            for record in txn.find(LOG_POLICY, scope=ctx.scope, after=after)
            if record.document["policy"]["policyScope"] == wanted
        ]
        return found[:limit]

    records, token = read_list(find, params, "log-policies", ctx.scope, wanted)
    result: Result = {"resourcePolicies": [_shown(txn, record) for record in records]}
    return result | {"nextToken": token} if token else result


def delete_resource_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """Keep it no longer."""
    if "resourceArn" in params:
        held = _held(txn, _group(txn, ctx, params), params)
    else:
        held = txn.get(LOG_POLICY, account_key(ctx.scope, _name(params)))
    if held is None:
        raise NotFound("resource policy")
    txn.delete(held)
    return {}


def _name(params: Params) -> str:
    if not params.get("policyName"):
        raise Invalid("parameter", why="policyName is required.")
    return str(params["policyName"])


def _group(txn: Txn, ctx: Context, params: Params) -> Record:
    return find_group(txn, ctx.scope, named_group({"logGroupIdentifier": params["resourceArn"]}, ctx))


def _held(txn: Txn, group: Record, params: Params) -> Record | None:
    """The log group's policy; raises Conflict unless it is the one the caller knows."""
    held = txn.get(LOG_POLICY, group_key(group.key))
    known = None if held is None else held.document["policy"]["revisionId"]
    if params.get("expectedRevisionId") != known:
        raise Conflict("resource policy")
    return held


def _shown(txn: Txn, record: Record) -> Result:
    policy: Result = record.document["policy"]
    text = show_principals(txn, record.scope.partition("/")[0], policy["policyDocument"])
    return policy | {"policyDocument": text}


def _policy(ctx: Context, text: str, scope: str) -> Result:
    return {"policyDocument": text, "lastUpdatedTime": epoch_ms(ctx.now), "policyScope": scope}


OPERATIONS: Mapping[str, Operation] = {
    "DeleteResourcePolicy": Writes(delete_resource_policy),
    "DescribeResourcePolicies": Reads(describe_resource_policies),
    "PutResourcePolicy": Writes(put_resource_policy),
}

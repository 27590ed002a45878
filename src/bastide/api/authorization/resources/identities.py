"""What calls of IAM are about."""

from collections.abc import Mapping, Sequence

from bastide.api.authorization.resources.found import Find, Found, names_in, tag_map
from bastide.api.iam.identities.entities import GROUP, ROLE, USER, Noun, find_entity, iam_arn, iam_scope
from bastide.api.iam.identities.instance_profiles import KIND as PROFILE
from bastide.api.iam.policies.managed import find_policy
from bastide.api.operation import Context, Params
from bastide.permissions.patterns import Values
from bastide.store import Txn


def _entities(noun: Noun) -> Find:
    def find(txn: Txn, ctx: Context, params: Params) -> list[Found]:
        names = names_in(params, noun.name)
        if not names and noun is USER and ctx.caller.entity:
            record = txn.get(USER.kind, ctx.caller.entity)
            return [] if record is None else [Found(record.document["members"]["Arn"])]
        return [_entity(txn, ctx, noun, name, params) for name in names] + _by_arn(noun, params)

    return find


def _by_arn(noun: Noun, params: Params) -> list[Found]:
    """The entity a simulation is about."""
    source = params.get("PolicySourceArn", "")
    return [Found(source)] if f":{noun.noun}/" in source else []


def _entity(txn: Txn, ctx: Context, noun: Noun, name: str, params: Params) -> Found:
    record = find_entity(txn, iam_scope(ctx), noun, name)
    if record is not None:
        return Found(record.document["members"]["Arn"], tag_map(record.document["tags"]))
    return Found(iam_arn(ctx.caller.account, noun.noun, params.get("Path", "/"), name))


def _policies(txn: Txn, ctx: Context, params: Params) -> list[Found]:
    created = [
        Found(iam_arn(ctx.caller.account, "policy", params.get("Path", "/"), name))
        for name in names_in(params, "PolicyName")
        if "PolicyArn" not in params
    ]
    return created + [_policy(txn, ctx, arn) for arn in names_in(params, "PolicyArn")]


def _policy(txn: Txn, ctx: Context, arn: str) -> Found:
    policy = find_policy(txn, iam_scope(ctx), arn)
    return Found(arn, {} if policy is None else tag_map(list(policy.tags)))


def _profiles(txn: Txn, ctx: Context, params: Params) -> list[Found]:
    found = []
    for name in names_in(params, "InstanceProfileName"):
        records = txn.find(PROFILE, scope=iam_scope(ctx), name=name.lower(), limit=1)
        if records:
            found.append(Found(records[0].document["members"]["Arn"], tag_map(records[0].document["tags"])))
        else:
            path = params.get("Path", "/")
            found.append(Found(iam_arn(ctx.caller.account, "instance-profile", path, name)))
    return found


def _linked_roles(txn: Txn, ctx: Context, params: Params) -> list[Found]:
    """A role to be made for a service."""
    service = params.get("AWSServiceName")
    if service is None:
        return _entities(ROLE)(txn, ctx, params)
    return [Found(iam_arn(ctx.caller.account, "role", f"/aws-service-role/{service}/", "*"))]


FIND: Mapping[str, Find] = {
    "group": _entities(GROUP),
    "instance-profile": _profiles,
    "policy": _policies,
    "role": _linked_roles,
    "user": _entities(USER),
}


def keys(txn: Txn, ctx: Context, params: Params, resources: Sequence[Found]) -> dict[str, Values]:
    """IAM's own condition keys; the boundary is the one that is asked for, else the one there is."""
    members = {
        "iam:policyarn": "PolicyArn",
        "iam:permissionsboundary": "PermissionsBoundary",
        "iam:awsservicename": "AWSServiceName",
    }
    found: dict[str, Values] = {}
    for noun in (USER, ROLE):
        for name in names_in(params, noun.name):
            record = find_entity(txn, iam_scope(ctx), noun, name)
            if record is not None and "boundary" in record.document:
                found["iam:permissionsboundary"] = record.document["boundary"]
    return found | {key: str(params[member]) for key, member in members.items() if params.get(member)}

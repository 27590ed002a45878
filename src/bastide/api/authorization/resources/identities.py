"""What calls of IAM are about."""

from collections.abc import Mapping, Sequence

from bastide.api.authorization.resources.found import Find, Found, names_in, tag_map
from bastide.api.iam.identities.entities import (
    GROUP,
    ROLE,
    USER,
    Noun,
    find_entity,
    find_given_role,
    iam_arn,
    iam_scope,
)
from bastide.api.iam.identities.instance_profiles import KIND as PROFILE
from bastide.api.iam.identities.users import ACCESS_KEY
from bastide.api.iam.policies.managed import find_policy
from bastide.api.operation import Context, Params
from bastide.model.arn import render_arn
from bastide.permissions.patterns import Values
from bastide.store import Record, Txn


def _entities(noun: Noun) -> Find:
    def find(txn: Txn, ctx: Context, params: Params) -> list[Found]:
        names = names_in(params, noun.name)
        if "PolicySourceArn" in params:
            return _by_arn(noun, params)
        if not names and noun is USER:
            return _by_key(txn, ctx, params)
        found = [_entity(txn, ctx, noun, name, params) for name in names]
        return found + _renamed(txn, ctx, noun, params)

    return find


def _by_key(txn: Txn, ctx: Context, params: Params) -> list[Found]:
    """Whose key a request names; without one, whoever asks."""
    key = txn.get(ACCESS_KEY, str(params.get("AccessKeyId", "")))
    is_there = key is not None and key.scope == iam_scope(ctx)
    record = txn.get(USER.kind, key.parent if key is not None and is_there else ctx.caller.entity)
    return [] if record is None else [_found(record)]


def _renamed(txn: Txn, ctx: Context, noun: Noun, params: Params) -> list[Found]:
    """What an entity is to be called, which one has to be allowed too (API reference, UpdateUser)."""
    if params.keys().isdisjoint({f"New{noun.name}", "NewPath"}):
        return []
    record = find_entity(txn, iam_scope(ctx), noun, params[noun.name])
    held = {noun.name: params[noun.name], "Path": "/"} if record is None else record.document["members"]
    name, path = params.get(f"New{noun.name}", held[noun.name]), params.get("NewPath", held["Path"])
    return [Found(iam_arn(ctx.caller.account, noun.noun, path, name))]


def given_role(txn: Txn, ctx: Context, given: str) -> Found:
    """A role that is handed to a service by its ARN or name, whether it is there or not."""
    record = find_given_role(txn, ctx.caller.account, given)
    if record is not None:
        return _found(record)
    return Found(given if given.startswith("arn:") else iam_arn(ctx.caller.account, "role", "/", given))


def _found(record: Record) -> Found:
    return Found(record.document["members"]["Arn"], tag_map(record.document["tags"]))


def _by_arn(noun: Noun, params: Params) -> list[Found]:
    """The entity a simulation is about."""
    source = params.get("PolicySourceArn", "")
    return [Found(source)] if f":{noun.noun}/" in source else []


def _entity(txn: Txn, ctx: Context, noun: Noun, name: str, params: Params) -> Found:
    record = find_entity(txn, iam_scope(ctx), noun, name)
    if record is not None:
        return _found(record)
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


def _federated(txn: Txn, ctx: Context, params: Params) -> list[Found]:
    """Who a federated session is to be."""
    name = f"federated-user/{params['Name']}"
    return [Found(render_arn("sts", "", ctx.caller.account, name))]


STS: Mapping[str, Find] = {"federated-user": _federated}
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

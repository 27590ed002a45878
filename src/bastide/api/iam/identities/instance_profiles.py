"""Instance profiles: recorded, for tools that look for them before a role is deleted. Nothing uses one."""

from collections.abc import Mapping

from bastide.api.iam.identities.answers import shown
from bastide.api.iam.identities.entities import (
    ROLE,
    changeable,
    check_room,
    draw_id,
    get_entity,
    iam_arn,
    iam_scope,
)
from bastide.api.iam.pages import is_below, page
from bastide.api.iam.tag_rules import checked_tags
from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.model.faults import AlreadyExists, InUse, LimitExceeded, NotFound
from bastide.store import Record, Txn

KIND = "iam-instance-profile"  # `parent` is the role's key, or empty
PREFIX = "AIPA"
PROFILES_MAX = 1000  # IAM user guide, "IAM and AWS STS quotas"


def create_instance_profile(txn: Txn, ctx: Context, params: Params) -> Result:
    """A profile without a role."""
    name, path = params["InstanceProfileName"], params.get("Path", "/")
    if txn.find(KIND, scope=iam_scope(ctx), name=name.lower()):
        raise AlreadyExists("instance profile", name)
    check_room(txn, ctx, KIND, "InstanceProfiles", PROFILES_MAX)
    key = draw_id(PREFIX)
    members = {
        "Path": path,
        "InstanceProfileName": name,
        "InstanceProfileId": key,
        "Arn": iam_arn(ctx.caller.account, "instance-profile", path, name),
        "CreateDate": ctx.now_s,
    }
    document = {"members": members, "tags": checked_tags(params.get("Tags", []))}
    record = txn.put(Record(KIND, key, iam_scope(ctx), document, name=name.lower()))
    return {"InstanceProfile": shown_profile(txn, record)}


def get_profile(txn: Txn, ctx: Context, params: Params) -> Record:
    """The profile a request names; raises NotFound."""
    name = params["InstanceProfileName"]
    found = txn.find(KIND, scope=iam_scope(ctx), name=name.lower(), limit=1)
    if not found:
        raise NotFound("instance profile", name)
    return found[0]


def shown_profile(txn: Txn, record: Record) -> Document:
    """A profile with its role."""
    role = txn.get(ROLE.kind, record.parent) if record.parent else None
    tags = {"Tags": record.document["tags"]} if record.document["tags"] else {}
    members: Document = record.document["members"]
    return members | {"Roles": [] if role is None else [shown(txn, role)]} | tags


def profiles_of(txn: Txn, role: Record) -> list[Record]:
    """The profiles that hold a role."""
    return txn.find(KIND, parent=role.key)


def get_instance_profile(txn: Txn, ctx: Context, params: Params) -> Result:
    """One profile."""
    return {"InstanceProfile": shown_profile(txn, get_profile(txn, ctx, params))}


def list_instance_profiles(txn: Txn, ctx: Context, params: Params) -> Result:
    """Profiles by name."""
    found = [
        record
        for record in txn.find(KIND, scope=iam_scope(ctx))
        if is_below(record.document["members"]["Path"], params)
    ]
    return _page(txn, found, params)


def list_instance_profiles_for_role(txn: Txn, ctx: Context, params: Params) -> Result:
    """The profiles that hold a role."""
    return _page(txn, profiles_of(txn, get_entity(txn, ctx, ROLE, params)), params)


def _page(txn: Txn, found: list[Record], params: Params) -> Result:
    return page(
        "InstanceProfiles",
        found,
        params,
        name_of=lambda record: record.name,
        shown=lambda record: shown_profile(txn, record),
    )


def add_role_to_instance_profile(txn: Txn, ctx: Context, params: Params) -> Result:
    """A profile has room for one role."""
    profile, role = get_profile(txn, ctx, params), changeable(txn, ctx, params)
    if profile.parent:
        why = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"
        raise LimitExceeded("roles", why=why)
    txn.put(profile.changed(parent=role.key))
    return {}


def remove_role_from_instance_profile(txn: Txn, ctx: Context, params: Params) -> Result:
    """A profile without a role again."""
    profile, role = get_profile(txn, ctx, params), changeable(txn, ctx, params)
    if profile.parent != role.key:
        raise NotFound("role", params["RoleName"])
    txn.put(profile.changed(parent=""))
    return {}


def delete_instance_profile(txn: Txn, ctx: Context, params: Params) -> Result:
    """Gone, where it holds no role."""
    profile = get_profile(txn, ctx, params)
    if profile.parent:
        why = "Cannot delete entity, must remove roles from instance profile first."
        raise InUse("instance profile", why=why)
    txn.delete(profile)
    return {}


OPERATIONS: Mapping[str, Operation] = {
    "AddRoleToInstanceProfile": Writes(add_role_to_instance_profile),
    "CreateInstanceProfile": Writes(create_instance_profile),
    "DeleteInstanceProfile": Writes(delete_instance_profile),
    "GetInstanceProfile": Reads(get_instance_profile),
    "ListInstanceProfiles": Reads(list_instance_profiles),
    "ListInstanceProfilesForRole": Reads(list_instance_profiles_for_role),
    "RemoveRoleFromInstanceProfile": Writes(remove_role_from_instance_profile),
}

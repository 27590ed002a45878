"""Users, groups and roles as records: what the three have in common.

A record's key is the entity's unique id, so that a name can change and a name given again is somebody else;
`name` is the name in lower case, in which IAM's names are unique. A document has `members` as AWS shows them,
`tags`, `inline` policies by name, and a role's `trust`. IAM knows no regions: one scope an account.
"""

import secrets
from typing import Any, NamedTuple
from urllib.parse import quote

from bastide.api.operation import Context, Params
from bastide.model.arn import Arn, last_of, render_arn, scope_of
from bastide.model.faults import AlreadyExists, Invalid, LimitExceeded, NotFound
from bastide.store import Record, Txn

ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
ID_RANDOM_CHARS = 17  # 21 characters in all: IAM user guide, "Unique identifiers"
ROOT_PATH, SERVICE_PATH = "/", "/aws-service-role/"
PER_ACCOUNT = {"Users": 5000, "Groups": 300, "Roles": 1000}  # IAM user guide, "IAM and AWS STS quotas"


class Noun(NamedTuple):
    """One kind of entity, and what AWS calls its parts."""

    noun: str
    kind: str  # of its records
    member: str
    name: str
    id: str
    id_prefix: str


USER = Noun(noun="user", kind="iam-user", member="User", name="UserName", id="UserId", id_prefix="AIDA")
GROUP = Noun(noun="group", kind="iam-group", member="Group", name="GroupName", id="GroupId", id_prefix="AGPA")
ROLE = Noun(noun="role", kind="iam-role", member="Role", name="RoleName", id="RoleId", id_prefix="AROA")
NOUNS = (USER, GROUP, ROLE)


def draw_id(prefix: str, random_chars: int = ID_RANDOM_CHARS) -> str:
    """A new unique id."""
    return prefix + "".join(secrets.choice(ID_ALPHABET) for _ in range(random_chars))


def iam_scope(ctx: Context) -> str:
    """The scope of everything of IAM's."""
    return scope_of(ctx.caller.account, "")


def iam_arn(account: str, resource: str, path: str, name: str) -> Arn:
    """`arn:aws:iam::ACCOUNT:RESOURCE/PATH/NAME`."""
    return render_arn("iam", "", account, f"{resource}{path}{name}")


def find_entity(txn: Txn, scope: str, noun: Noun, name: str) -> Record | None:
    """The entity of a name, in any case."""
    found = txn.find(noun.kind, scope=scope, name=name.lower(), limit=1)
    return found[0] if found else None


def find_given_role(txn: Txn, account: str, given: str) -> Record | None:
    """The role that is given to a service by its ARN, or by its name alone."""
    record = find_entity(txn, scope_of(account, ""), ROLE, last_of(given))
    is_it = record is not None and given in (record.document["members"]["Arn"], last_of(given))
    return record if is_it else None


def get_entity(txn: Txn, ctx: Context, noun: Noun, params: Params) -> Record:
    """The entity that a request names; raises NotFound."""
    name = params[noun.name]
    record = find_entity(txn, iam_scope(ctx), noun, name)
    if record is None:
        raise NotFound(noun.noun, name)
    return record


def changeable(txn: Txn, ctx: Context, params: Params) -> Record:
    """A role that is no service's own; raises Invalid for one that is."""
    record = get_entity(txn, ctx, ROLE, params)
    if record.document["members"]["Path"].startswith(SERVICE_PATH):
        name = record.document["members"]["RoleName"]
        why = (
            f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by "
            "AWS"
        )
        raise Invalid("protected role", name, why=why)
    return record


def changeable_entity(noun: Noun, txn: Txn, ctx: Context, params: Params) -> Record:
    """A user, a group, or a role as of `changeable`."""
    return changeable(txn, ctx, params) if noun is ROLE else get_entity(txn, ctx, noun, params)


def new_entity(txn: Txn, ctx: Context, noun: Noun, params: Params) -> Record:
    """An entity with what all have; not stored yet.

    Raises AlreadyExists for a name that is taken, LimitExceeded where there is no room for another.
    """
    name, path = params[noun.name], params.get("Path", ROOT_PATH)
    check_free(txn, ctx, noun, name)
    plural = f"{noun.member}s"
    check_room(txn, ctx, noun.kind, plural, PER_ACCOUNT[plural])
    key = draw_id(noun.id_prefix)
    members = {
        "Path": path,
        noun.name: name,
        noun.id: key,
        "Arn": iam_arn(ctx.caller.account, noun.noun, path, name),
        "CreateDate": ctx.now_s,
    }
    document = {"members": members, "tags": [], "inline": {}}
    return Record(noun.kind, key, iam_scope(ctx), document, name=name.lower())


def check_room(txn: Txn, ctx: Context, kind: str, plural: str, most: int) -> None:
    """Raise LimitExceeded where the account has as many of a kind as it may."""
    if txn.count(kind, scope=iam_scope(ctx)) >= most:
        raise LimitExceeded("account", why=f"Cannot exceed quota for {plural}PerAccount: {most}")


def check_free(txn: Txn, ctx: Context, noun: Noun, name: str) -> None:
    """Raise AlreadyExists for a name that somebody has."""
    if find_entity(txn, iam_scope(ctx), noun, name) is not None:
        raise AlreadyExists(noun.noun, name)


def renamed(txn: Txn, ctx: Context, noun: Noun, record: Record, params: Params) -> Record:
    """The entity with the new name and path a request gives; who has it as member or policy keeps it."""
    members = record.document["members"]
    name, path = params.get(f"New{noun.name}", members[noun.name]), params.get("NewPath", members["Path"])
    if name.lower() != record.name:
        check_free(txn, ctx, noun, name)
    arn = iam_arn(ctx.caller.account, noun.noun, path, name)
    changed = members | {noun.name: name, "Path": path, "Arn": arn}
    return record.changed(document={**record.document, "members": changed}, name=name.lower())


def with_part(record: Record, part: str, value: Any) -> Record:
    """The record with one part of its document replaced."""
    return record.changed(document={**record.document, part: value})


def with_members(record: Record, **members: Any) -> Record:
    """The record with some members replaced; None takes one away."""
    merged = record.document["members"] | members
    return with_part(record, "members", {name: value for name, value in merged.items() if value is not None})


def encoded(text: str) -> str:
    """A policy as IAM answers it: URL-encoded (API reference, "GetRolePolicy")."""
    return quote(text, safe="-_.~")

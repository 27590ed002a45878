"""Whom a trust policy or a resource's policy names: by unique id where it is kept, by ARN where it is shown.

So whoever is made later under the name of somebody who is gone is not trusted, and a new name takes nothing
away. Of somebody who is gone the id is shown (IAM user guide, "AWS JSON policy elements: Principal").
"""

from functools import partial

from bastide.api.iam.identities.entities import ROLE, USER, find_entity
from bastide.model.arn import Parsed, last_of, parse_arn, render_arn, scope_of
from bastide.model.faults import Invalid
from bastide.permissions import with_principals
from bastide.permissions.principals import is_unique_id
from bastide.store import Record, Txn

_NOUNS = {("iam", "user"): USER, ("iam", "role"): ROLE}
_WITHOUT_ID = {("iam", "root"), ("sts", "federated-user")}
_SESSION = ("sts", "assumed-role")


def bind_principals(txn: Txn, account: str, text: str) -> str:
    """A policy as it is kept; raises Invalid where it names somebody of this account who is not there.

    Of other accounts nobody is known here. Preconditions: the text is a policy.
    """
    return with_principals(text, partial(_bound, txn, account))


def show_principals(txn: Txn, account: str, text: str) -> str:
    """The same policy as it is shown."""
    return with_principals(text, partial(_shown, txn, account))


def _bound(txn: Txn, account: str, name: str) -> str:
    arn = parse_arn(name)
    if arn is None:
        if is_unique_id(name) and _arn_of(txn, account, name) is None:
            raise Invalid("principal", name)
        return name
    kind, _, rest = arn.resource.partition("/")
    if arn.account != account or (arn.service, kind) in _WITHOUT_ID:
        return name
    bound = _id_of(txn, name, arn, rest)
    if bound is None:
        raise Invalid("principal", name)
    return bound


def _id_of(txn: Txn, name: str, arn: Parsed, rest: str) -> str | None:
    """The id behind an ARN of this account; None where nobody has it."""
    scope, kind = scope_of(arn.account, ""), (arn.service, arn.resource.partition("/")[0])
    if kind == _SESSION:
        role_name, _, session = rest.partition("/")
        role = find_entity(txn, scope, ROLE, role_name)
        return None if role is None or not session else f"{role.key}:{session}"
    noun = _NOUNS.get(kind)
    found = None if noun is None else find_entity(txn, scope, noun, last_of(name))
    return found.key if found is not None and found.document["members"]["Arn"] == name else None


def _shown(txn: Txn, account: str, name: str) -> str:
    return (is_unique_id(name) and _arn_of(txn, account, name)) or name


def _arn_of(txn: Txn, account: str, unique_id: str) -> str | None:
    """The ARN that whoever has an id has now; None for somebody who is gone, and for another account's."""
    key, _, session = unique_id.partition(":")
    found = _entity(txn, key)
    if found is None or found.scope != scope_of(account, ""):
        return None
    members = found.document["members"]
    if session:
        return render_arn("sts", "", account, f"assumed-role/{members[ROLE.name]}/{session}")
    return str(members["Arn"])


def _entity(txn: Txn, key: str) -> Record | None:
    noun = USER if key.startswith(USER.id_prefix) else ROLE
    return txn.get(noun.kind, key)

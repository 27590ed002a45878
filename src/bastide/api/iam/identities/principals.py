"""Users and roles as somebody who asks: who they are in policies, and the keys that say so."""

from bastide.api.iam.identities.entities import ROLE, USER
from bastide.permissions import Principal, PrincipalKind
from bastide.permissions.patterns import Values
from bastide.store import Record


def principal_of(entity: Record) -> Principal:
    """A user; or a role (a group's policies are looked at as a user's would be)."""
    arn, account = entity.document["members"]["Arn"], entity.scope.partition("/")[0]
    if entity.kind == ROLE.kind:
        kind = PrincipalKind.ROLE
        return Principal(kind=kind, arn=arn, account=account, role_arn=arn, role_id=entity.key)
    return Principal(kind=PrincipalKind.USER, arn=arn, account=account, id=entity.key)


def principal_keys(entity: Record) -> dict[str, Values]:
    """Condition keys that an entity answers (IAM user guide, "Properties of the principal")."""
    members = entity.document["members"]
    keys: dict[str, Values] = {
        "aws:principalarn": members["Arn"],
        "aws:principalaccount": entity.scope.partition("/")[0],
        "aws:principaltype": "AssumedRole" if entity.kind == ROLE.kind else "User",
        "aws:principalisawsservice": "false",
        "aws:viaawsservice": "false",
    }
    if entity.kind == USER.kind:
        keys |= {"aws:username": members["UserName"], "aws:userid": members["UserId"]}
    return keys | {f"aws:principaltag/{tag['Key'].lower()}": tag["Value"] for tag in entity.document["tags"]}

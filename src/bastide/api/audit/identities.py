"""Who made a call, as CloudTrail's userIdentity tells it (user guide, "CloudTrail userIdentity element")."""

import re
from collections.abc import Mapping

from bastide.api.operation import Caller, Document
from bastide.model.arn import last_of, render_arn
from bastide.permissions import PrincipalKind
from bastide.store.audit.records import TIME_FORMAT

TYPES: Mapping[PrincipalKind, str] = {
    PrincipalKind.ROOT: "Root",
    PrincipalKind.USER: "IAMUser",
    PrincipalKind.ROLE: "AssumedRole",
    PrincipalKind.FEDERATED: "FederatedUser",
    PrincipalKind.SERVICE: "AWSService",
}
_KEY_ID = re.compile(r"[A-Z0-9]{16,128}")


def identity_of(caller: Caller, access_key_id: str = "") -> Document:
    """Somebody whose signature, or token, was good."""
    identity: Document = {
        "type": TYPES[caller.kind],
        "principalId": caller.user_id,
        "arn": caller.principal_arn,
        "accountId": caller.account,
    }
    if access_key_id:
        identity["accessKeyId"] = access_key_id
    if caller.kind is PrincipalKind.USER:
        identity["userName"] = last_of(caller.principal_arn)
    if caller.is_temporary:
        identity["sessionContext"] = _session(caller)
    return identity


def nobody(access_key_id: str = "") -> Document:
    """Somebody who says to have a key, or not even that."""
    identity: Document = {"type": "Unknown", "principalId": ""}
    if _KEY_ID.fullmatch(access_key_id):  # whatever else was sent there may be a secret
        identity["accessKeyId"] = access_key_id
    return identity


def operator(uid: int) -> Document:
    """Somebody on the host, by the user id there."""
    return {"type": "HostOperator", "principalId": f"uid:{uid}"}


def owner(arn: str) -> Document:
    """Somebody of whom only the ARN is kept."""
    kind, _, name = arn.rpartition(":")[2].partition("/")
    types = {
        "root": "Root",
        "user": "IAMUser",
        "assumed-role": "AssumedRole",
        "federated-user": "FederatedUser",
    }
    identity: Document = {"type": types.get(kind, "Unknown"), "principalId": "", "arn": arn}
    if kind == "user":
        identity["userName"] = last_of(name)
    return identity


def user_name(identity: Document) -> str:
    """By what name LookupEvents finds somebody: a session's is the session's own."""
    kind = identity.get("type", "")
    if kind == "Root":
        return "root"
    if kind in ("AssumedRole", "FederatedUser"):
        return last_of(str(identity.get("arn", "")))
    return str(identity.get("userName") or identity.get("principalId", ""))


def _session(caller: Caller) -> Document:
    began_at = caller.issued_at
    session: Document = {
        "attributes": {
            "creationDate": "" if began_at is None else began_at.strftime(TIME_FORMAT),
            "mfaAuthenticated": "false",
        }
    }
    if caller.kind is PrincipalKind.ROLE:
        role = caller.principal_arn.split("/")[1]
        session["sessionIssuer"] = {
            "type": "Role",
            "principalId": caller.user_id.partition(":")[0],
            "arn": render_arn("iam", "", caller.account, f"role/{role}"),
            "accountId": caller.account,
            "userName": role,
        }
    return session

"""What IAM asks of a role's trust policy when it is written: it has a reader and sentences of its own.

Whether somebody it names exists is not known here: see api/iam.
"""

import re
from collections.abc import Mapping, Sequence

from bastide.permissions.documents import Clause, Document, refused
from bastide.permissions.principals import AWS, FEDERATED, SERVICE, is_aws_principal

_KINDS = (AWS, SERVICE, FEDERATED)
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?")


def check_trust(document: Document) -> None:
    """Raise Invalid for a policy that no role can have."""
    sids = [clause.sid for clause in document.clauses if clause.sid]
    if len(set(sids)) < len(sids):
        raise refused("The Statement Ids in the policy are not unique")
    for clause in document.clauses:
        _check_members(clause)
        _check_principals(clause.principals or {})


def _check_members(clause: Clause) -> None:
    if clause.is_not_principal:
        raise refused(
            "Allow with NotPrincipal is not allowed."
            if clause.effect == "Allow"
            else "AssumeRole policy must not contain NotPrincipal field."
        )
    if clause.principals is None:
        raise refused("Missing required field Principal")
    if not clause.principals:
        raise refused("Missing required field Principal cannot be empty!")
    if not clause.actions:
        raise refused("Missing required field Action")
    if clause.resources is not None:
        raise refused(
            "AssumeRole policy must not contain resources."
            if clause.is_not_resource
            else "Has prohibited field Resource"
        )
    if not all(action.lower().startswith("sts:") for action in clause.actions):
        raise refused("AssumeRole policy may only specify STS AssumeRole actions.")


def _check_principals(by_kind: Mapping[str, Sequence[str]]) -> None:
    for kind, names in by_kind.items():
        if kind not in _KINDS:
            raise refused(f'Invalid principal in policy: "{kind}"')
        for name in names:
            if not _is_principal(kind, name):
                raise refused(f'Invalid principal in policy: "{kind.upper()}":"{name}"')


def _is_principal(kind: str, name: str) -> bool:
    if kind == SERVICE:
        return _SERVICE.fullmatch(name) is not None
    if kind == FEDERATED:
        return bool(name)
    return is_aws_principal(name)

"""A statement's Principal or NotPrincipal, and how directly it names somebody.

Whom a resource's policy names decides what else must allow: a user or a session named by its own ARN needs
nothing more, nor does anybody where everybody is named; a role's session needs its boundary and session
policy, an account hands on to its own policies (IAM user guide, "Policy evaluation for requests within a
single account" and "AWS JSON policy elements: Principal").
"""

import re
from collections.abc import Mapping, Sequence
from enum import IntEnum

from bastide.model.arn import parse_arn
from bastide.permissions.requests import ANYTHING, Principal, PrincipalKind

AWS, SERVICE, FEDERATED, CANONICAL = "AWS", "Service", "Federated", "CanonicalUser"
TYPES = (AWS, SERVICE, FEDERATED, CANONICAL)
_ACCOUNT = re.compile(r"\d{12}")


def is_aws_principal(name: str) -> bool:
    """An account, somebody in it, or everybody."""
    if name == "*" or _ACCOUNT.fullmatch(name):
        return True
    arn = parse_arn(name)
    return arn is not None and arn.service in ("iam", "sts") and "*" not in name and bool(arn.account)


class Named(IntEnum):
    """How directly a policy names a principal."""

    NOT = 0
    ACCOUNT = 1
    ROLE = 2
    DIRECTLY = 3


class Principals:
    """The principals a statement lists."""

    def __init__(self, by_type: Mapping[str, Sequence[str]], *, is_not: bool, is_deny: bool) -> None:
        self._aws = frozenset(by_type.get(AWS, ()))
        self._services = frozenset(by_type.get(SERVICE, ()))
        self._is_not = is_not
        self._is_deny = is_deny

    def name(self, principal: Principal) -> Named:
        """How the statement applies to somebody; NOT when it does not."""
        if self._is_not:
            return Named.NOT if self._spares(principal) else Named.DIRECTLY
        return self._naming(principal)

    def _naming(self, principal: Principal) -> Named:
        if principal.kind is PrincipalKind.SERVICE:
            listed = principal.arn in self._services or ANYTHING in self._aws
            return Named.DIRECTLY if listed else Named.NOT
        if principal.arn in self._aws or ANYTHING in self._aws:
            return Named.DIRECTLY
        if principal.role_arn and principal.role_arn in self._aws:
            return Named.ROLE
        if principal.account in self._aws or principal.root_arn in self._aws:
            return Named.ACCOUNT
        return Named.NOT

    def _spares(self, principal: Principal) -> bool:
        """Whether NotPrincipal leaves somebody out.

        From a denial only who is listed with account, role and session is exempt (IAM user guide,
        "NotPrincipal"); from a permission whoever is listed in any way.
        """
        if not self._is_deny or ANYTHING in self._aws:
            return self._naming(principal) is not Named.NOT
        if principal.kind is PrincipalKind.SERVICE:
            return principal.arn in self._services
        account = principal.account in self._aws or principal.root_arn in self._aws
        needed = {principal.arn, principal.role_arn} - {"", principal.root_arn}
        return account and needed <= self._aws

"""A statement's Principal or NotPrincipal, and how directly it names somebody.

Whom a resource's policy names decides what else must allow: a user or a session named by its own ARN needs
nothing more, nor does anybody where everybody is named; a role's session needs its boundary and session
policy, an account hands on to its own policies (IAM user guide, "Policy evaluation for requests within a
single account" and "AWS JSON policy elements: Principal"). Users, roles and their sessions stand in kept
policies by their unique ids; by ARN in those from before, and in a simulation's.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum

import msgspec

from bastide.model.arn import parse_arn
from bastide.permissions.requests import ANYTHING, Principal, PrincipalKind

AWS, SERVICE, FEDERATED, CANONICAL = "AWS", "Service", "Federated", "CanonicalUser"
TYPES = (AWS, SERVICE, FEDERATED, CANONICAL)
_ACCOUNT = re.compile(r"\d{12}")
_UNIQUE_ID = re.compile(r"A(IDA|ROA)[A-Z2-7]{17}(:[\w+=,.@-]{2,64})?", re.ASCII)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]')
_PATHS = (["Statement", "Principal", AWS], ["Statement", "NotPrincipal", AWS])


def is_aws_principal(name: str) -> bool:
    """An account, somebody in it, or everybody."""
    if name == "*" or _ACCOUNT.fullmatch(name) or is_unique_id(name):
        return True
    arn = parse_arn(name)
    return arn is not None and arn.service in ("iam", "sts") and "*" not in name and bool(arn.account)


def is_unique_id(name: str) -> bool:
    """Whether it is the id of a user, a role or a role's session (IAM user guide, "Unique identifiers")."""
    return _UNIQUE_ID.fullmatch(name) is not None


class Named(IntEnum):
    """How directly a policy names a principal."""

    NOT = 0
    ACCOUNT = 1
    ROLE = 2
    DIRECTLY = 3


class Principals:
    """The principals a statement lists."""

    def __init__(self, by_type: Mapping[str, Sequence[str]], *, is_not: bool, is_deny: bool) -> None:
        self._aws = frozenset(by_type.get(AWS, ())) - {""}
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
        if principal.arn in self._aws or principal.id in self._aws or ANYTHING in self._aws:
            return Named.DIRECTLY
        if principal.role_arn in self._aws or principal.role_id in self._aws:
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
        needed = ((principal.arn, principal.id), (principal.role_arn, principal.role_id))
        return account and all(
            arn in ("", principal.root_arn) or arn in self._aws or unique_id in self._aws
            for arn, unique_id in needed
        )


def with_principals(text: str, named: Callable[[str], str]) -> str:
    """The text with each of its AWS principals as `named` has it. Preconditions: it is a policy."""
    pieces: list[str] = []
    end = 0
    path: list[str | None] = []  # the key in each object one is inside of; None for a list
    is_key = False
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in "{[":
            path.append("" if mark == "{" else None)
            is_key = mark == "{"
        elif mark in "}]":
            path.pop()
            is_key = False
        elif mark in ":,":
            is_key = mark == "," and path[-1] is not None
        elif is_key:
            path[-1] = msgspec.json.decode(mark, type=str)
        elif [key for key in path if key is not None] in _PATHS:
            pieces += [text[end : token.start()], _quoted(named, mark)]
            end = token.end()
    return "".join([*pieces, text[end:]])


def _quoted(named: Callable[[str], str], mark: str) -> str:
    """The name in its quotes; as it was spelled where it stays."""
    name = msgspec.json.decode(mark, type=str)
    changed = named(name)
    return mark if changed == name else msgspec.json.encode(changed).decode()

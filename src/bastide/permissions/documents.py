"""Policy documents as text: read, checked as IAM checks them when they are written, and taken apart.

Owns the grammar and the sentences of `MalformedPolicyDocument`; what a clause means is statements.py's.
Raises Invalid of the noun "policy document", whose `why` is the sentence AWS answers.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from bastide.model.faults import Invalid
from bastide.permissions.checks import (
    check_actions,
    check_conditions,
    check_principals,
    check_resources,
    check_sids,
)
from bastide.permissions.patterns import variables_in

OLD, NEW = "2008-10-17", "2012-10-17"
SYNTAX = "Syntax errors in policy."
TRUST_SYNTAX = "This policy contains invalid Json"
DEPTH_MAX = 32
_DOCUMENT = {"Version", "Id", "Statement"}
_STATEMENT = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}


class PolicyKind(StrEnum):
    """Where a policy stands, which decides what it must and must not say."""

    IDENTITY = "identity"  # of users, groups and roles; boundaries and session policies too
    TRUST = "trust"
    RESOURCE = "resource"


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """A statement with everything in lists."""

    sid: str
    effect: str
    actions: tuple[str, ...]
    is_not_action: bool
    resources: tuple[str, ...] | None
    is_not_resource: bool
    principals: Mapping[str, tuple[str, ...]] | None
    is_not_principal: bool
    conditions: Mapping[str, Mapping[str, tuple[str, ...]]]

    @property
    def texts(self) -> Iterator[str]:
        """Everything that may hold variables."""
        yield from self.resources or ()
        for by_key in self.conditions.values():
            for values in by_key.values():
                yield from values


class Document(msgspec.Struct, frozen=True):
    """A policy as it was written."""

    version: str
    clauses: tuple[Clause, ...]

    @property
    def has_variables(self) -> bool:
        """Only the newer language has variables."""
        return self.version == NEW

    @property
    def keys(self) -> frozenset[str]:
        """The condition keys it asks for, in conditions and as variables, as they are written."""
        found = {key for clause in self.clauses for by_key in clause.conditions.values() for key in by_key}
        if self.has_variables:
            found |= {name for clause in self.clauses for text in clause.texts for name in variables_in(text)}
        return frozenset(found)


def parse_document(text: str, kind: PolicyKind = PolicyKind.IDENTITY) -> Document:
    """The policy in a text; raises Invalid with AWS's sentence for what is none."""
    syntax = TRUST_SYNTAX if kind is PolicyKind.TRUST else SYNTAX
    try:
        raw = msgspec.json.decode(text.encode())
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        raise refused(syntax) from error
    if not isinstance(raw, dict) or "Statement" not in raw or raw.keys() - _DOCUMENT:
        raise refused(SYNTAX)
    version = raw.get("Version", OLD)
    if version not in (OLD, NEW):
        raise refused(f"Policy document must be version {NEW} or greater.")
    statements = raw["Statement"]
    listed = statements if isinstance(statements, list) else [statements]
    if not listed:
        raise refused(SYNTAX)
    document = Document(version, tuple(_clause(statement) for statement in listed))
    _check(document, kind)
    return document


def refused(why: str) -> Invalid:
    """The fault of a document that is none."""
    return Invalid("policy document", why=why)


def _check(document: Document, kind: PolicyKind) -> None:
    check_sids([clause.sid for clause in document.clauses])
    for clause in document.clauses:
        _check_members(clause, kind)
        check_actions(clause.actions)
        check_resources(clause.resources or ())
        check_principals(clause.principals or {})
        check_conditions(clause.conditions)


def _check_members(clause: Clause, kind: PolicyKind) -> None:
    """What a statement must have, and must not, where it stands."""
    if not clause.actions:
        raise refused("Policy statement must contain actions.")
    if kind is PolicyKind.IDENTITY:
        if clause.principals is not None:
            raise refused("Policy document should not specify a principal.")
        if not clause.resources:
            raise refused("Policy statement must contain resources.")
        return
    if clause.principals is None:
        raise refused("Missing required field Principal")
    if kind is PolicyKind.TRUST:
        if clause.resources is not None:
            raise refused("Has prohibited field Resource")
        if clause.is_not_principal:
            raise refused("Has prohibited field NotPrincipal")
        if not all(_is_of_sts(action) for action in clause.actions):
            raise refused("AssumeRole policy may only specify STS AssumeRole actions.")


def _is_of_sts(action: str) -> bool:
    name = action.lower()
    assuming = name.startswith("sts:assumerole")
    return assuming or name in ("sts:*", "sts:tagsession", "sts:setsourceidentity", "sts:setcontext")


def _clause(raw: Any) -> Clause:
    if not isinstance(raw, dict):
        raise refused(SYNTAX)
    if unknown := sorted(raw.keys() - _STATEMENT):
        raise refused(f"Unknown field {unknown[0]}")
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")):
        if one in raw and other in raw:
            raise refused(SYNTAX)
    if raw.get("Effect") not in ("Allow", "Deny") or not isinstance(raw.get("Sid", ""), str):
        raise refused(SYNTAX)
    resources = raw.get("Resource", raw.get("NotResource"))
    principals = raw.get("Principal", raw.get("NotPrincipal"))
    return Clause(
        sid=raw.get("Sid", ""),
        effect=raw["Effect"],
        actions=_texts(raw.get("Action", raw.get("NotAction", []))),
        is_not_action="NotAction" in raw,
        resources=None if resources is None else _texts(resources),
        is_not_resource="NotResource" in raw,
        principals=None if principals is None else _principals(principals),
        is_not_principal="NotPrincipal" in raw,
        conditions=_conditions(raw.get("Condition", {})),
    )


def _principals(raw: Any) -> dict[str, tuple[str, ...]]:
    if raw == "*":
        return {"AWS": ("*",)}
    if not isinstance(raw, dict) or not raw:
        raise refused("Invalid principal in policy")
    return {name: _texts(value) for name, value in raw.items()}


def _conditions(raw: Any) -> dict[str, dict[str, tuple[str, ...]]]:
    if not isinstance(raw, dict) or not all(isinstance(by_key, dict) for by_key in raw.values()):
        raise refused(SYNTAX)
    return {
        operator: {key: _values(value) for key, value in by_key.items()} for operator, by_key in raw.items()
    }


def _values(raw: Any) -> tuple[str, ...]:
    """The values of a condition: numbers and truth may stand without quotes."""
    listed = raw if isinstance(raw, list) else [raw]
    return tuple(_value(value) for value in listed)


def _value(raw: Any) -> str:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if not isinstance(raw, str | int | float):
        raise refused(SYNTAX)
    return str(raw)


def _texts(raw: Any) -> tuple[str, ...]:
    listed = raw if isinstance(raw, list) else [raw]
    if not all(isinstance(text, str) for text in listed):
        raise refused(SYNTAX)
    return tuple(listed)

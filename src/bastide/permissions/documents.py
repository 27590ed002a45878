"""Policy documents as text: read and taken apart.

Owns the grammar, and what IAM says of text that is not of it; what else it asks of a policy when it is
written is checks.py's, what a clause means is policies.py's. Raises Invalid of the noun "policy document",
whose `why` is the sentence AWS answers.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from bastide.model.faults import Invalid
from bastide.permissions.patterns import variables_in

OLD, NEW = "2008-10-17", "2012-10-17"
SYNTAX = "Syntax errors in policy."
LEGACY = "The policy failed legacy parsing"
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
_EFFECTS = ("Allow", "Deny")


class PolicyKind(StrEnum):
    """Where a policy stands, which decides what it must and must not say."""

    IDENTITY = "identity"  # of users, groups and roles; boundaries and session policies too
    TRUST = "trust"
    RESOURCE = "resource"


class _Words(NamedTuple):
    """What IAM answers to text that is not of the grammar; trust policies are read by another reader."""

    json: str = SYNTAX
    version: str = SYNTAX
    no_statement: str = SYNTAX
    no_effect: str = SYNTAX
    effect: str = SYNTAX
    effect_in_other_case: str = LEGACY
    field: str = SYNTAX
    anybody: str = ""  # where `"Principal": "*"` is no principal


_WORDS = {
    PolicyKind.IDENTITY: _Words(),
    PolicyKind.RESOURCE: _Words(),
    PolicyKind.TRUST: _Words(
        json="This policy contains invalid Json",
        version="The policy must contain a valid version string",
        no_statement="Could not parse the policy: Statement is empty!",
        no_effect="Missing required field Effect",
        effect="Invalid effect: {given}",
        effect_in_other_case="Invalid effect: {given}",
        field="Unknown field {given}",
        anybody="Principal must be a JSON object.",
    ),
}


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


def read_document(text: str, kind: PolicyKind = PolicyKind.IDENTITY) -> Document:
    """The policy in a text; raises Invalid with AWS's sentence for what is none."""
    words = _WORDS[kind]
    try:
        raw = msgspec.json.decode(text.encode())
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        raise refused(words.json) from error
    if not isinstance(raw, dict) or raw.keys() - _DOCUMENT or not isinstance(raw.get("Id", ""), str):
        raise refused(SYNTAX)
    version = raw.get("Version", OLD)
    if version not in (OLD, NEW):
        raise refused(words.version)
    statements = raw.get("Statement")
    listed = statements if isinstance(statements, list) else [statements]
    if not listed or statements is None:
        raise refused(words.no_statement)
    return Document(version, tuple(_clause(statement, words) for statement in listed))


def refused(why: str) -> Invalid:
    """The fault of a document that is none."""
    return Invalid("policy document", why=why)


def _clause(raw: Any, words: _Words) -> Clause:
    if not isinstance(raw, dict):
        raise refused(SYNTAX)
    if unknown := sorted(raw.keys() - _STATEMENT):
        raise refused(words.field.format(given=unknown[0]))
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")):
        if one in raw and other in raw:
            raise refused(SYNTAX)
    if not isinstance(raw.get("Sid", ""), str):
        raise refused(SYNTAX)
    _check_effect(raw, words)
    resources = raw.get("Resource", raw.get("NotResource"))
    principals = raw.get("Principal", raw.get("NotPrincipal"))
    return Clause(
        sid=raw.get("Sid", ""),
        effect=raw["Effect"],
        actions=_texts(raw.get("Action", raw.get("NotAction", []))),
        is_not_action="NotAction" in raw,
        resources=None if resources is None else _texts(resources),
        is_not_resource="NotResource" in raw,
        principals=None if principals is None else _principals(principals, words),
        is_not_principal="NotPrincipal" in raw,
        conditions=_conditions(raw.get("Condition", {})),
    )


def _check_effect(raw: dict[str, Any], words: _Words) -> None:
    if "Effect" not in raw:
        raise refused(words.no_effect)
    effect = raw["Effect"]
    if effect not in _EFFECTS:
        in_other_case = str(effect).capitalize() in _EFFECTS
        told = words.effect_in_other_case if in_other_case else words.effect
        raise refused(told.format(given=effect))


def _principals(raw: Any, words: _Words) -> dict[str, tuple[str, ...]]:
    if raw == "*":
        if words.anybody:
            raise refused(words.anybody)
        return {"AWS": ("*",)}
    if not isinstance(raw, dict):
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

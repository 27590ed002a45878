"""A policy compiled once into tests, and asked often.

Any thread may ask. A statement's tests run from the cheapest: action, resource, principal,
conditions.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

import msgspec

from bastide.permissions.checks import parse_document
from bastide.permissions.conditions import Holds, compile_conditions
from bastide.permissions.documents import Clause, Document, PolicyKind, read_document
from bastide.permissions.patterns import (
    ARN_FIELDS,
    Match,
    Tokens,
    Wild,
    match_any,
    match_any_arn,
    parse_pattern,
)
from bastide.permissions.principals import Named, Principals
from bastide.permissions.requests import ANYTHING, Request

ACTIONS_MAX = 1024  # remembered a policy


class Effect(StrEnum):
    """What a statement does."""

    ALLOW = "Allow"
    DENY = "Deny"


class Tests(NamedTuple):
    """What a statement asks besides action and resource; no principals where it is a policy of somebody's."""

    principals: Principals | None
    conditions: tuple[Holds, ...]

    def name(self, request: Request) -> Named:
        """How directly the statement names who asks; NOT where it does not, or a condition fails."""
        named = Named.DIRECTLY if self.principals is None else self.principals.name(request.principal)
        return named if named and all(holds(request.keys) for holds in self.conditions) else Named.NOT


class Statement(msgspec.Struct, frozen=True):
    """One compiled statement; `index` is its place in the document.

    `is_about` looks at the resource alone, None where it is about any.
    """

    index: int
    clause: Clause
    effect: Effect
    has_action: Callable[[str], bool]
    resources: Hashable  # equal where `is_about` is the same question
    is_about: Callable[[Request], bool] | None
    tests: Tests


class _Group(NamedTuple):
    """Statements about the same resources, whose question is asked once."""

    is_about: Callable[[Request], bool] | None
    tests: tuple[Tests, ...]


class _About(NamedTuple):
    """A policy's statements about one action."""

    denials: tuple[_Group, ...]
    grants: tuple[_Group, ...]


class Policy:
    """The compiled policy, or several that count as one: all those of a resource."""

    def __init__(self, *documents: Document) -> None:
        self.statements = tuple(
            _compile(index, clause, document.has_variables)
            for document in documents
            for index, clause in enumerate(document.clauses)
        )
        self.keys = frozenset(key for document in documents for key in document.keys)
        self._about: dict[str, _About] = {}

    def denies(self, request: Request) -> bool:
        """Whether a statement forbids it."""
        return _one_applies(self._statements_about(request.action).denials, request)

    def allows(self, request: Request) -> bool:
        """Whether a statement permits it; denials are asked about separately."""
        return _one_applies(self._statements_about(request.action).grants, request)

    def grants(self, request: Request) -> Named:
        """How directly a statement that permits it names who asks."""
        groups = self._statements_about(request.action).grants
        asked = [each for each in groups if each.is_about is None or each.is_about(request)]
        return max((tests.name(request) for each in asked for tests in each.tests), default=Named.NOT)

    def matching(self, request: Request, effect: Effect) -> Iterator[Statement]:
        """The statements of one effect that apply."""
        action = request.action.lower()
        return (
            each
            for each in self.statements
            if each.effect is effect
            and each.has_action(action)
            and (each.is_about is None or each.is_about(request))
            and each.tests.name(request)
        )

    def _statements_about(self, action: str) -> _About:
        """Found once an action, as it is spelled: a policy is asked about the same few again and again."""
        about = self._about.get(action)
        if about is None:
            found = [each for each in self.statements if each.has_action(action.lower())]
            about = _About(
                _grouped(each for each in found if each.effect is Effect.DENY),
                _grouped(each for each in found if each.effect is Effect.ALLOW),
            )
            if len(self._about) >= ACTIONS_MAX:
                self._about = {}
            self._about[action] = about
        return about


def _grouped(statements: Iterable[Statement]) -> tuple[_Group, ...]:
    """By what they are about. Which applies first is all the same: those are asked first that ask least."""
    groups: dict[Hashable, list[Statement]] = {}
    for each in statements:
        groups.setdefault(each.resources, []).append(each)
    made = [
        _Group(found[0].is_about, tuple(sorted((each.tests for each in found), key=_cost)))
        for found in groups.values()
    ]
    return tuple(sorted(made, key=lambda group: group.is_about is not None))


def _cost(tests: Tests) -> int:
    return len(tests.conditions)


def _one_applies(groups: tuple[_Group, ...], request: Request) -> bool:
    """In one piece: a call more for each statement would be a third of the decision."""
    keys = request.keys
    for is_about, tests in groups:
        if is_about is None or is_about(request):
            for principals, conditions in tests:
                if principals is not None and not principals.name(request.principal):
                    continue
                for holds in conditions:
                    if not holds(keys):
                        break
                else:
                    return True
    return False


def compile_policy(text: str, kind: PolicyKind = PolicyKind.IDENTITY) -> Policy:
    """The policy in a text that was checked when it was written; raises Invalid where it is none at all."""
    return Policy(read_document(text, kind))


def compile_at_resource(texts: Iterable[str]) -> Policy:
    """Everything that stands at a resource; raises Invalid where one of them is no policy.

    They are checked again: a repository's may be from before they were checked when written.
    """
    return Policy(*(parse_document(text, PolicyKind.RESOURCE) for text in texts))


def _compile(index: int, clause: Clause, has_variables: bool) -> Statement:
    actions = match_any([parse_pattern(action.lower(), has_variables=False) for action in clause.actions])
    wants_action = not clause.is_not_action
    return Statement(
        index,
        clause,
        Effect(clause.effect),
        lambda action: actions(action, {}) is wants_action,
        (clause.resources, clause.is_not_resource),
        _compile_resources(clause, has_variables),
        Tests(
            _compile_principals(clause),
            compile_conditions(clause.conditions, has_variables=has_variables),
        ),
    )


def _compile_resources(clause: Clause, has_variables: bool) -> Callable[[Request], bool] | None:
    is_resource = _resource_test(clause, has_variables)
    if is_resource is None:
        return None
    wants_resource = not clause.is_not_resource
    return lambda request: is_resource(request.resource, request.keys) is wants_resource


def _compile_principals(clause: Clause) -> Principals | None:
    if clause.principals is None:
        return None
    return Principals(clause.principals, is_not=clause.is_not_principal, is_deny=clause.effect == Effect.DENY)


def _resource_test(clause: Clause, has_variables: bool) -> Match | None:
    """None where it is about any: a policy that stands at a resource and names none, or a bare star."""
    if clause.resources is None or (ANYTHING in clause.resources and not clause.is_not_resource):
        return None
    return match_any_arn([_completed(text, has_variables) for text in clause.resources])


def _completed(text: str, has_variables: bool) -> Tokens:
    """A pattern's tokens; fields an ARN lacks are anything (user guide, "JSON policy elements: Resource")."""
    tokens = parse_pattern(text, has_variables=has_variables)
    colons = sum(token.count(":") for token in tokens if isinstance(token, str))
    missing = ARN_FIELDS - 1 - colons
    if missing <= 0 or tokens == (Wild.ANY,):
        return tokens
    return (*tokens, *(token for _ in range(missing) for token in (":", Wild.ANY)))

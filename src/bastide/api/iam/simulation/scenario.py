"""A simulation: policies, what is known of the request, and the answer for each action and resource."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

import msgspec

from bastide.api.iam.policies.effective import Held
from bastide.api.iam.simulation.positions import statement_positions
from bastide.api.operation import Document, Params
from bastide.permissions import (
    ANYTHING,
    Decision,
    Effect,
    Policies,
    Policy,
    PolicyKind,
    Principal,
    Request,
    compile_policy,
    evaluate,
)
from bastide.permissions.patterns import Keys, Values

RESOURCE = "resource"


class Compiled(msgspec.Struct, frozen=True):
    """One policy, compiled."""

    held: Held
    policy: Policy


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is the same for every action and resource; keys in lower case."""

    principal: Principal
    identity: tuple[Compiled, ...]
    boundary: Policy | None
    resource: Compiled | None
    keys: Keys

    def results(self, params: Params) -> Iterator[Document]:
        """One result for each action and resource that is asked about."""
        policies = Policies(
            identity=tuple(each.policy for each in self.identity),
            boundary=self.boundary,
            resource=None if self.resource is None else self.resource.policy,
        )
        for action in params["ActionNames"]:
            for resource in params.get("ResourceArns") or [ANYTHING]:
                request = Request(action=action, resource=resource, principal=self.principal, keys=self.keys)
                yield self._result(request, policies)

    def _result(self, request: Request, policies: Policies) -> Document:
        decision = evaluate(request, policies)
        result: Document = {
            "EvalActionName": request.action,
            "EvalResourceName": request.resource,
            "EvalDecision": _told(decision),
            "MatchedStatements": list(self._matched(request, decision)),
            "MissingContextValues": self._missing(),
        }
        if self.boundary is not None:
            allowed = self.boundary.allows(request) and not self.boundary.denies(request)
            result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": allowed}
        return result

    def _matched(self, request: Request, decision: Decision) -> Iterator[Document]:
        effect = Effect.DENY if decision.is_explicit else Effect.ALLOW
        for each in self._all():
            places = None
            for statement in each.policy.matching(request, effect):
                places = places or statement_positions(each.held.text)
                source = {"SourcePolicyId": each.held.id, "SourcePolicyType": each.held.kind}
                yield source | places[statement.index]

    def _missing(self) -> list[str]:
        wanted = chain.from_iterable(each.policy.keys for each in self._all())
        return sorted({key for key in wanted if key.lower() not in self.keys})

    def _all(self) -> Iterable[Compiled]:
        return self.identity if self.resource is None else (*self.identity, self.resource)


def compiled(held: Sequence[Held]) -> tuple[Compiled, ...]:
    """Policies that are stored or come with the request; raises Invalid for one that is none."""
    return tuple(Compiled(each, compile_policy(each.text)) for each in held)


def compiled_resource(text: str | None) -> Compiled | None:
    """A resource's policy that comes with the request."""
    if text is None:
        return None
    return Compiled(Held(RESOURCE, "ResourcePolicy", "", text), compile_policy(text, PolicyKind.RESOURCE))


def given(texts: Iterable[str], name: str) -> list[Held]:
    """Policies of a request's list, called by their place in it."""
    return [Held("none", f"{name}.{number}", "", text) for number, text in enumerate(texts, 1)]


def boundary_of(texts: Sequence[str]) -> Policy | None:
    """The boundary a request brings; the first where it brings several."""
    return compile_policy(texts[0]) if texts else None


def read_keys(entries: Iterable[Mapping[str, object]]) -> dict[str, Values]:
    """The context a request brings, in lower case."""
    return {str(entry["ContextKeyName"]).lower(): _values(entry) for entry in entries}


def _values(entry: Mapping[str, object]) -> Values:
    listed = entry.get("ContextKeyValues") or []
    assert isinstance(listed, list)
    values = tuple(str(value) for value in listed)
    is_list = str(entry.get("ContextKeyType", "string")).endswith("List")
    return values if is_list or len(values) != 1 else values[0]


def _told(decision: Decision) -> str:
    if decision.is_allowed:
        return "allowed"
    return "explicitDeny" if decision.is_explicit else "implicitDeny"

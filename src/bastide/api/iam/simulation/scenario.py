"""A simulation: policies, what is known of the request, and the answer for each action and its resources.

Of several resources an action has one result for all, under the form of ARN that the action is about, and one
for each: so AWS answers, whatever its reference says of `EvalResourceName`.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import msgspec

from bastide.api.authorization.table import ACTIONS, ARNS
from bastide.api.iam.policies.effective import Held
from bastide.api.iam.simulation.positions import statement_positions
from bastide.api.operation import Document
from bastide.model.faults import Invalid
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
from bastide.permissions.patterns import Keys

IAM, RESOURCE = "IAM Policy", "Resource Policy"  # what AWS calls the sources, whatever the model lists
DECISIONS = ("explicitDeny", "implicitDeny", "allowed")  # of several the first is that of all
BOUNDARY = "PermissionsBoundaryDecisionDetail"
WITHIN = "AllowedByPermissionsBoundary"
_TYPES = {line.action.lower(): (line.service, line.required[0]) for line in ACTIONS.values() if line.required}


class Compiled(msgspec.Struct, frozen=True):
    """One policy, compiled."""

    held: Held
    policy: Policy
    kind: str = IAM


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is the same for every action and resource; keys in lower case."""

    principal: Principal
    identity: tuple[Compiled, ...]
    boundary: Compiled | None
    resource: Compiled | None
    keys: Keys

    def results(self, actions: Sequence[str], resources: Sequence[str]) -> Iterator[Document]:
        """One result for each action that is asked about."""
        policies = Policies(
            identity=tuple(each.policy for each in self.identity),
            boundary=None if self.boundary is None else self.boundary.policy,
            resource=None if self.resource is None else self.resource.policy,
        )
        for action in actions:
            found = [
                self._on(
                    Request(action=action, resource=each, principal=self.principal, keys=self.keys), policies
                )
                for each in resources
            ]
            yield self._of_all(action, found)

    def _of_all(self, action: str, found: Sequence[Document]) -> Document:
        first, is_one = found[0], len(found) == 1
        is_named = first["EvalResourceName"] != ANYTHING
        told = {each["EvalResourceDecision"] for each in found}
        whole: Document = {
            "EvalActionName": action,
            "EvalResourceName": first["EvalResourceName"] if is_one else _form_of(action),
            "EvalDecision": next(decision for decision in DECISIONS if decision in told),
            "MatchedStatements": first["MatchedStatements"] if is_one else [],
            "MissingContextValues": [] if is_named else first["MissingContextValues"],
        }
        if self.boundary is not None:
            whole[BOUNDARY] = {WITHIN: all(each[BOUNDARY][WITHIN] for each in found)}
        # The details are of requests between accounts, and empty within one.
        return whole | ({"EvalDecisionDetails": {}, "ResourceSpecificResults": found} if is_named else {})

    def _on(self, request: Request, policies: Policies) -> Document:
        decision = evaluate(request, policies)
        result: Document = {
            "EvalResourceName": request.resource,
            "EvalResourceDecision": _told(decision),
            "MatchedStatements": list(self._matched(request, decision)),
            "MissingContextValues": self._missing(),
        }
        if self.boundary is not None:
            bound = self.boundary.policy
            result[BOUNDARY] = {WITHIN: bound.allows(request) and not bound.denies(request)}
        return result

    def _matched(self, request: Request, decision: Decision) -> Iterator[Document]:
        """The statements that decide: those that deny, else those that allow."""
        effect = Effect.DENY if decision.is_explicit else Effect.ALLOW
        for each in self._all() if decision.is_explicit else self._granting():
            places = None
            for statement in each.policy.matching(request, effect):
                places = places or statement_positions(each.held.text)
                source = {"SourcePolicyId": each.held.id, "SourcePolicyType": each.kind}
                yield source | places[statement.index]

    def _missing(self) -> list[str]:
        wanted = chain.from_iterable(each.policy.keys for each in self._all())
        return sorted({key for key in wanted if key.lower() not in self.keys})

    def _granting(self) -> Iterable[Compiled]:
        return self.identity if self.resource is None else (*self.identity, self.resource)

    def _all(self) -> Iterable[Compiled]:
        return self._granting() if self.boundary is None else (*self._granting(), self.boundary)


def compiled(held: Sequence[Held]) -> tuple[Compiled, ...]:
    """Policies that are stored or come with the request."""
    return tuple(_compiled(each) for each in held)


def compiled_boundary(held: Held | None) -> Compiled | None:
    """The boundary, where there is one."""
    return None if held is None else _compiled(held)


def compiled_resource(held: Held | None) -> Compiled | None:
    """A resource's policy that comes with the request."""
    if held is None:
        return None
    return Compiled(held, compile_policy(held.text, PolicyKind.RESOURCE), RESOURCE)


def _compiled(held: Held) -> Compiled:
    """Raises Invalid for a stored policy that nothing can be made of."""
    try:
        return Compiled(held, compile_policy(held.text))
    except Invalid as invalid:
        why = f"The policy {held.id} could not be evaluated: {invalid.why}"
        raise Invalid("stored policy", held.id, why=why) from invalid


def _form_of(action: str) -> str:
    """The form of the ARNs that an action is about, as far as there is one."""
    kind = _TYPES.get(action.lower())
    return ANYTHING if kind is None else ARNS[kind].replace("${Partition}", "aws")


def _told(decision: Decision) -> str:
    if decision.is_allowed:
        return "allowed"
    return "explicitDeny" if decision.is_explicit else "implicitDeny"

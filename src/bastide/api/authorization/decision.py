"""One permission that is needed, and whether policies give it."""

from bastide.api.authorization.callers import resource_policy
from bastide.model.faults import Denied, Invalid
from bastide.permissions import Decision, Policies, Request, Source, evaluate, render_denial


class Demand(Request, frozen=True, kw_only=True):
    """One permission that is needed, and the resource's own policy, which counts too."""

    policy: str | None = None


def check_demand(demand: Demand, policies: Policies) -> None:
    """Raise Denied unless one thing is allowed."""
    whole = policies
    if demand.policy is not None:
        try:
            own = resource_policy(demand.policy)
        except Invalid:  # kept from before policies were read: what it would deny cannot be known
            raise _denied(demand, Decision(Source.RESOURCE, True)) from None
        whole = Policies(
            identity=policies.identity, boundary=policies.boundary, session=policies.session, resource=own
        )
    decision = evaluate(demand, whole)
    if not decision.is_allowed:
        raise _denied(demand, decision)


def _denied(demand: Demand, decision: Decision) -> Denied:
    return Denied("permission", demand.resource, why=render_denial(demand, decision))

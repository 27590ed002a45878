"""The decision on every call: allowed, or Denied in AWS's words.

The account's root user, whose key the installation's admin has, may do everything and is asked nothing:
nobody can lock the admin out.
"""

from bastide.api.authorization.callers import policies_of, resource_policy
from bastide.api.authorization.demands import Demand, demands
from bastide.api.authorization.remembered import Remembered
from bastide.api.operation import Context, Params
from bastide.model.faults import Denied, Invalid
from bastide.permissions import Decision, Policies, PrincipalKind, Source, evaluate, render_denial
from bastide.store import Store

KINDS = ("iam-user", "iam-group", "iam-role", "iam-policy", "iam-attachment", "iam-membership")
Key = tuple[str, str, bool, tuple[str, ...], tuple[str, ...]]


class Authority:
    """Decides; keeps the policies of callers until anything of IAM's changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._policies: Remembered[Key, Policies] = Remembered(store, KINDS)

    async def check(self, ctx: Context, service: str, operation: str, params: Params) -> None:
        """Raise Denied unless the caller may."""
        caller = ctx.caller
        if caller.kind is PrincipalKind.ROOT:
            return
        key = (caller.kind.value, caller.entity, caller.has_policies, caller.policies, caller.policy_arns)
        policies = await self._policies.get(key, lambda txn: policies_of(txn, caller))
        needed = await self._store.view(lambda txn: list(demands(txn, ctx, service, operation, params)))
        for demand in needed:
            check_demand(demand, policies)


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

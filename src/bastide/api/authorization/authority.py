"""The decision on every call: allowed, or Denied in AWS's words.

The account's root user, whose key the installation's admin has, may do everything and is asked nothing:
nobody can lock the admin out.
"""

from collections.abc import Callable, Iterable

from bastide.api.authorization.callers import policies_of
from bastide.api.authorization.decision import Demand, check_demand
from bastide.api.authorization.demands import demands
from bastide.api.authorization.remembered import Remembered
from bastide.api.operation import Caller, Context, Params
from bastide.permissions import Policies, PrincipalKind
from bastide.store import Store, Txn

KINDS = ("iam-user", "iam-group", "iam-role", "iam-policy", "iam-attachment", "iam-membership")
Key = tuple[str, str, bool, tuple[str, ...], tuple[str, ...]]


class Authority:
    """Decides; keeps the policies of callers until anything of IAM's changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._policies: Remembered[Key, Policies] = Remembered(store, KINDS)

    async def check(self, ctx: Context, service: str, operation: str, params: Params) -> None:
        """Raise Denied unless the caller may."""
        await self.check_all(ctx.caller, lambda txn: demands(txn, ctx, service, operation, params))

    async def check_all(self, caller: Caller, needed: Callable[[Txn], Iterable[Demand]]) -> None:
        """Raise Denied unless the caller has everything that is needed."""
        if caller.kind is PrincipalKind.ROOT:
            return
        key = (caller.kind.value, caller.entity, caller.has_policies, caller.policies, caller.policy_arns)
        policies = await self._policies.get(key, lambda txn: policies_of(txn, caller))
        for demand in await self._store.view(lambda txn: list(needed(txn))):
            check_demand(demand, policies)

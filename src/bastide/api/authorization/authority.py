"""The decision on every call: allowed, or Denied in AWS's words.

The account's root user, whose key the installation's admin has, may do everything and is asked nothing:
nobody can lock the admin out.
"""

from collections.abc import Callable, Iterable

from bastide.api.authorization.callers import Standing, standing_of
from bastide.api.authorization.decision import Demand, check_demand
from bastide.api.authorization.demands import demands
from bastide.api.authorization.remembered import Remembered
from bastide.api.operation import Caller, Context, Params
from bastide.permissions import PrincipalKind
from bastide.store import Store, Txn
from bastide.wire.sigv4 import Refused, RefusedReason

KINDS = ("iam-user", "iam-group", "iam-role", "iam-policy", "iam-attachment", "iam-membership")
ENCODING = "ec2"  # the service whose refusals carry an encoded message, except those to describe
BAD_TOKEN = "The security token included in the request is invalid"
Guard = Callable[[Txn], None]
Key = tuple[str, str, bool, tuple[str, ...], tuple[str, ...]]


class Authority:
    """Decides; keeps what callers may until anything of IAM's changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._standings: Remembered[Key, Standing] = Remembered(store, KINDS)

    async def guard(self, ctx: Context, service: str, operation: str, params: Params) -> Guard | None:
        """What raises Denied unless the caller may, inside the transaction the call runs in.

        None for whom nothing is asked. So one snapshot decides and answers, and the store is asked once.
        """
        _check_long_term(ctx.caller, service)
        if ctx.caller.kind is PrincipalKind.ROOT:
            return None
        policies, keys = await self._standing(ctx.caller)
        if ctx.caller.entity and not keys:  # gone since the session began
            raise Refused(RefusedReason.BAD_TOKEN, BAD_TOKEN)
        seals = ctx.vault if service == ENCODING and not operation.startswith("Describe") else None

        def check(txn: Txn) -> None:
            for demand in demands(txn, ctx, service, operation, params, of_entity=keys):
                check_demand(demand, policies, seals=seals)

        return check

    async def check_all(self, caller: Caller, needed: Callable[[Txn], Iterable[Demand]]) -> None:
        """Raise Denied unless the caller has everything that is needed."""
        if caller.kind is PrincipalKind.ROOT:
            return
        policies, _ = await self._standing(caller)
        for demand in await self._store.view(lambda txn: list(needed(txn))):
            check_demand(demand, policies)

    async def _standing(self, caller: Caller) -> Standing:
        key = (caller.kind.value, caller.entity, caller.has_policies, caller.policies, caller.policy_arns)
        return await self._standings.get(key, lambda txn: standing_of(txn, caller))


def _check_long_term(caller: Caller, service: str) -> None:
    """Raise Refused for IAM's operations with keys of GetSessionToken or GetFederationToken.

    Keys that end make none that stay (STS API reference, of both; there are no MFA devices here).
    """
    if service == "iam" and caller.is_temporary and caller.kind is not PrincipalKind.ROLE:
        raise Refused(RefusedReason.BAD_TOKEN, BAD_TOKEN)

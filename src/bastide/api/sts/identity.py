"""Who the caller is. Needs no permission, as on AWS."""

from collections.abc import Mapping

from bastide.api.operation import Context, Operation, Params, Reads, Result
from bastide.store.txn import Txn


def get_caller_identity(txn: Txn, ctx: Context, params: Params) -> Result:
    """GetCallerIdentity."""
    caller = ctx.caller
    return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.principal_arn}


OPERATIONS: Mapping[str, Operation] = {"GetCallerIdentity": Reads(get_caller_identity)}

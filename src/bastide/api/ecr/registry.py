"""The registry itself: an account has one in each region. Replication is not there to be described."""

from collections.abc import Mapping

from bastide.api.operation import Context, Operation, Params, Reads, Result
from bastide.store import Txn


def describe_registry(txn: Txn, context: Context, params: Params) -> Result:
    """The caller's registry."""
    return {"registryId": context.caller.account, "replicationConfiguration": {"rules": []}}


OPERATIONS: Mapping[str, Operation] = {"DescribeRegistry": Reads(describe_registry)}

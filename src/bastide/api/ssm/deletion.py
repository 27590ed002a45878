"""Parameters that go, with all of their versions."""

from collections.abc import Mapping

from bastide.api.operation import Context, Operation, Params, Result, Writes
from bastide.api.ssm.reading import check_name_count
from bastide.api.ssm.records import delete_parameter_records, find_parameter
from bastide.model.faults import NotFound
from bastide.store import Txn


def delete_parameter(txn: Txn, ctx: Context, params: Params) -> Result:
    """One parameter."""
    delete_parameter_records(txn, find_parameter(txn, ctx.scope, params["Name"]))
    return {}


def delete_parameters(txn: Txn, ctx: Context, params: Params) -> Result:
    """Several; those that do not exist are named in the answer."""
    check_name_count(params)
    deleted, invalid = [], []
    for name in dict.fromkeys(params["Names"]):
        try:
            delete_parameter_records(txn, find_parameter(txn, ctx.scope, name))
        except NotFound:
            invalid.append(name)
        else:
            deleted.append(name)
    return {"DeletedParameters": deleted, "InvalidParameters": invalid}


OPERATIONS: Mapping[str, Operation] = {
    "DeleteParameter": Writes(delete_parameter),
    "DeleteParameters": Writes(delete_parameters),
}

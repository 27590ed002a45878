"""Reading values: by name, several at once, and every version a parameter has had."""

from collections.abc import Mapping

from bastide.api.operation import Context, Operation, Params, Reads, Result
from bastide.api.paging import cut_page
from bastide.api.ssm.names import check_reserved
from bastide.api.ssm.records import (
    find_parameter,
    find_selected,
    find_versions,
    labels_of,
    show,
    shown_value,
)
from bastide.model.faults import Invalid, NotFound
from bastide.store import Txn

NAMES_MAX = 10  # of one GetParameters
HISTORY_PAGE_MAX = 50


def get_parameter(txn: Txn, ctx: Context, params: Params) -> Result:
    """One value: the newest, or that of `name:version` or `name:label`."""
    if not params["Name"].startswith("arn:"):
        check_reserved(params["Name"])
    _, version, selector = find_selected(txn, ctx.scope, params["Name"])
    decrypted = bool(params.get("WithDecryption"))
    return {"Parameter": show(ctx, version, decrypted=decrypted, selector=selector)}


def get_parameters(txn: Txn, ctx: Context, params: Params) -> Result:
    """Several values; what does not exist is named in the answer."""
    check_name_count(params)
    found, invalid = [], []
    for name in dict.fromkeys(params["Names"]):
        try:
            _, version, selector = find_selected(txn, ctx.scope, name)
        except NotFound:
            invalid.append(name)
        else:
            decrypted = bool(params.get("WithDecryption"))
            found.append(show(ctx, version, decrypted=decrypted, selector=selector))
    return {"Parameters": found, "InvalidParameters": invalid}


def check_name_count(params: Params) -> None:
    """Raise Invalid for more names than one call may bring."""
    if not 1 <= len(params["Names"]) <= NAMES_MAX:
        why = (
            "1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have "
            f"length less than or equal to {NAMES_MAX}, and greater than or equal to 1"
        )
        raise Invalid("parameter", why=why)


def get_parameter_history(txn: Txn, ctx: Context, params: Params) -> Result:
    """Every version that is kept, oldest first."""
    parameter = find_parameter(txn, ctx.scope, params["Name"])
    versions = {version.name: version for version in find_versions(txn, parameter)}
    query = ("parameter-history", parameter.key)
    names, token = cut_page(list(versions), asked_page(params), *query, most=HISTORY_PAGE_MAX)
    decrypted = bool(params.get("WithDecryption"))
    shown = [
        {
            **versions[name].document["parameter"],
            "Value": shown_value(ctx, versions[name], decrypted=decrypted),
            "Labels": labels_of(parameter, versions[name].document["parameter"]["Version"]),
        }
        for name in names
    ]
    result: Result = {"Parameters": shown}
    return result | {"NextToken": token} if token else result


def asked_page(params: Params) -> Params:
    """MaxResults and NextToken under the names paging knows."""
    names = {"MaxResults": "maxResults", "NextToken": "nextToken"}
    return {name: params[given] for given, name in names.items() if params.get(given) is not None}


OPERATIONS: Mapping[str, Operation] = {
    "GetParameter": Reads(get_parameter),
    "GetParameterHistory": Reads(get_parameter_history),
    "GetParameters": Reads(get_parameters),
}

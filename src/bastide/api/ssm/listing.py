"""Parameters below a path, and all of them without their values: filtered, page by page."""

import re
from collections.abc import Callable, Mapping

from bastide.api.operation import Context, Document, Operation, Params, Reads, Result
from bastide.api.paging import Cursor, parse_token, read_limit, render_token
from bastide.api.ssm.filters import Filter, checked_filters, fits
from bastide.api.ssm.names import parameter_arn
from bastide.api.ssm.reading import asked_page
from bastide.api.ssm.records import PARAMETER, find_version, show
from bastide.model.faults import Invalid
from bastide.store import Record, Txn

PATH_PAGE_MAX = 10
LIST_PAGE_MAX = 50
STEP = 200  # records read at a time
PATH_KEYS = frozenset({"Type", "KeyId", "Label"})
LIST_KEYS = frozenset({"Name", "Type", "KeyId", "Path", "Tier", "DataType"})
_PATH = re.compile(r"/|(/[A-Za-z0-9_.-]+)+/?")


def get_parameters_by_path(txn: Txn, ctx: Context, params: Params) -> Result:
    """Values of the parameters right below a path, or at any depth."""
    path = params["Path"]
    if not _PATH.fullmatch(path):
        why = (
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin "
            'with a forward slash "/". It can\'t be prefixed with "aws" or "ssm" (case-insensitive). '
            "It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ "
            "(underscore). Special characters are not allowed. All sub-paths, if specified, must use the "
            'forward slash symbol "/". Valid example: /get/parameters2-/by1./path0_.'
        )
        raise Invalid("parameter", path, why=why)
    prefix = path if path.endswith("/") else f"{path}/"
    filters = checked_filters(params.get("ParameterFilters", []), PATH_KEYS)
    recursive = bool(params.get("Recursive"))

    def is_wanted(record: Record) -> bool:
        inside = recursive or "/" not in record.name[len(prefix) :]
        return inside and all(fits(record, one) for one in filters)

    query = ("parameters-by-path", ctx.scope, path, recursive, params.get("ParameterFilters"))
    page = _Page(txn, params, query, most=PATH_PAGE_MAX)
    records, token = page.read(ctx.scope, prefix, is_wanted)
    label = next((one.values[0] for one in filters if one.key == "Label"), None)
    decrypted = bool(params.get("WithDecryption"))
    shown = [show(ctx, find_version(txn, each, label), decrypted=decrypted) for each in records]
    result: Result = {"Parameters": shown}
    return result | {"NextToken": token} if token else result


def describe_parameters(txn: Txn, ctx: Context, params: Params) -> Result:
    """What is known of parameters besides their values."""
    old, new = params.get("Filters", []), params.get("ParameterFilters", [])
    if old and new:
        why = "You can use either Filters or ParameterFilters in a single request."
        raise Invalid("parameter", why=why)
    filters = checked_filters(new, LIST_KEYS)
    filters += [Filter(one["Key"], "BeginsWith", tuple(one["Values"])) for one in old]
    query = ("parameters", ctx.scope, old, new)
    page = _Page(txn, params, query, most=LIST_PAGE_MAX)
    records, token = page.read(ctx.scope, None, lambda record: all(fits(record, one) for one in filters))
    result: Result = {"Parameters": [_described(record) for record in records]}
    return result | {"NextToken": token} if token else result


def _described(record: Record) -> Document:
    members = record.document["parameter"]
    return {**members, "ARN": parameter_arn(record.scope, record.name), "Policies": []}


class _Page:
    """One page of parameters in the order of their names."""

    def __init__(self, txn: Txn, params: Params, query: tuple[object, ...], *, most: int) -> None:
        asked = asked_page(params)
        self._txn = txn
        self._query = query
        self._limit = read_limit(asked, most=most)
        token = asked.get("nextToken")
        self._after: Cursor | None = None if token is None else parse_token(token, *query)

    def read(
        self, scope: str, prefix: str | None, is_wanted: Callable[[Record], bool]
    ) -> tuple[list[Record], str | None]:
        """The page's records, and the token of the next."""
        found: list[Record] = []
        after = self._after
        while len(found) <= self._limit:
            step = self._txn.find(PARAMETER, scope=scope, name_prefix=prefix, after=after, limit=STEP)
            found += [record for record in step if is_wanted(record)]
            if len(step) < STEP:
                break
            after = (step[-1].name, step[-1].key)
        if len(found) <= self._limit:
            return found, None
        last = found[self._limit - 1]
        return found[: self._limit], render_token((last.name, last.key), *self._query)


OPERATIONS: Mapping[str, Operation] = {
    "DescribeParameters": Reads(describe_parameters),
    "GetParametersByPath": Reads(get_parameters_by_path),
}

"""ListSecrets: which secrets there are, filtered and in order."""

from collections.abc import Callable, Iterable, Mapping

from bastide.api.operation import Context, Document, Operation, Params, Reads, Result
from bastide.api.paging import parse_token, read_limit, render_token
from bastide.api.secretsmanager.records import DELETED, SECRET, is_over
from bastide.api.secretsmanager.secrets import describe
from bastide.store import Record, Txn

_ORDER = {"created-date": "CreatedDate", "last-changed-date": "LastChangedDate", "name": "Name"}


def list_secrets(txn: Txn, ctx: Context, params: Params) -> Result:
    """A page of them; those marked for deletion only when asked for."""
    filters = params.get("Filters", [])
    found = [
        record
        for record in txn.find(SECRET, scope=ctx.scope)
        if not is_over(record, ctx.now_s)
        and (record.status != DELETED or params.get("IncludePlannedDeletion"))
        and all(_fits(record, one) for one in filters)
    ]
    by, order = params.get("SortBy", "created-date"), params.get("SortOrder", "desc")
    places = {_place(record, by): record for record in found}
    ordered = sorted(places, reverse=order == "desc")
    query = ("secrets", ctx.scope, filters, by, order, bool(params.get("IncludePlannedDeletion")))
    if (token := params.get("NextToken")) is not None:
        last = parse_token(token, *query)
        ordered = [place for place in ordered if (place < last) == (order == "desc") and place != last]
    limit = read_limit({"maxResults": params.get("MaxResults", 100)})
    page = ordered[:limit]
    result: Result = {
        "SecretList": [describe(places[place], stages="SecretVersionsToStages") for place in page]
    }
    return result | {"NextToken": render_token(page[-1], *query)} if len(ordered) > limit else result


def _place(record: Record, by: str) -> tuple[str, str]:
    value = record.document["secret"][_ORDER.get(by, "CreatedDate")]
    return (value if isinstance(value, str) else f"{value:017.3f}"), record.key


def _fits(record: Record, wanted: Document) -> bool:
    """Whether one of the filter's values fits; those with `!` in front exclude what they fit."""
    words = _WORDS.get(wanted.get("Key", "all"), _all)(record)
    values = wanted.get("Values", [])
    given = [value for value in values if not value.startswith("!")]
    excluded = [value[1:] for value in values if value.startswith("!")]
    if any(_starts(words, value) for value in excluded):
        return False
    return not given or any(_starts(words, value) for value in given)


def _starts(words: Iterable[str], value: str) -> bool:
    return any(word.startswith(value) or word.lower().startswith(value.lower()) for word in words)


def _name(record: Record) -> list[str]:
    return [record.name, *record.name.replace("-", "/").split("/")]


def _description(record: Record) -> list[str]:
    text = record.document["secret"].get("Description", "")
    return [text, *text.split()]


def _tag_keys(record: Record) -> list[str]:
    return [tag["Key"] for tag in record.document["tags"]]


def _tag_values(record: Record) -> list[str]:
    return [tag["Value"] for tag in record.document["tags"]]


def _nothing(record: Record) -> list[str]:
    return []


def _all(record: Record) -> list[str]:
    return [*_name(record), *_description(record), *_tag_keys(record), *_tag_values(record)]


_WORDS: Mapping[str, Callable[[Record], list[str]]] = {
    "name": _name,
    "description": _description,
    "tag-key": _tag_keys,
    "tag-value": _tag_values,
    "primary-region": _nothing,
    "owning-service": _nothing,
    "all": _all,
}

OPERATIONS: Mapping[str, Operation] = {"ListSecrets": Reads(list_secrets)}

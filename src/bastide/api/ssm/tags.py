"""Tags of parameters: recorded, shown and searched."""

from collections.abc import Mapping, Sequence

from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.api.ssm.records import find_parameter
from bastide.model.faults import Invalid, LimitExceeded, NotFound
from bastide.store import Record, Txn

TAGS_MAX = 50
RESERVED_PREFIX = "aws:"
RESOURCE_TYPE = "Parameter"


def checked_tags(tags: Sequence[Document]) -> list[Document]:
    """The tags as they are stored, a later one over an earlier of the same key."""
    by_key = {tag["Key"]: tag["Value"] for tag in tags}
    if any(key.lower().startswith(RESERVED_PREFIX) for key in by_key):
        raise Invalid("parameter", why="Tag keys can't start with aws:.")
    if len(by_key) > TAGS_MAX:
        raise LimitExceeded("tags", why=f"A parameter can have at most {TAGS_MAX} tags.")
    return [{"Key": key, "Value": value} for key, value in by_key.items()]


def add_tags_to_resource(txn: Txn, ctx: Context, params: Params) -> Result:
    """Tags to add; those of the same key are replaced."""
    parameter = _tagged(txn, ctx, params)
    _put(txn, parameter, checked_tags([*parameter.document["tags"], *params["Tags"]]))
    return {}


def remove_tags_from_resource(txn: Txn, ctx: Context, params: Params) -> Result:
    """Tags to take away, by key; one that is not there is no error."""
    parameter = _tagged(txn, ctx, params)
    _put(txn, parameter, [t for t in parameter.document["tags"] if t["Key"] not in params["TagKeys"]])
    return {}


def list_tags_for_resource(txn: Txn, ctx: Context, params: Params) -> Result:
    """The parameter's tags."""
    return {"TagList": _tagged(txn, ctx, params).document["tags"]}


def _tagged(txn: Txn, ctx: Context, params: Params) -> Record:
    if params["ResourceType"] != RESOURCE_TYPE:
        why = f"{params['ResourceType']} is not a valid resource type here: only {RESOURCE_TYPE} is."
        raise Invalid("resource type", params["ResourceType"], why=why)
    try:
        return find_parameter(txn, ctx.scope, params["ResourceId"])
    except NotFound as error:
        why = f"{params['ResourceId']} is not a valid resource id."
        raise Invalid("resource id", params["ResourceId"], why=why) from error


def _put(txn: Txn, parameter: Record, tags: list[Document]) -> None:
    txn.put(parameter.changed(document={**parameter.document, "tags": tags}))


OPERATIONS: Mapping[str, Operation] = {
    "AddTagsToResource": Writes(add_tags_to_resource),
    "ListTagsForResource": Reads(list_tags_for_resource),
    "RemoveTagsFromResource": Writes(remove_tags_from_resource),
}

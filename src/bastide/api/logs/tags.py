"""Tags of log groups: recorded and shown. Terraform asks for those of every group it has made."""

from collections.abc import Mapping

from bastide.api.logs.groups import find_group, named_group
from bastide.api.operation import Context, Operation, Params, Reads, Result, Writes
from bastide.model.arn import parse_arn
from bastide.model.faults import Invalid, LimitExceeded
from bastide.store import Record, Txn

TAGS_MAX = 50  # of one log group: TagResource in the API reference


def list_tags(txn: Txn, context: Context, params: Params) -> Result:
    """The group's tags."""
    return {"tags": _tagged(txn, context, params).document["tags"]}


def tag(txn: Txn, context: Context, params: Params) -> Result:
    """Tags to add; those of the same key are replaced."""
    group = _tagged(txn, context, params)
    tags = group.document["tags"] | params["tags"]
    if len(tags) > TAGS_MAX:
        raise LimitExceeded("tags", why=f"A resource cannot have more than {TAGS_MAX} tags.")
    txn.put(group.changed(document={**group.document, "tags": tags}))
    return {}


def untag(txn: Txn, context: Context, params: Params) -> Result:
    """Tags to take away, by key; one that is not there is no error."""
    group = _tagged(txn, context, params)
    keys = params["tagKeys"] if "tagKeys" in params else params["tags"]
    kept = {key: value for key, value in group.document["tags"].items() if key not in keys}
    txn.put(group.changed(document={**group.document, "tags": kept}))
    return {}


def _tagged(txn: Txn, context: Context, params: Params) -> Record:
    """The group of an ARN, with or without `:*` at its end; older operations name it."""
    if "logGroupName" in params:
        return find_group(txn, context.scope, params["logGroupName"])
    arn = parse_arn(params["resourceArn"])
    if arn is None or arn.service != "logs" or not arn.resource.startswith("log-group:"):
        raise Invalid("parameter", why="The resource ARN is not that of a log group.")
    return find_group(txn, context.scope, named_group({"logGroupIdentifier": params["resourceArn"]}, context))


OPERATIONS: Mapping[str, Operation] = {
    "ListTagsForResource": Reads(list_tags),
    "ListTagsLogGroup": Reads(list_tags),
    "TagLogGroup": Writes(tag),
    "TagResource": Writes(tag),
    "UntagLogGroup": Writes(untag),
    "UntagResource": Writes(untag),
}

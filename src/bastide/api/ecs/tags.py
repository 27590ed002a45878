"""Tags: what may be one, and tagging of clusters, tasks and task definitions.

Every taggable record keeps its tags in AWS's shape under `tags` of its document.
Rules: ECS developer guide, "Tagging Amazon ECS resources".
"""

import re
from collections.abc import Mapping

from bastide.api.ecs.identifiers import parse_identifier
from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.model.arn import parse_arn
from bastide.model.faults import Invalid, NotFound, Unsupported
from bastide.store.records import Record
from bastide.store.txn import Txn

TAGS_MAX = 50
KEY_MAX_CHARS = 128
VALUE_MAX_CHARS = 256
ALLOWED = re.compile(r"[\w\s.:/=+\-@]*")  # letters, separators, digits and these marks of any script
RESERVED_PREFIX = "aws:"
TAGGABLE = ("cluster", "task", "task-definition")  # resource types of ARNs, and kinds of records


def checked_tags(tags: list[Document]) -> list[Document]:
    """The tags as they are stored; raises Invalid or LimitExceeded for what ECS refuses."""
    checked = [{"key": tag.get("key", ""), "value": tag.get("value", "")} for tag in tags]
    for tag in checked:
        check_tag_key(tag["key"])
        if len(tag["value"]) > VALUE_MAX_CHARS or not ALLOWED.fullmatch(tag["value"]):
            raise Invalid("tag", tag["key"], why=f"The value of tag {tag['key']} is not valid.")
    if len({tag["key"] for tag in checked}) < len(checked):
        raise Invalid("tag", why="Duplicate tag keys found.")
    _check_count(checked)
    return checked


def check_tag_key(key: str) -> None:
    """Raise Invalid for a key that a user may not set."""
    if not 1 <= len(key) <= KEY_MAX_CHARS or not ALLOWED.fullmatch(key):
        raise Invalid("tag", key, why=f"The tag key '{key}' is not valid.")
    if key.lower().startswith(RESERVED_PREFIX):
        raise Invalid("tag", key, why="Tag keys can't start with aws:. That prefix is reserved for AWS use.")


def tag_resource(txn: Txn, ctx: Context, params: Params) -> Result:
    """TagResource: a key that is there gets the new value."""
    record = _find_resource(txn, ctx, params["resourceArn"])
    added = {tag["key"]: tag for tag in checked_tags(params["tags"])}
    kept = {tag["key"]: tag for tag in record.document.get("tags", [])}
    _put_tags(txn, record, list((kept | added).values()))
    return {}


def untag_resource(txn: Txn, ctx: Context, params: Params) -> Result:
    """UntagResource: a key that is not there is no error."""
    record = _find_resource(txn, ctx, params["resourceArn"])
    for key in params["tagKeys"]:
        check_tag_key(key)
    removed = set(params["tagKeys"])
    _put_tags(txn, record, [tag for tag in record.document.get("tags", []) if tag["key"] not in removed])
    return {}


def list_tags_for_resource(txn: Txn, ctx: Context, params: Params) -> Result:
    """ListTagsForResource."""
    return {"tags": _find_resource(txn, ctx, params["resourceArn"]).document.get("tags", [])}


def _put_tags(txn: Txn, record: Record, tags: list[Document]) -> None:
    _check_count(tags)
    txn.put(record.changed(document={**record.document, "tags": tags}))


def _check_count(tags: list[Document]) -> None:
    if sum(not tag["key"].lower().startswith(RESERVED_PREFIX) for tag in tags) > TAGS_MAX:
        raise Invalid("tag", why=f"The maximum number of tags on a resource is {TAGS_MAX}.")


def _find_resource(txn: Txn, ctx: Context, arn: str) -> Record:
    parsed = parse_arn(arn)
    if parsed is None:
        raise Invalid("parameter", arn, why=f"Invalid identifier: {arn} is not an Amazon ECS ARN.")
    kind = parsed.resource.split("/", 1)[0]
    parse_identifier(ctx, arn, kind)  # an ECS ARN of this account and region
    if kind not in TAGGABLE:
        raise Unsupported("feature", kind, why=f"Tags on a {kind} are not kept here: see docs/compat.md.")
    record = txn.get(kind, arn)
    if record is None:
        raise NotFound("cluster", arn) if kind == "cluster" else NotFound("resource", arn)
    if kind == "cluster" and record.status != "ACTIVE":
        raise Invalid(
            "parameter",
            arn,
            why="The specified cluster is inactive. Specify an active cluster and try again.",
        )
    if kind == "task" and record.document["task"]["lastStatus"] == "STOPPED":
        raise Invalid(
            "parameter", arn, why="The specified task is stopped. Specify a running task and try again."
        )
    return record


OPERATIONS: Mapping[str, Operation] = {
    "ListTagsForResource": Reads(list_tags_for_resource),
    "TagResource": Writes(tag_resource),
    "UntagResource": Writes(untag_resource),
}

"""Tags of repositories: recorded and shown."""

from collections.abc import Mapping, Sequence

from bastide.api.ecr.named import named_repository
from bastide.api.operation import Context, Operation, Params, Reads, Result, Writes
from bastide.model.arn import parse_arn, scope_of
from bastide.model.faults import Invalid, LimitExceeded, NotFound
from bastide.store import Record, Txn

TAGS_MAX = 50  # of one repository: Amazon ECR user guide, "Tagging a private repository"
KEY_MAX, VALUE_MAX = 128, 256
_WHERE = "Invalid parameter at 'tags' failed to satisfy constraint:"


def check_tags(tags: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The tags; Invalid or LimitExceeded where they break a rule of AWS's."""
    keys = [tag["Key"] for tag in tags]
    if len(keys) > TAGS_MAX:
        raise LimitExceeded("tags", why=f"A repository cannot have more than {TAGS_MAX} tags.")
    if len(set(keys)) != len(keys):
        raise Invalid("tag", why=f"{_WHERE} 'a key is given twice'")
    for tag in tags:
        if not 1 <= len(tag["Key"]) <= KEY_MAX or len(tag["Value"]) > VALUE_MAX:
            why = f"{_WHERE} 'a key has 1 to {KEY_MAX} characters, a value at most {VALUE_MAX}'"
            raise Invalid("tag", why=why)
        if tag["Key"].lower().startswith("aws:"):
            raise Invalid("tag", why=f"{_WHERE} 'keys that begin with aws: are reserved'")
    return [{"Key": tag["Key"], "Value": tag["Value"]} for tag in tags]


def list_tags_for_resource(txn: Txn, context: Context, params: Params) -> Result:
    """The repository's tags."""
    return {"tags": _tagged(txn, context, params).document["tags"]}


def tag_resource(txn: Txn, context: Context, params: Params) -> Result:
    """Tags to add; those of the same key are replaced."""
    record = _tagged(txn, context, params)
    new = check_tags(params["tags"])
    keys = {tag["Key"] for tag in new}
    kept = [tag for tag in record.document["tags"] if tag["Key"] not in keys]
    txn.put(record.changed(document={**record.document, "tags": check_tags(kept + new)}))
    return {}


def untag_resource(txn: Txn, context: Context, params: Params) -> Result:
    """Tags to take away, by key; one that is not there is no error."""
    record = _tagged(txn, context, params)
    kept = [tag for tag in record.document["tags"] if tag["Key"] not in params["tagKeys"]]
    txn.put(record.changed(document={**record.document, "tags": kept}))
    return {}


def _tagged(txn: Txn, context: Context, params: Params) -> Record:
    arn = parse_arn(params["resourceArn"])
    name = arn.resource.removeprefix("repository/") if arn else ""
    if arn is None or arn.service != "ecr" or name == arn.resource:
        why = "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'"
        raise Invalid("parameter", why=why)
    if scope_of(arn.account, arn.region) != context.scope:
        why = f"The repository with name '{name}' does not exist in the registry with id '{arn.account}'"
        raise NotFound("repository", name, why=why)
    return named_repository(txn, context, {"repositoryName": name})


OPERATIONS: Mapping[str, Operation] = {
    "ListTagsForResource": Reads(list_tags_for_resource),
    "TagResource": Writes(tag_resource),
    "UntagResource": Writes(untag_resource),
}

"""CreateTags, DeleteTags, DescribeTags: of every noun there is."""

from collections.abc import Mapping

from bastide.api.ec2 import nouns
from bastide.api.ec2.describe import filters_of, page_of
from bastide.api.ec2.filters import FilterTable, filtered
from bastide.api.ec2.nouns import Noun
from bastide.api.ec2.operations import changes, looks
from bastide.api.ec2.resources import find_record, put_members
from bastide.api.ec2.tag_rules import check_count, checked_tags
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.faults import Invalid
from bastide.store import Record, Txn

BY_PREFIX = {of.prefix: of for of in nouns.ALL}
FILTERS: FilterTable = {
    "key": ("Key",),
    "resource-id": ("ResourceId",),
    "resource-type": ("ResourceType",),
    "value": ("Value",),
}


def create_tags(txn: Txn, context: Context, params: Params) -> Result:
    """CreateTags: adds tags to resources, or gives those they have other values."""
    added = {tag["Key"]: tag for tag in checked_tags(params["Tags"])}
    for of, record in _resources(txn, context, params):
        tags = {tag["Key"]: tag for tag in record.document[of.tags_member]} | added
        check_count(len(tags))
        put_members(txn, record, **{of.tags_member: list(tags.values())})
    return {}


def delete_tags(txn: Txn, context: Context, params: Params) -> Result:
    """DeleteTags: those of a key, or of a key and a value; all of them when none is named."""
    asked: list[Document] | None = params.get("Tags")
    for of, record in _resources(txn, context, params):
        kept = [
            tag for tag in record.document[of.tags_member] if asked is not None and not _is_named(tag, asked)
        ]
        put_members(txn, record, **{of.tags_member: kept})
    return {}


def describe_tags(txn: Txn, context: Context, params: Params) -> Result:
    """DescribeTags: every tag of the scope by resource and key."""
    told = [
        {"Key": tag["Key"], "Value": tag["Value"], "ResourceId": record.key, "ResourceType": of.resource_type}
        for of in nouns.ALL
        for record in txn.find(of.kind, scope=context.scope)
        for tag in record.document[of.tags_member]
    ]
    searched = [{**one, "Tags": [one]} for one in told]  # where the filter `tag:KEY` looks
    found = filtered(searched, filters_of(params), FILTERS)
    shown = [{member: one[member] for member in one if member != "Tags"} for one in found]
    shown.sort(key=_place)
    query = ("Tags", context.scope, filters_of(params))
    return page_of("Tags", [_place(one) for one in shown], shown, params, *query)


def _place(tag: Document) -> str:
    return f"{tag['ResourceId']} {tag['Key']}"


def _is_named(tag: Document, asked: list[Document]) -> bool:
    return any(one.get("Key") == tag["Key"] and one.get("Value") in (None, tag["Value"]) for one in asked)


def _resources(txn: Txn, context: Context, params: Params) -> list[tuple[Noun, Record]]:
    found = []
    for key in dict.fromkeys(params["Resources"]):
        of = BY_PREFIX.get(key.rpartition("-")[0])
        if of is None:
            raise Invalid("resource id", key, why=f"The ID '{key}' is not valid")
        found.append((of, find_record(txn, context, of, key)))
    return found


OPERATIONS: Mapping[str, Operation] = {
    "CreateTags": changes(create_tags, "Resources", "Tags"),
    "DeleteTags": changes(delete_tags, "Resources", "Tags"),
    "DescribeTags": looks(describe_tags),
}

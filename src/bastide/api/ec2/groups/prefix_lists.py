"""Prefix lists that customers manage: blocks of addresses that rules name together."""

from collections.abc import Mapping, Sequence
from typing import Any

from bastide.api.ec2 import nouns
from bastide.api.ec2.cidrs import parse_cidr
from bastide.api.ec2.describe import Listing, describe, page_of
from bastide.api.ec2.documents.groups import new_prefix_list
from bastide.api.ec2.filters import Document, filtered
from bastide.api.ec2.operations import changes, looks
from bastide.api.ec2.resources import documents_of, find_record, new_record, shown
from bastide.api.ec2.tag_rules import tags_asked
from bastide.api.operation import Context, Operation, Params, Result
from bastide.model.faults import Conflict, InUse, Invalid, LimitExceeded, NotFound, Unsupported
from bastide.model.network import kinds
from bastide.store import Txn

PREFIX_LISTS = Listing(
    of=nouns.PREFIX_LIST,
    ids="PrefixListIds",
    result="PrefixLists",
    filters={
        "owner-id": ("OwnerId",),
        "prefix-list-id": ("PrefixListId",),
        "prefix-list-name": ("PrefixListName",),
        "tag-key": ("Tags", "Key"),
    },
)
ENTRIES_MAX = 1000  # VPC user guide, "Amazon VPC quotas"
NAME_CHARS_MAX = 255
AWS_NAMES = "com.amazonaws"


def create_prefix_list(txn: Txn, context: Context, params: Params) -> Result:
    """CreateManagedPrefixList."""
    if params["AddressFamily"] != "IPv4":
        raise Unsupported("parameter", why="Bastide does not do IPv6: see docs/compat.md.")
    document = new_prefix_list(
        context, name=_checked_name(params["PrefixListName"]), max_entries=params["MaxEntries"]
    )
    document[kinds.ENTRIES_MEMBER] = _added({}, params.get("Entries") or ())
    document["Tags"] = tags_asked(params, nouns.PREFIX_LIST)
    _check_size(document)
    txn.put(new_record(context, nouns.PREFIX_LIST, document))
    return {"PrefixList": {**shown(document), "State": "create-in-progress"}}


def describe_managed_prefix_lists(txn: Txn, context: Context, params: Params) -> Result:
    """The scope's prefix lists."""
    return describe(PREFIX_LISTS, context, params, documents_of(txn, context, nouns.PREFIX_LIST))


def describe_prefix_lists(txn: Txn, context: Context, params: Params) -> Result:
    """DescribePrefixLists: those of AWS's services, of which there are none here."""
    if ids := params.get("PrefixListIds"):
        raise NotFound("prefix list", ids[0])
    none: list[Document] = []
    filters = {name: PREFIX_LISTS.filters[name] for name in ("prefix-list-id", "prefix-list-name")}
    return {"PrefixLists": filtered(none, params.get("Filters") or [], filters)}


def get_entries(txn: Txn, context: Context, params: Params) -> Result:
    """GetManagedPrefixListEntries: of the version there is."""
    record = find_record(txn, context, nouns.PREFIX_LIST, params["PrefixListId"])
    version = record.document["Version"]
    if params.get("TargetVersion", version) != version:
        why = f"Bastide keeps the newest version of a prefix list alone, which is {version}."
        raise Unsupported("parameter", why=why)
    entries = sorted(_shown_entries(record.document), key=lambda entry: str(entry["Cidr"]))
    keys = [entry["Cidr"] for entry in entries]
    return page_of("Entries", keys, entries, params, "Entries", context.scope, record.key, version)


def modify_prefix_list(txn: Txn, context: Context, params: Params) -> Result:
    """ModifyManagedPrefixList: another version where entries change, told by its CurrentVersion."""
    record = find_record(txn, context, nouns.PREFIX_LIST, params["PrefixListId"])
    document = dict(record.document)
    added, removed = params.get("AddEntries") or (), params.get("RemoveEntries") or ()
    if "CurrentVersion" in params and params["CurrentVersion"] != document["Version"]:
        why = (
            f"The prefix list has the incorrect version number. The current version is {document['Version']}."
        )
        raise Conflict("prefix list version", why=why)
    if added or removed:
        if "CurrentVersion" not in params:
            raise Invalid("request", why="The request must contain the parameter currentVersion.")
        entries = dict(document[kinds.ENTRIES_MEMBER])
        for one in removed:
            cidr = _checked_cidr(one["Cidr"])
            if entries.pop(cidr, None) is None:
                raise Invalid("parameter", cidr, why=f"The prefix list has no entry {cidr}.")
        document[kinds.ENTRIES_MEMBER] = _added(entries, added)
        document["Version"] += 1
    if name := params.get("PrefixListName"):
        document["PrefixListName"] = _checked_name(name)
    if "MaxEntries" in params:
        document["MaxEntries"] = params["MaxEntries"]
    _check_size(document)
    txn.put(record.changed(document=document))
    return {"PrefixList": {**shown(document), "State": "modify-in-progress"}}


def delete_prefix_list(txn: Txn, context: Context, params: Params) -> Result:
    """DeleteManagedPrefixList: no rule may name it."""
    record = find_record(txn, context, nouns.PREFIX_LIST, params["PrefixListId"])
    rules = txn.find(kinds.SECURITY_GROUP_RULE, scope=context.scope)
    if any(rule.document.get("PrefixListId") == record.key for rule in rules):
        raise InUse("prefix list", record.key)
    txn.delete(record)
    return {"PrefixList": {**shown(record.document), "State": "delete-in-progress"}}


def _checked_name(name: str) -> str:
    if not name or len(name) > NAME_CHARS_MAX or name.startswith(AWS_NAMES):
        why = (
            f"A prefix list's name has 1 to {NAME_CHARS_MAX} characters and does not begin with {AWS_NAMES}."
        )
        raise Invalid("parameter", name, why=why)
    return name


def _checked_cidr(text: str) -> str:
    return str(parse_cidr(text, why=f"The CIDR ({text}) is not valid."))


def _added(entries: Mapping[str, str], added: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """CIDR → description, with these besides."""
    described = {_checked_cidr(one.get("Cidr") or ""): one.get("Description") or "" for one in added}
    if len(described) < len(added):
        raise Invalid("parameter", why="The same CIDR must not appear multiple times.")
    return {**entries, **described}


def _check_size(document: Document) -> None:
    most = document["MaxEntries"]
    if not 1 <= most <= ENTRIES_MAX:
        why = f"The maximum number of entries must be between 1 and {ENTRIES_MAX}."
        raise Invalid("parameter", str(most), why=why)
    if len(document[kinds.ENTRIES_MEMBER]) > most:
        why = f"You've reached the maximum number of entries for the prefix list: {most}."
        raise LimitExceeded("prefix list entries", why=why)


def _shown_entries(document: Document) -> list[Document]:
    return [
        {"Cidr": cidr, "Description": text} if text else {"Cidr": cidr}
        for cidr, text in document[kinds.ENTRIES_MEMBER].items()
    ]


OPERATIONS: Mapping[str, Operation] = {
    "CreateManagedPrefixList": changes(
        create_prefix_list,
        "PrefixListName",
        "Entries",
        "MaxEntries",
        "AddressFamily",
        "ClientToken",
        "TagSpecifications",
    ),
    "DescribeManagedPrefixLists": looks(describe_managed_prefix_lists),
    "DescribePrefixLists": looks(describe_prefix_lists),
    "GetManagedPrefixListEntries": looks(get_entries),
    "ModifyManagedPrefixList": changes(
        modify_prefix_list,
        "PrefixListId",
        "CurrentVersion",
        "PrefixListName",
        "AddEntries",
        "RemoveEntries",
        "MaxEntries",
    ),
    "DeleteManagedPrefixList": changes(delete_prefix_list, "PrefixListId"),
}

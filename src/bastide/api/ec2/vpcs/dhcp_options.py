"""DHCP options: recorded and shown. Tasks have no DHCP; what they resolve names by is the VPC's own."""

from collections.abc import Mapping

from bastide.api.ec2 import nouns
from bastide.api.ec2.describe import Listing, describe
from bastide.api.ec2.documents.vpcs import new_dhcp_options
from bastide.api.ec2.operations import changes, looks
from bastide.api.ec2.resources import documents_of, find_record, new_record, put_members, shown
from bastide.api.ec2.tag_rules import tags_asked
from bastide.api.operation import Context, Operation, Params, Result
from bastide.model.faults import InUse, Invalid
from bastide.model.network import kinds
from bastide.store import Txn

DHCP_OPTIONS = Listing(
    of=nouns.DHCP_OPTIONS,
    ids="DhcpOptionsIds",
    result="DhcpOptions",
    filters={
        "dhcp-options-id": ("DhcpOptionsId",),
        "key": ("DhcpConfigurations", "Key"),
        "owner-id": ("OwnerId",),
        "tag-key": ("Tags", "Key"),
        "value": ("DhcpConfigurations", "Values", "Value"),
    },
)
KEYS = ("domain-name-servers", "domain-name", "ntp-servers", "netbios-name-servers", "netbios-node-type")
NONE = "default"  # AssociateDhcpOptions: no options for this VPC


def create_dhcp_options(txn: Txn, context: Context, params: Params) -> Result:
    """CreateDhcpOptions."""
    options = {one.get("Key", ""): list(one.get("Values") or ()) for one in params["DhcpConfigurations"]}
    for key, values in options.items():
        if key not in KEYS or not values:
            why = f"Value ({key}) for parameter dhcpConfiguration is invalid. Its keys are {', '.join(KEYS)}."
            raise Invalid("parameter", key, why=why)
    document = new_dhcp_options(context, options)
    document["Tags"] = tags_asked(params, nouns.DHCP_OPTIONS)
    txn.put(new_record(context, nouns.DHCP_OPTIONS, document))
    return {"DhcpOptions": shown(document)}


def describe_dhcp_options(txn: Txn, context: Context, params: Params) -> Result:
    """The scope's sets of options."""
    return describe(DHCP_OPTIONS, context, params, documents_of(txn, context, nouns.DHCP_OPTIONS))


def delete_dhcp_options(txn: Txn, context: Context, params: Params) -> Result:
    """DeleteDhcpOptions: no VPC may have them."""
    record = find_record(txn, context, nouns.DHCP_OPTIONS, params["DhcpOptionsId"])
    if any(vpc.document["DhcpOptionsId"] == record.key for vpc in txn.find(kinds.VPC, scope=context.scope)):
        raise InUse("dhcp options", record.key)
    txn.delete(record)
    return {}


def associate_dhcp_options(txn: Txn, context: Context, params: Params) -> Result:
    """AssociateDhcpOptions."""
    vpc = find_record(txn, context, nouns.VPC, params["VpcId"])
    asked = params["DhcpOptionsId"]
    if asked != NONE:
        find_record(txn, context, nouns.DHCP_OPTIONS, asked)
    put_members(txn, vpc, DhcpOptionsId=asked)
    return {}


OPERATIONS: Mapping[str, Operation] = {
    "CreateDhcpOptions": changes(create_dhcp_options, "DhcpConfigurations", "TagSpecifications"),
    "DescribeDhcpOptions": looks(describe_dhcp_options),
    "DeleteDhcpOptions": changes(delete_dhcp_options, "DhcpOptionsId"),
    "AssociateDhcpOptions": changes(associate_dhcp_options, "DhcpOptionsId", "VpcId"),
}

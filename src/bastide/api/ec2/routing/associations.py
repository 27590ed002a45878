"""Which route table a subnet follows. A VPC's main table is the one of every subnet without its own."""

from collections.abc import Mapping

from bastide.api.ec2 import nouns
from bastide.api.ec2.documents.routing import main_association, subnet_association
from bastide.api.ec2.operations import changes
from bastide.api.ec2.resources import find_record, put_members
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.faults import AlreadyExists, Invalid, NotFound
from bastide.model.network import kinds
from bastide.store import Record, Txn


def associate_route_table(txn: Txn, context: Context, params: Params) -> Result:
    """AssociateRouteTable."""
    table = find_record(txn, context, nouns.ROUTE_TABLE, params["RouteTableId"])
    if "SubnetId" not in params:
        raise Invalid("request", why="The request must contain the parameter subnetId.")
    subnet = find_record(txn, context, nouns.SUBNET, params["SubnetId"])
    if subnet.parent != table.parent:
        why = f"Route table {table.key} and network {subnet.parent} belong to different networks"
        raise Invalid("parameter", table.key, why=why)
    for other in txn.find(kinds.ROUTE_TABLE, parent=table.parent):
        if any(one.get("SubnetId") == subnet.key for one in other.document["Associations"]):
            why = (
                f"the specified association for route table {table.key} conflicts with an existing "
                "association"
            )
            raise AlreadyExists("association", subnet.key, why=why)
    added = subnet_association(table.key, subnet.key)
    put_members(txn, table, Associations=[*table.document["Associations"], added])
    return _answer("AssociationId", added)


def disassociate_route_table(txn: Txn, context: Context, params: Params) -> Result:
    """DisassociateRouteTable: the subnet follows the main table from now on."""
    table, association = _find(txn, context, params["AssociationId"])
    if association["Main"]:
        why = f"cannot disassociate the main route table association {params['AssociationId']}"
        raise Invalid("parameter", params["AssociationId"], why=why)
    _drop(txn, table, association)
    return {}


def replace_route_table_association(txn: Txn, context: Context, params: Params) -> Result:
    """ReplaceRouteTableAssociation: another table for a subnet, or another main table."""
    table, association = _find(txn, context, params["AssociationId"])
    other = find_record(txn, context, nouns.ROUTE_TABLE, params["RouteTableId"])
    if other.parent != table.parent:
        why = f"Route table {other.key} and network {table.parent} belong to different networks"
        raise Invalid("parameter", other.key, why=why)
    if other.key == table.key:
        return _answer("NewAssociationId", association)
    _drop(txn, table, association)
    if association["Main"]:
        added = main_association(other.key)
    else:
        added = subnet_association(other.key, association["SubnetId"])
    put_members(txn, other, Associations=[*other.document["Associations"], added])
    return _answer("NewAssociationId", added)


def _answer(member: str, association: Document) -> Result:
    return {
        member: association["RouteTableAssociationId"],
        "AssociationState": association["AssociationState"],
    }


def _find(txn: Txn, context: Context, association_id: str) -> tuple[Record, Document]:
    for table in txn.find(kinds.ROUTE_TABLE, scope=context.scope):
        for association in table.document["Associations"]:
            if association["RouteTableAssociationId"] == association_id:
                return table, association
    raise NotFound("association", association_id)


def _drop(txn: Txn, table: Record, association: Document) -> None:
    kept = [one for one in table.document["Associations"] if one != association]
    put_members(txn, table, Associations=kept)


OPERATIONS: Mapping[str, Operation] = {
    "AssociateRouteTable": changes(associate_route_table, "RouteTableId", "SubnetId"),
    "DisassociateRouteTable": changes(disassociate_route_table, "AssociationId"),
    "ReplaceRouteTableAssociation": changes(replace_route_table_association, "AssociationId", "RouteTableId"),
}

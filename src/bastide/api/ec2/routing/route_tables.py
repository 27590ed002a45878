"""Route tables: made, shown, deleted. Whether a route leads anywhere is worked out when it is shown."""

from collections.abc import Mapping

from bastide.api.ec2 import nouns
from bastide.api.ec2.describe import Listing, describe
from bastide.api.ec2.documents.routing import LOCAL, new_route_table
from bastide.api.ec2.operations import changes, looks
from bastide.api.ec2.resources import AVAILABLE, find_record, new_record, shown
from bastide.api.ec2.tag_rules import tags_asked
from bastide.api.ec2.tokens import echoed
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.faults import InUse
from bastide.model.network import kinds
from bastide.store import Record, Txn

ROUTE_TABLES = Listing(
    of=nouns.ROUTE_TABLE,
    ids="RouteTableIds",
    result="RouteTables",
    filters={
        "association.gateway-id": ("Associations", "GatewayId"),
        "association.main": ("Associations", "Main"),
        "association.route-table-association-id": ("Associations", "RouteTableAssociationId"),
        "association.route-table-id": ("Associations", "RouteTableId"),
        "association.subnet-id": ("Associations", "SubnetId"),
        "owner-id": ("OwnerId",),
        "route-table-id": ("RouteTableId",),
        "route.destination-cidr-block": ("Routes", "DestinationCidrBlock"),
        "route.destination-ipv6-cidr-block": ("Routes", "DestinationIpv6CidrBlock"),
        "route.destination-prefix-list-id": ("Routes", "DestinationPrefixListId"),
        "route.egress-only-internet-gateway-id": ("Routes", "EgressOnlyInternetGatewayId"),
        "route.gateway-id": ("Routes", "GatewayId"),
        "route.instance-id": ("Routes", "InstanceId"),
        "route.nat-gateway-id": ("Routes", "NatGatewayId"),
        "route.origin": ("Routes", "Origin"),
        "route.state": ("Routes", "State"),
        "route.transit-gateway-id": ("Routes", "TransitGatewayId"),
        "route.vpc-peering-connection-id": ("Routes", "VpcPeeringConnectionId"),
        "tag-key": ("Tags", "Key"),
        "vpc-id": ("VpcId",),
    },
)


def create_route_table(txn: Txn, context: Context, params: Params) -> Result:
    """CreateRouteTable."""
    vpc = find_record(txn, context, nouns.VPC, params["VpcId"])
    table = new_route_table(context, vpc_id=vpc.key, cidrs=[vpc.document["CidrBlock"]])
    table["Tags"] = tags_asked(params, nouns.ROUTE_TABLE)
    txn.put(new_record(context, nouns.ROUTE_TABLE, table, parent=vpc.key))
    return {"RouteTable": shown(table), **echoed(params)}


def describe_route_tables(txn: Txn, context: Context, params: Params) -> Result:
    """The scope's route tables."""
    tables = [_with_states(txn, record) for record in txn.find(kinds.ROUTE_TABLE, scope=context.scope)]
    return describe(ROUTE_TABLES, context, params, tables)


def delete_route_table(txn: Txn, context: Context, params: Params) -> Result:
    """DeleteRouteTable: not the main one, nor one that a subnet uses."""
    table = find_record(txn, context, nouns.ROUTE_TABLE, params["RouteTableId"])
    if table.document["Associations"]:
        raise InUse("route table", table.key)
    txn.delete(table)
    return {}


def _with_states(txn: Txn, table: Record) -> Document:
    routes = [
        {**route, "State": "active" if _leads(txn, table.parent, route) else "blackhole"}
        for route in table.document["Routes"]
    ]
    return {**shown(table.document), "Routes": routes}


def _leads(txn: Txn, vpc_id: str, route: Document) -> bool:
    """Whether the route's target is still there."""
    if nat_id := route.get("NatGatewayId"):
        nat = txn.get(kinds.NAT_GATEWAY, nat_id)
        return nat is not None and nat.document["State"] == AVAILABLE
    if route["GatewayId"] == LOCAL:
        return True
    gateway = txn.get(kinds.INTERNET_GATEWAY, route["GatewayId"])
    return gateway is not None and gateway.parent == vpc_id


OPERATIONS: Mapping[str, Operation] = {
    "CreateRouteTable": changes(create_route_table, "VpcId", "ClientToken", "TagSpecifications"),
    "DescribeRouteTables": looks(describe_route_tables),
    "DeleteRouteTable": changes(delete_route_table, "RouteTableId"),
}

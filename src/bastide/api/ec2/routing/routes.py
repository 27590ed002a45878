"""Routes of a table: out by an internet gateway, or by a NAT gateway."""

from collections.abc import Mapping
from ipaddress import IPv4Network

from bastide.api.ec2 import nouns
from bastide.api.ec2.cidrs import parse_cidr
from bastide.api.ec2.documents.routing import LOCAL, new_route
from bastide.api.ec2.operations import DONE, changes
from bastide.api.ec2.resources import AVAILABLE, find_record, put_members
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.faults import AlreadyExists, Invalid, LimitExceeded, NotFound, Unsupported
from bastide.model.network import kinds
from bastide.store import Record, Txn

DESTINATION = "DestinationCidrBlock"
TARGETS = ("GatewayId", "NatGatewayId")
ROUTES_MAX = 50  # of a table, the local ones left out: VPC user guide, "Amazon VPC quotas"


def create_route(txn: Txn, context: Context, params: Params) -> Result:
    """CreateRoute."""
    table = find_record(txn, context, nouns.ROUTE_TABLE, params["RouteTableId"])
    destination = _destination(params)
    target = _target(txn, context, table, params)
    routes = table.document["Routes"]
    if _find(routes, destination) is not None:
        raise AlreadyExists("route", str(destination))
    _check_outside(txn, table, destination)
    if sum(route.get("GatewayId") != LOCAL for route in routes) >= ROUTES_MAX:
        raise LimitExceeded("routes", why="The maximum number of routes per route table has been reached.")
    put_members(txn, table, Routes=[*routes, new_route({DESTINATION: str(destination)}, target)])
    return DONE


def replace_route(txn: Txn, context: Context, params: Params) -> Result:
    """ReplaceRoute: another target for a route there is."""
    table = find_record(txn, context, nouns.ROUTE_TABLE, params["RouteTableId"])
    destination = _destination(params)
    target = _target(txn, context, table, params)
    routes = table.document["Routes"]
    at = _find(routes, destination)
    if at is None:
        why = f"There is no route defined for '{destination}' in the route table. Use CreateRoute instead."
        raise Invalid("parameter", str(destination), why=why)
    _check_outside(txn, table, destination)
    replaced = new_route({DESTINATION: str(destination)}, target)
    put_members(txn, table, Routes=[*routes[:at], replaced, *routes[at + 1 :]])
    return {}


def delete_route(txn: Txn, context: Context, params: Params) -> Result:
    """DeleteRoute: any but the VPC's own."""
    table = find_record(txn, context, nouns.ROUTE_TABLE, params["RouteTableId"])
    destination = _destination(params)
    routes = table.document["Routes"]
    at = _find(routes, destination)
    if at is None:
        why = f"no route with destination-cidr-block {destination} in route table {table.key}"
        raise NotFound("route", str(destination), why=why)
    if routes[at].get("GatewayId") == LOCAL:
        why = f"cannot remove local route {destination} in route table {table.key}"
        raise Invalid("parameter", str(destination), why=why)
    put_members(txn, table, Routes=[*routes[:at], *routes[at + 1 :]])
    return {}


def _destination(params: Params) -> IPv4Network:
    text = params.get(DESTINATION)
    if not text:
        raise Invalid("request", why="The request must contain the parameter destinationCidrBlock.")
    why = f"Value ({text}) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block."
    return parse_cidr(text, why=why)


def _target(txn: Txn, context: Context, table: Record, params: Params) -> dict[str, str]:
    """The one target of a call, which must be of the table's VPC."""
    asked = [name for name in TARGETS if params.get(name)]
    if len(asked) != 1:
        raise Invalid(
            "parameters", why="A route has exactly one target: gatewayId or natGatewayId are known here."
        )
    (name,) = asked
    key: str = params[name]
    if name == "NatGatewayId":
        vpc_id = _nat_gateway(txn, context, key).document["VpcId"]
    elif key == LOCAL or not key.startswith(f"{nouns.INTERNET_GATEWAY.prefix}-"):
        raise Unsupported("parameter", key, why=f"Bastide routes to no gateway like {key}.")
    else:
        vpc_id = find_record(txn, context, nouns.INTERNET_GATEWAY, key).parent
    if vpc_id != table.parent:
        why = f"route table {table.key} and network gateway {key} belong to different networks"
        raise Invalid("parameter", key, why=why)
    return {name: key}


def _nat_gateway(txn: Txn, context: Context, key: str) -> Record:
    nat = txn.get(kinds.NAT_GATEWAY, key)
    if nat is None or nat.scope != context.scope or nat.document["State"] != AVAILABLE:
        raise NotFound("nat gateway of a route", key)
    return nat


def _check_outside(txn: Txn, table: Record, destination: IPv4Network) -> None:
    """A VPC's own block is not routed away."""
    vpc = txn.get(kinds.VPC, table.parent)
    if vpc is not None and destination.subnet_of(IPv4Network(vpc.document["CidrBlock"])):
        why = (
            f"The destination CIDR block {destination} is equal to or more specific than one of this VPC's "
            "CIDR blocks. This route can target only an interface or an instance."
        )
        raise Invalid("parameter", str(destination), why=why)


def _find(routes: list[Document], destination: IPv4Network) -> int | None:
    return next((at for at, route in enumerate(routes) if route[DESTINATION] == str(destination)), None)


OPERATIONS: Mapping[str, Operation] = {
    "CreateRoute": changes(create_route, "RouteTableId", DESTINATION, *TARGETS),
    "ReplaceRoute": changes(replace_route, "RouteTableId", DESTINATION, *TARGETS),
    "DeleteRoute": changes(delete_route, "RouteTableId", DESTINATION),
}

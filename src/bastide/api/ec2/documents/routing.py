"""A new route table, with its routes and associations, and a new internet gateway."""

from bastide.api.ec2.resources import AVAILABLE, new_id
from bastide.api.operation import Context, Document

LOCAL = "local"


def new_route_table(context: Context, *, vpc_id: str, cidrs: list[str]) -> Document:
    """A table that knows its VPC's own blocks."""
    return {
        "Associations": [],
        "PropagatingVgws": [],
        "RouteTableId": new_id("rtb"),
        "Routes": [local_route(cidr) for cidr in cidrs],
        "Tags": [],
        "VpcId": vpc_id,
        "OwnerId": context.caller.account,
    }


def main_association(table_id: str) -> Document:
    """What makes a table the one of every subnet that has none of its own."""
    return _association(table_id, Main=True)


def subnet_association(table_id: str, subnet_id: str) -> Document:
    """What makes a table a subnet's."""
    return _association(table_id, Main=False, SubnetId=subnet_id)


def local_route(cidr: str) -> Document:
    """The route of a block of the VPC's."""
    return {
        "DestinationCidrBlock": cidr,
        "GatewayId": LOCAL,
        "Origin": "CreateRouteTable",
        "State": "active",
    }


def new_route(destination: dict[str, str], target: dict[str, str]) -> Document:
    """A route that somebody asked for."""
    return {**destination, **target, "Origin": "CreateRoute", "State": "active"}


def new_internet_gateway(context: Context) -> Document:
    """A gateway of no VPC."""
    return {
        "Attachments": [],
        "InternetGatewayId": new_id("igw"),
        "OwnerId": context.caller.account,
        "Tags": [],
    }


def gateway_attachment(vpc_id: str) -> Document:
    """A gateway's tie to its VPC."""
    return {"State": AVAILABLE, "VpcId": vpc_id}


def _association(table_id: str, **members: object) -> Document:
    return {
        **members,
        "RouteTableAssociationId": new_id("rtbassoc"),
        "RouteTableId": table_id,
        "AssociationState": {"State": "associated"},
    }

"""The default VPC of a scope: made when the first call asks for what is in it.

172.31.0.0/16 with a /20 in each of the region's two zones and the default security group, as in a new AWS
account (VPC user guide, "Default VPCs"). Invariant: made once a scope, of which the record MADE is the proof:
whoever deletes a default VPC does not get it back by looking. Ids are AWS's form, drawn at random.
"""

import ipaddress
import secrets

from bastide.api.ec2.regions import zone_id, zones_of
from bastide.api.operation import Context, Document, Params, Result, Run, WritesOnce
from bastide.model.arn import render_arn
from bastide.store import Record, Txn

VPC_CIDR = "172.31.0.0/16"
SUBNET_PREFIX = 20
DEFAULT_GROUP = "default"
ID_DIGITS = 17
EVERYWHERE = "0.0.0.0/0"
MADE = "default-vpc"  # kind of the record that says it was done; its key is the scope


def with_default_vpc(run: Run) -> WritesOnce:
    """The operation, run once the scope has its default VPC; the first call of a scope makes it."""

    def prepared(txn: Txn, context: Context, params: Params) -> Result:
        ensure_default_vpc(txn, context)
        return run(txn, context, params)

    return WritesOnce(prepared)


def ensure_default_vpc(txn: Txn, context: Context) -> None:
    """Make VPC, subnets and group where the scope never had them."""
    if txn.get(MADE, context.scope):
        return
    vpc_id = new_id("vpc")
    txn.put(Record(MADE, context.scope, context.scope, {"vpc": vpc_id}))
    txn.put(_record("vpc", vpc_id, _vpc(context, vpc_id), scope=context.scope))
    blocks = ipaddress.ip_network(VPC_CIDR).subnets(new_prefix=SUBNET_PREFIX)
    for zone, block in zip(zones_of(context.caller.region), blocks, strict=False):  # more blocks than zones
        subnet_id = new_id("subnet")
        document = _subnet(context, subnet_id, vpc_id=vpc_id, zone=zone, cidr=str(block))
        txn.put(_record("subnet", subnet_id, document, scope=context.scope, parent=vpc_id))
    group_id = new_id("sg")
    group = _default_group(context, group_id, vpc_id)
    txn.put(_record("security-group", group_id, group, scope=context.scope, parent=vpc_id))


def new_id(prefix: str) -> str:
    """`vpc-` and 17 hexadecimal digits."""
    return f"{prefix}-{secrets.token_hex(ID_DIGITS)[:ID_DIGITS]}"


def _record(kind: str, key: str, document: Document, *, scope: str, parent: str = "") -> Record:
    return Record(kind, key, scope, document, parent=parent, name=key, status="available")


def _vpc(context: Context, vpc_id: str) -> Document:
    return {
        "OwnerId": context.caller.account,
        "InstanceTenancy": "default",
        "CidrBlockAssociationSet": [
            {
                "AssociationId": new_id("vpc-cidr-assoc"),
                "CidrBlock": VPC_CIDR,
                "CidrBlockState": {"State": "associated"},
            }
        ],
        "IsDefault": True,
        "VpcId": vpc_id,
        "State": "available",
        "CidrBlock": VPC_CIDR,
        "DhcpOptionsId": new_id("dopt"),
        "Tags": [],
    }


def _subnet(context: Context, subnet_id: str, *, vpc_id: str, zone: str, cidr: str) -> Document:
    return {
        "AvailabilityZone": zone,
        "AvailabilityZoneId": zone_id(zone),
        "CidrBlock": cidr,
        "DefaultForAz": True,
        "MapPublicIpOnLaunch": True,
        "MapCustomerOwnedIpOnLaunch": False,
        "State": "available",
        "SubnetId": subnet_id,
        "VpcId": vpc_id,
        "OwnerId": context.caller.account,
        "AssignIpv6AddressOnCreation": False,
        "Ipv6CidrBlockAssociationSet": [],
        "SubnetArn": _ec2_arn(context, f"subnet/{subnet_id}"),
        "EnableDns64": False,
        "Ipv6Native": False,
        "PrivateDnsNameOptionsOnLaunch": {
            "HostnameType": "ip-name",
            "EnableResourceNameDnsARecord": False,
            "EnableResourceNameDnsAAAARecord": False,
        },
        "Tags": [],
    }


def _default_group(context: Context, group_id: str, vpc_id: str) -> Document:
    """All in from the group's own members, all out."""
    account = context.caller.account
    within = {"GroupId": group_id, "UserId": account}
    return {
        "GroupId": group_id,
        "GroupName": DEFAULT_GROUP,
        "Description": "default VPC security group",
        "OwnerId": account,
        "VpcId": vpc_id,
        "SecurityGroupArn": _ec2_arn(context, f"security-group/{group_id}"),
        "IpPermissions": [_all_traffic(UserIdGroupPairs=[within])],
        "IpPermissionsEgress": [_all_traffic(IpRanges=[{"CidrIp": EVERYWHERE}])],
        "Tags": [],
        "_rules": [
            {"id": new_id("sgr"), "egress": False, "group": group_id},
            {"id": new_id("sgr"), "egress": True, "cidr": EVERYWHERE},
        ],
    }


def _all_traffic(**peers: list[dict[str, str]]) -> Document:
    return {
        "IpProtocol": "-1",
        "IpRanges": [],
        "Ipv6Ranges": [],
        "PrefixListIds": [],
        "UserIdGroupPairs": [],
        **peers,
    }


def _ec2_arn(context: Context, resource: str) -> str:
    return render_arn("ec2", context.caller.region, context.caller.account, resource)

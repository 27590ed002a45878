"""A new VPC, subnet and set of DHCP options."""

from bastide.api.ec2.places.regions import zone_id
from bastide.api.ec2.resources import AVAILABLE, ec2_arn, new_id
from bastide.api.operation import Context, Document
from bastide.model.network import kinds
from bastide.model.network.addresses import private_domain


def new_vpc(context: Context, *, cidr: str, dhcp_options: str, is_default: bool = False) -> Document:
    """A VPC; the default one has host names switched on (VPC user guide, "Default VPC components")."""
    return {
        "OwnerId": context.caller.account,
        "InstanceTenancy": "default",
        "CidrBlockAssociationSet": [new_cidr_association(cidr)],
        "IsDefault": is_default,
        "VpcId": new_id("vpc"),
        "State": AVAILABLE,
        "CidrBlock": cidr,
        "DhcpOptionsId": dhcp_options,
        "Tags": [],
        kinds.ATTRIBUTES_MEMBER: {
            "EnableDnsSupport": True,
            "EnableDnsHostnames": is_default,
            "EnableNetworkAddressUsageMetrics": False,
        },
    }


def new_cidr_association(cidr: str) -> Document:
    """One of the blocks a VPC has."""
    return {
        "AssociationId": new_id("vpc-cidr-assoc"),
        "CidrBlock": cidr,
        "CidrBlockState": {"State": "associated"},
    }


def new_subnet(context: Context, *, vpc_id: str, zone: str, cidr: str, is_default: bool = False) -> Document:
    """A subnet; a default one gives what is started in it a public address."""
    subnet_id = new_id("subnet")
    return {
        "AvailabilityZone": zone,
        "AvailabilityZoneId": zone_id(zone),
        "CidrBlock": cidr,
        "DefaultForAz": is_default,
        "MapPublicIpOnLaunch": is_default,
        "MapCustomerOwnedIpOnLaunch": False,
        "State": AVAILABLE,
        "SubnetId": subnet_id,
        "VpcId": vpc_id,
        "OwnerId": context.caller.account,
        "AssignIpv6AddressOnCreation": False,
        "Ipv6CidrBlockAssociationSet": [],
        "SubnetArn": ec2_arn(context, f"subnet/{subnet_id}"),
        "EnableDns64": False,
        "Ipv6Native": False,
        "PrivateDnsNameOptionsOnLaunch": {
            "HostnameType": "ip-name",
            "EnableResourceNameDnsARecord": False,
            "EnableResourceNameDnsAAAARecord": False,
        },
        "Tags": [],
    }


def default_dhcp_options(context: Context) -> Document:
    """What a region's VPCs have unless they are given others: Amazon's resolver and the region's domain."""
    domain = private_domain(context.caller.region)
    return new_dhcp_options(context, {"domain-name": [domain], "domain-name-servers": ["AmazonProvidedDNS"]})


def new_dhcp_options(context: Context, options: dict[str, list[str]]) -> Document:
    """A set of options, each with its values."""
    return {
        "DhcpConfigurations": [
            {"Key": key, "Values": [{"Value": value} for value in values]} for key, values in options.items()
        ],
        "DhcpOptionsId": new_id("dopt"),
        "OwnerId": context.caller.account,
        "Tags": [],
    }

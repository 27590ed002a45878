"""EC2's part of the table. Its model lists no errors: the codes are those of "Error codes for the Amazon EC2
API".
"""

from collections.abc import Mapping

from bastide.api.errors.rows import Row, Table
from bastide.model.faults import Denied, Invalid, LimitExceeded, NotFound, Unavailable, Unsupported

FAULTS: Table = {
    (NotFound, "vpc"): Row("InvalidVpcID.NotFound", "The vpc ID '{name}' does not exist"),
    (NotFound, "subnet"): Row("InvalidSubnetID.NotFound", "The subnet ID '{name}' does not exist"),
    (NotFound, "route table"): Row(
        "InvalidRouteTableID.NotFound", "The routeTable ID '{name}' does not exist"
    ),
    (NotFound, "internet gateway"): Row(
        "InvalidInternetGatewayID.NotFound", "The internetGateway ID '{name}' does not exist"
    ),
    (NotFound, "nat gateway"): Row("NatGatewayNotFound", "NAT gateway {name} was not found"),
    (NotFound, "address"): Row("InvalidAllocationID.NotFound", "The allocation ID '{name}' does not exist"),
    (NotFound, "network acl"): Row(
        "InvalidNetworkAclID.NotFound", "The networkAcl ID '{name}' does not exist"
    ),
    (NotFound, "dhcp options"): Row(
        "InvalidDhcpOptionID.NotFound", "The dhcpOption ID '{name}' does not exist"
    ),
    (NotFound, "security group"): Row("InvalidGroup.NotFound", "The security group '{name}' does not exist"),
    (NotFound, "network interface"): Row(
        "InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '{name}' does not exist"
    ),
    (NotFound, "security group rule"): Row(
        "InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '{name}' does not exist"
    ),
    (Invalid, "security group id"): Row("InvalidGroupId.Malformed"),
    (Invalid, "network interface id"): Row("InvalidNetworkInterfaceId.Malformed"),
    (LimitExceeded, "filter"): Row("FilterLimitExceeded"),
    (Denied, "dry run"): Row("DryRunOperation", "Request would have succeeded, but DryRun flag is set."),
    (Invalid, "parameter"): Row("InvalidParameterValue"),
    (Invalid, "parameters"): Row("InvalidParameterCombination"),
    (Invalid, "page token"): Row("InvalidNextToken", "The token '{name}' is invalid."),
    (Unsupported, "parameter"): Row("UnsupportedOperation"),
    (Unavailable, "store"): Row("Unavailable", "The service is busy. Try again."),
}

_BAD_REQUESTS = (
    "AddressLimitExceeded",
    "CannotDelete",
    "DefaultSubnetAlreadyExistsInAvailabilityZone",
    "DefaultVpcAlreadyExists",
    "DependencyViolation",
    "FilterLimitExceeded",
    "FlowLogAlreadyExists",
    "FlowLogsLimitExceeded",
    "Gateway.NotAttached",
    "IdempotentParameterMismatch",
    "IncorrectState",
    "InsufficientFreeAddressesInSubnet",
    "InternetGatewayLimitExceeded",
    "InvalidAction",
    "InvalidAddress.NotFound",
    "InvalidAddressID.NotFound",
    "InvalidAllocationID.NotFound",
    "InvalidAssociationID.NotFound",
    "InvalidAttachmentID.NotFound",
    "InvalidDhcpOptionID.NotFound",
    "InvalidFlowLogId.NotFound",
    "InvalidGroup.Duplicate",
    "InvalidGroup.InUse",
    "InvalidGroup.NotFound",
    "InvalidGroup.Reserved",
    "InvalidGroupId.Malformed",
    "InvalidID",
    "InvalidIPAddress.InUse",
    "InvalidInstanceID.NotFound",
    "InvalidInternetGatewayID.NotFound",
    "InvalidNetworkAclEntry.NotFound",
    "InvalidNetworkAclID.NotFound",
    "InvalidNetworkInterface.InUse",
    "InvalidNetworkInterfaceID.NotFound",
    "InvalidNetworkInterfaceId.Malformed",
    "InvalidNextToken",
    "InvalidParameterCombination",
    "InvalidParameterValue",
    "InvalidPermission.Duplicate",
    "InvalidPermission.NotFound",
    "InvalidPrefixListID.NotFound",
    "InvalidRoute.NotFound",
    "InvalidRouteTableID.NotFound",
    "InvalidSecurityGroupRuleId.NotFound",
    "InvalidServiceName",
    "InvalidSubnet.Conflict",
    "InvalidSubnet.Range",
    "InvalidSubnetID.NotFound",
    "InvalidVpc.Range",
    "InvalidVpcEndpointId.NotFound",
    "InvalidVpcID.NotFound",
    "MalformedQueryString",
    "MissingParameter",
    "NatGatewayLimitExceeded",
    "NatGatewayNotFound",
    "NetworkAclEntryAlreadyExists",
    "NetworkAclEntryLimitExceeded",
    "NetworkAclLimitExceeded",
    "OperationNotPermitted",
    "PrefixListMaxEntriesExceeded",
    "PrefixListVersionMismatch",
    "RequestExpired",
    "Resource.AlreadyAssociated",
    "ResourceLimitExceeded",
    "RouteAlreadyExists",
    "RouteLimitExceeded",
    "RouteTableLimitExceeded",
    "RulesPerSecurityGroupLimitExceeded",
    "SecurityGroupLimitExceeded",
    "SecurityGroupsPerInterfaceLimitExceeded",
    "SubnetLimitExceeded",
    "TagLimitExceeded",
    "UnsupportedOperation",
    "VpcCidrConflict",
    "VpcEndpointLimitExceeded",
    "VpcLimitExceeded",
)
CODES: Mapping[str, int] = {
    **dict.fromkeys(_BAD_REQUESTS, 400),
    "AuthFailure": 401,
    "DryRunOperation": 412,
    "InternalError": 500,
    "RequestEntityTooLarge": 413,
    "RequestTimeout": 408,
    "Unavailable": 503,
    "UnauthorizedOperation": 403,
}

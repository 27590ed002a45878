"""EC2's part of the table. Its model lists no errors: the codes are those of "Error codes for the Amazon EC2
API".
"""

from collections.abc import Mapping

from bastide.api.errors.rows import Row, Table
from bastide.model.faults import (
    AlreadyExists,
    Conflict,
    Denied,
    InUse,
    Invalid,
    LimitExceeded,
    NotFound,
    Unavailable,
    Unsupported,
)

DEPENDS = "DependencyViolation"

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
    (NotFound, "prefix list"): Row(
        "InvalidPrefixListID.NotFound", "The prefix list ID '{name}' does not exist."
    ),
    (NotFound, "vpc endpoint"): Row(
        "InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '{name}' does not exist"
    ),
    (NotFound, "flow log"): Row("InvalidFlowLogId.NotFound", "The flow log ID '{name}' does not exist"),
    (NotFound, "default vpc"): Row(
        "DefaultVpcDoesNotExist", "No default VPC exists for this account in this region."
    ),
    (NotFound, "vpc of a group"): Row("VPCIdNotSpecified", "No default VPC for this user"),
    (NotFound, "association"): Row(
        "InvalidAssociationID.NotFound", "The association ID '{name}' does not exist"
    ),
    (NotFound, "attachment"): Row("InvalidAttachmentID.NotFound", "The attachment '{name}' does not exist."),
    (NotFound, "endpoint service"): Row(
        "InvalidServiceName", "The Vpc Endpoint Service '{name}' does not exist"
    ),
    (NotFound, "gateway attachment"): Row("Gateway.NotAttached"),
    (NotFound, "instance"): Row("InvalidInstanceID.NotFound", "The instance ID '{name}' does not exist"),
    (NotFound, "nat gateway of a route"): Row(
        "InvalidNatGatewayID.NotFound", "The natGateway ID '{name}' does not exist"
    ),
    (NotFound, "network acl entry"): Row(
        "InvalidNetworkAclEntry.NotFound", "The specified entry does not exist in this network ACL."
    ),
    (NotFound, "permission"): Row(
        "InvalidPermission.NotFound", "The specified rule does not exist in this security group."
    ),
    (NotFound, "public address"): Row("InvalidAddress.NotFound", "Address '{name}' not found."),
    (NotFound, "route"): Row("InvalidRoute.NotFound"),
    (AlreadyExists, "association"): Row("Resource.AlreadyAssociated"),
    (AlreadyExists, "default vpc"): Row(
        "DefaultVpcAlreadyExists", "A Default VPC already exists for this account in this region."
    ),
    (AlreadyExists, "default subnet"): Row("DefaultSubnetAlreadyExistsInAvailabilityZone"),
    (AlreadyExists, "flow log"): Row(
        "FlowLogAlreadyExists",
        "There is an existing Flow Log with the same configuration and log destination.",
    ),
    (AlreadyExists, "network acl entry"): Row(
        "NetworkAclEntryAlreadyExists", "The network acl entry identified by {name} already exists."
    ),
    (AlreadyExists, "route"): Row("RouteAlreadyExists", "The route identified by {name} already exists."),
    (AlreadyExists, "security group"): Row("InvalidGroup.Duplicate"),
    (AlreadyExists, "security group rule"): Row("InvalidPermission.Duplicate"),
    (InUse, "vpc"): Row(DEPENDS, "The vpc '{name}' has dependencies and cannot be deleted."),
    (InUse, "subnet"): Row(DEPENDS, "The subnet '{name}' has dependencies and cannot be deleted."),
    (InUse, "dhcp options"): Row(DEPENDS, "The dhcpOptions '{name}' has dependencies and cannot be deleted."),
    (InUse, "internet gateway"): Row(
        DEPENDS, "The internetGateway '{name}' has dependencies and cannot be deleted."
    ),
    (InUse, "network acl"): Row(DEPENDS, "The networkAcl '{name}' has dependencies and cannot be deleted."),
    (InUse, "prefix list"): Row(DEPENDS, "The prefix list '{name}' has dependencies and cannot be deleted."),
    (InUse, "route table"): Row(DEPENDS, "The routeTable '{name}' has dependencies and cannot be deleted."),
    (InUse, "security group"): Row(DEPENDS, "resource {name} has a dependent object"),
    (InUse, "address"): Row("InvalidIPAddress.InUse", "Address {name} is in use."),
    (InUse, "private address"): Row("InvalidIPAddress.InUse", "The specified address is already in use."),
    (InUse, "network interface"): Row(
        "InvalidNetworkInterface.InUse", "Network interface '{name}' is currently in use."
    ),
    (InUse, "network interface address"): Row(DEPENDS),
    (Conflict, "subnet cidr"): Row(
        "InvalidSubnet.Conflict", "The CIDR '{name}' conflicts with another subnet"
    ),
    (Conflict, "endpoint names"): Row("InvalidParameter"),
    (Conflict, "client token"): Row("IdempotentParameterMismatch"),
    (Conflict, "prefix list version"): Row("PrefixListVersionMismatch"),
    (LimitExceeded, "tags"): Row("TagLimitExceeded"),
    (LimitExceeded, "routes"): Row("RouteLimitExceeded"),
    (LimitExceeded, "addresses"): Row("AddressLimitExceeded"),
    (LimitExceeded, "free addresses"): Row(
        "InsufficientFreeAddressesInSubnet",
        "There are not enough free addresses in subnet '{name}' to satisfy the requested number of "
        "interfaces.",
    ),
    (LimitExceeded, "groups of an interface"): Row("SecurityGroupsPerInterfaceLimitExceeded"),
    (LimitExceeded, "network acl entries"): Row("NetworkAclEntryLimitExceeded"),
    (LimitExceeded, "prefix list entries"): Row("PrefixListMaxEntriesExceeded"),
    (LimitExceeded, "security group rules"): Row("RulesPerSecurityGroupLimitExceeded"),
    (LimitExceeded, "filter"): Row("FilterLimitExceeded"),
    (Denied, "attachment"): Row(
        "OperationNotPermitted", "You are not allowed to manage 'ela-attach' attachments."
    ),
    (Denied, "default security group"): Row("CannotDelete"),
    (Denied, "network interface"): Row(
        "AuthFailure", "You do not have permission to access the specified resource."
    ),
    (Denied, "dry run"): Row("DryRunOperation", "Request would have succeeded, but DryRun flag is set."),
    (Invalid, "security group id"): Row("InvalidGroupId.Malformed"),
    (Invalid, "network interface id"): Row("InvalidNetworkInterfaceId.Malformed"),
    (Invalid, "network"): Row("InvalidParameter"),
    (Invalid, "resource id"): Row("InvalidID"),
    (Invalid, "request"): Row("MissingParameter"),
    (Invalid, "subnet cidr"): Row("InvalidSubnet.Range", "The CIDR '{name}' is invalid."),
    (Invalid, "vpc cidr"): Row("InvalidVpc.Range", "The CIDR '{name}' is invalid."),
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
    "DefaultVpcDoesNotExist",
    DEPENDS,
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
    "InvalidNatGatewayID.NotFound",
    "InvalidNetworkAclEntry.NotFound",
    "InvalidNetworkAclID.NotFound",
    "InvalidNetworkInterface.InUse",
    "InvalidNetworkInterfaceID.NotFound",
    "InvalidNetworkInterfaceId.Malformed",
    "InvalidNextToken",
    "InvalidParameter",
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
    "VPCIdNotSpecified",
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

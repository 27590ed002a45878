"""The one table between faults and AWS: (service, fault, noun) → error code and sentence.

The only file with AWS codes. A fault's own `why` is the sentence the user reads; the row's is used when
there is none, with `{name}` filled in. A noun is one thing in lower case ("task definition"); "parameter"
is any plain value that is wrong. A fault without a row is a bug: the caller gets the service's 5xx.
"""

from collections.abc import Mapping
from typing import NamedTuple

from bastide.model.faults import (
    AlreadyExists,
    Conflict,
    Denied,
    Fault,
    InUse,
    Invalid,
    LimitExceeded,
    NotFound,
    Unavailable,
    Unsupported,
)


class Row(NamedTuple):
    """An AWS error code, and what it says when the fault has no words of its own."""

    code: str
    message: str = ""


Table = Mapping[tuple[type[Fault], str], Row]

_ECS: Table = {
    (NotFound, "cluster"): Row("ClusterNotFoundException", "Cluster not found."),
    (NotFound, "task definition"): Row("ClientException", "Unable to describe task definition."),
    (NotFound, "service"): Row("ServiceNotFoundException", "Service not found."),
    (NotFound, "task"): Row("InvalidParameterException", "The referenced task was not found."),
    (NotFound, "capacity provider"): Row(
        "InvalidParameterException", "The specified capacity provider {name} was not found."
    ),
    (NotFound, "setting"): Row(
        "InvalidParameterException", "The specified account setting {name} is not set."
    ),
    (NotFound, "resource"): Row("ResourceNotFoundException", "The specified resource {name} was not found."),
    (Invalid, "parameter"): Row("InvalidParameterException"),
    (Invalid, "page token"): Row("InvalidParameterException", "Invalid token."),
    (Invalid, "tag"): Row("InvalidParameterException"),
    (Invalid, "setting"): Row("InvalidParameterException"),
    (Invalid, "task definition"): Row("ClientException"),
    (Invalid, "platform version"): Row("PlatformUnknownException"),
    (Unsupported, "platform version"): Row("PlatformTaskDefinitionIncompatibilityException"),
    (Unsupported, "parameter"): Row("UnsupportedFeatureException"),
    (Unsupported, "feature"): Row("UnsupportedFeatureException"),
    (Conflict, "client token"): Row("ConflictException"),
    (InUse, "cluster tasks"): Row(
        "ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active."
    ),
    (InUse, "cluster services"): Row(
        "ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active."
    ),
    (InUse, "capacity provider"): Row("ResourceInUseException"),
    (LimitExceeded, "tag"): Row("InvalidParameterException"),
    (LimitExceeded, "revision"): Row("LimitExceededException"),
    (Denied, "action"): Row("AccessDeniedException"),
    (Unavailable, "capacity"): Row("ServerException"),
    (Unavailable, "store"): Row("ServerException", "The service is busy. Try again."),
}

_EC2: Table = {
    (NotFound, "vpc"): Row("InvalidVpcID.NotFound", "The vpc ID '{name}' does not exist"),
    (NotFound, "subnet"): Row("InvalidSubnetID.NotFound", "The subnet ID '{name}' does not exist"),
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
    (Denied, "action"): Row("UnauthorizedOperation"),
    (Unavailable, "store"): Row("Unavailable", "The service is busy. Try again."),
}

_LOGS: Table = {
    (NotFound, "log group"): Row("ResourceNotFoundException", "The specified log group does not exist."),
    (NotFound, "log stream"): Row("ResourceNotFoundException", "The specified log stream does not exist."),
    (AlreadyExists, "log group"): Row(
        "ResourceAlreadyExistsException", "The specified log group already exists"
    ),
    (AlreadyExists, "log stream"): Row(
        "ResourceAlreadyExistsException", "The specified log stream already exists"
    ),
    (Invalid, "parameter"): Row("InvalidParameterException"),
    (Invalid, "page token"): Row("InvalidParameterException", "The specified nextToken is invalid."),
    (LimitExceeded, "log group"): Row("LimitExceededException", "Resource limit exceeded."),
    (Denied, "action"): Row("AccessDeniedException"),
    (Unavailable, "store"): Row("ServiceUnavailableException", "The service is busy. Try again."),
}

_STS: Table = {
    (Denied, "action"): Row("AccessDenied"),
    (Unavailable, "store"): Row("ServiceUnavailable", "The service is busy. Try again."),
}

FAULTS: Mapping[str, Table] = {"ec2": _EC2, "ecs": _ECS, "logs": _LOGS, "sts": _STS}


def row_for(service: str, fault: Fault) -> Row | None:
    """The fault's row, its sentence filled in; None when the table has none."""
    row = FAULTS.get(service, {}).get((type(fault), fault.noun))
    if row is None:
        return None
    return Row(row.code, fault.why or row.message.format(name=fault.name) or str(fault))

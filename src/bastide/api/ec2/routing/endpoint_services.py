"""What a VPC endpoint can stand for: the services of this installation."""

from collections.abc import Mapping

from bastide.api.ec2.filters import filtered
from bastide.api.ec2.operations import looks
from bastide.api.ec2.places.regions import zones_of
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.faults import Invalid, NotFound
from bastide.store import Txn

PREFIX = "com.amazonaws"
NAMES = ("ec2", "ecr.api", "ecr.dkr", "ecs", "logs", "secretsmanager", "ssm", "sts")
# Hosts of services whose endpoint is named otherwise: ECR user guide, "Considerations for VPC endpoints".
HOSTS = {"ecr.api": "api.ecr", "ecr.dkr": "*.dkr.ecr"}


def checked_service(context: Context, asked: str | None) -> str:
    """The service asked for, which has to be one of the caller's region."""
    if not asked:
        raise Invalid("request", why="The request must contain the parameter ServiceName.")
    if asked not in _services(context):
        raise NotFound("endpoint service", asked)
    return asked


def service_domain(service: str) -> str:
    """`com.amazonaws.eu-west-1.logs` → `logs.eu-west-1.amazonaws.com`: what programs call the service."""
    region, name = service.removeprefix(f"{PREFIX}.").split(".", 1)
    return f"{HOSTS.get(name, name)}.{region}.amazonaws.com"


def describe_vpc_endpoint_services(txn: Txn, context: Context, params: Params) -> Result:
    """DescribeVpcEndpointServices: those of this installation."""
    asked = params.get("ServiceNames") or _services(context)
    details = [_detail(context, checked_service(context, name)) for name in asked]
    filters = {
        "owner": ("Owner",),
        "service-name": ("ServiceName",),
        "service-type": ("ServiceType", "ServiceType"),
    }
    found = filtered(details, params.get("Filters") or [], filters)
    return {"ServiceNames": [one["ServiceName"] for one in found], "ServiceDetails": found}


def _services(context: Context) -> list[str]:
    return [f"{PREFIX}.{context.caller.region}.{name}" for name in NAMES]


def _detail(context: Context, service: str) -> Document:
    return {
        "ServiceName": service,
        "ServiceType": [{"ServiceType": "Interface"}],
        "ServiceRegion": context.caller.region,
        "AvailabilityZones": list(zones_of(context.caller.region)),
        "Owner": "amazon",
        "PrivateDnsName": service_domain(service),
        "PrivateDnsNames": [{"PrivateDnsName": service_domain(service)}],
        "VpcEndpointPolicySupported": False,
        "AcceptanceRequired": False,
        "ManagesVpcEndpoints": False,
        "SupportedIpAddressTypes": ["ipv4"],
        "Tags": [],
    }


OPERATIONS: Mapping[str, Operation] = {"DescribeVpcEndpointServices": looks(describe_vpc_endpoint_services)}

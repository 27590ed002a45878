"""DescribeAccountAttributes."""

from collections.abc import Mapping

from bastide.api.ec2.interfaces.network_interfaces import GROUPS_MAX
from bastide.api.ec2.operations import looks
from bastide.api.ec2.vpcs.vpcs import find_default_vpc
from bastide.api.operation import Context, Operation, Params, Result
from bastide.model.network import public_pool
from bastide.store import Txn


def describe_account_attributes(txn: Txn, context: Context, params: Params) -> Result:
    """What an account is like: there is no EC2-Classic, and no instance can be started."""
    vpc = find_default_vpc(txn, context)
    addresses = str(public_pool(context.settings.instance, context.settings.public_pool).num_addresses)
    values = {
        "supported-platforms": "VPC",
        "default-vpc": vpc.key if vpc else "none",
        "max-instances": "0",
        "max-elastic-ips": addresses,
        "vpc-max-elastic-ips": addresses,
        "vpc-max-security-groups-per-interface": str(GROUPS_MAX),
    }
    asked = params.get("AttributeNames") or list(values)
    return {
        "AccountAttributes": [
            {"AttributeName": name, "AttributeValues": [{"AttributeValue": value}]}
            for name, value in values.items()
            if name in asked
        ]
    }


OPERATIONS: Mapping[str, Operation] = {"DescribeAccountAttributes": looks(describe_account_attributes)}

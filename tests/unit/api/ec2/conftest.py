"""EC2 as a user of one account sees it over the wire, and interfaces as the control loops write them."""

from datetime import datetime
from typing import Any

import pytest

from bastide.api.errors import EC2
from bastide.api.failures import malformed_error, row_for
from bastide.model.faults import Fault
from bastide.store import Record
from bastide.wire import spec
from bastide.wire.malformed import Malformed
from tests.wire.oracle import operation_of, read_back, serialized


def as_read(value: Any) -> Any:
    """Empty containers left out, which XML cannot tell from absent ones; moments as epoch seconds."""
    if isinstance(value, dict):
        return {name: as_read(inner) for name, inner in value.items() if inner not in ([], {}, None)}
    if isinstance(value, list):
        return [as_read(inner) for inner in value]
    return value.timestamp() if isinstance(value, datetime) else value


class Ec2:
    """Calls by name; `ids` gives one member of what a Describe call lists."""

    def __init__(self, api: Any) -> None:
        self.api = api

    async def call(self, operation: str, **params: Any) -> Any:
        """The answer to what botocore sends, which is also what botocore reads. None asks for nothing."""
        model = operation_of("ec2", operation)
        asked = {name: value for name, value in params.items() if value is not None}
        call = spec.parse(serialized(model, asked, "ec2"), spec.service("ec2"), request_id="request")
        answer = await self.api.call(operation, service="ec2", **call.params)
        read = read_back(model, spec.render(call, answer), "ec2", shape=model.output_shape)
        del read["ResponseMetadata"]
        assert as_read(read) == as_read(answer)
        return answer

    async def one(self, operation: str, **params: Any) -> Any:
        """The only document that a Describe call lists."""
        answer = await self.call(operation, **params)
        ((document,),) = answer.values()
        return document

    async def vpc(self, cidr: str = "10.0.0.0/16") -> str:
        """A new VPC's id."""
        made: str = (await self.call("CreateVpc", CidrBlock=cidr))["Vpc"]["VpcId"]
        return made

    async def subnet(self, vpc_id: str, cidr: str = "10.0.1.0/24", **params: Any) -> str:
        """A new subnet's id."""
        answer = await self.call("CreateSubnet", VpcId=vpc_id, CidrBlock=cidr, **params)
        made: str = answer["Subnet"]["SubnetId"]
        return made

    async def gateway(self, vpc_id: str) -> str:
        """The id of a new internet gateway of the VPC."""
        made: str = (await self.call("CreateInternetGateway"))["InternetGateway"]["InternetGatewayId"]
        await self.call("AttachInternetGateway", InternetGatewayId=made, VpcId=vpc_id)
        return made

    async def group(self, vpc_id: str, name: str = "web") -> str:
        """A new security group's id."""
        answer = await self.call("CreateSecurityGroup", VpcId=vpc_id, GroupName=name, Description=name)
        made: str = answer["GroupId"]
        return made

    async def refused(self, operation: str, **params: Any) -> tuple[str, str]:
        """Code and message of the error that a call gets."""
        with pytest.raises((Fault, Malformed)) as raised:
            await self.call(operation, **params)
        if isinstance(raised.value, Malformed):
            error = malformed_error("ec2", EC2, raised.value)
            return error.code, error.message
        assert isinstance(raised.value, Fault)
        row = row_for("ec2", raised.value)
        assert row is not None
        return row.code, row.message

    async def refuses(self, code: str, operation: str, **params: Any) -> None:
        """Hold the call to get an error of this code."""
        assert (await self.refused(operation, **params))[0] == code

    async def values(
        self, operation: str, member: str, *filters: tuple[str, str], **params: Any
    ) -> list[Any]:
        """What the answer's documents have as `member`, for filters of (name, value)."""
        if filters:
            params["Filters"] = [{"Name": name, "Values": [value]} for name, value in filters]
        result = await self.call(operation, **params)
        (documents,) = (value for name, value in result.items() if name != "NextToken")
        return [document.get(member) for document in documents]

    async def add_eni(self, number: int, **members: Any) -> str:
        """An interface in the first subnet."""
        subnet = (await self.call("DescribeSubnets"))["Subnets"][0]
        group = (await self.values("DescribeSecurityGroups", "GroupId", ("vpc-id", subnet["VpcId"])))[0]
        eni_id = f"eni-{number:017x}"
        document = {
            "NetworkInterfaceId": eni_id,
            "SubnetId": subnet["SubnetId"],
            "VpcId": subnet["VpcId"],
            "AvailabilityZone": subnet["AvailabilityZone"],
            "RequesterManaged": True,
            "Status": "in-use",
            "Description": "arn:aws:ecs:eu-test-1:111122223333:attachment/x",
            "PrivateIpAddress": f"172.31.0.{number}",
            "PrivateIpAddresses": [{"PrivateIpAddress": f"172.31.0.{number}", "Primary": True}],
            "Groups": [{"GroupId": group}],
            "Attachment": {"AttachTime": 1_893_553_445.5, "Status": "attached"},
            "TagSet": [],
            "_task": "arn:aws:ecs:eu-test-1:111122223333:task/default/x",
            **members,
        }
        await self.api.put(
            Record(
                "network-interface",
                eni_id,
                self.api.ctx.scope,
                document,
                parent=subnet["SubnetId"],
                name=eni_id,
            )
        )
        return eni_id


@pytest.fixture
def ec2(api: Any) -> Ec2:
    return Ec2(api)

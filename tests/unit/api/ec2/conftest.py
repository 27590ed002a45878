"""EC2 as a user of one account sees it, and interfaces as the control loops write them."""

from typing import Any

import pytest

from bastide.store import Record


class Ec2:
    """Calls by name; `ids` gives one member of what a Describe call lists."""

    def __init__(self, api: Any) -> None:
        self.api = api

    async def call(self, operation: str, **params: Any) -> Any:
        return await self.api.call(operation, service="ec2", **params)

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
        (group,) = await self.values("DescribeSecurityGroups", "GroupId")
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

"""A VPC of one's own: network ACLs, a private subnet, and another VPC with the same addresses."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.watching import new_group, private_address, seen, serving, watching
from tests.installation import Installation, ask, until

pytestmark = pytest.mark.real
ANY = "0.0.0.0/0"


class Place:
    """A VPC with a public and a private subnet, and a group that is open inside it and to the world."""

    def __init__(self, bastide: Installation, name: str) -> None:
        self.ec2 = ec2 = bastide.client("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        self.gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.public, self.private = (
            ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.7.{n}.0/24")["Subnet"]["SubnetId"]
            for n in (1, 2)
        )
        self.table = ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=self.table, DestinationCidrBlock=ANY, GatewayId=self.gateway)
        ec2.associate_route_table(RouteTableId=self.table, SubnetId=self.public)
        self.group = new_group(bastide, name, vpc=self.vpc)
        everybody = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": ANY}]}
        ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=[everybody])

    def remove(self) -> None:
        """All of it, in the order that nothing is in use; its tasks have STOPPED."""
        here = [{"Name": "vpc-id", "Values": [self.vpc]}]
        until(lambda: not self.ec2.describe_network_interfaces(Filters=here)["NetworkInterfaces"])
        for subnet in (self.public, self.private):
            self.ec2.delete_subnet(SubnetId=subnet)
        self.ec2.delete_security_group(GroupId=self.group)
        self.ec2.delete_route_table(RouteTableId=self.table)
        for acl in self.ec2.describe_network_acls(Filters=here)["NetworkAcls"]:
            if not acl["IsDefault"]:
                self.ec2.delete_network_acl(NetworkAclId=acl["NetworkAclId"])
        self.ec2.detach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.ec2.delete_internet_gateway(InternetGatewayId=self.gateway)
        self.ec2.delete_vpc(VpcId=self.vpc)


@pytest.fixture
def places(bastide: Installation) -> Iterator[Callable[[str], Place]]:
    """Makes VPCs; they go after the story's tasks."""
    made: list[Place] = []

    def make(name: str) -> Place:
        made.append(Place(bastide, name))
        return made[-1]

    yield make
    for place in made:
        place.remove()


@pytest.fixture
def tasks(bastide: Installation, places: Callable[[str], Place]) -> Iterator[list[str]]:
    """What a story starts is stopped after it."""
    started: list[str] = []
    yield started
    for task in started:
        bastide.client("ecs").stop_task(task=task)
    for task in started:
        bastide.wait(task, "STOPPED")


def test_an_acl_without_return_ports_lets_no_answer_out(
    bastide: Installation, places: Callable[[str], Place], tasks: list[str]
) -> None:
    place = places("acl")
    acl = place.ec2.create_network_acl(VpcId=place.vpc)["NetworkAcl"]["NetworkAclId"]
    by_subnet = [{"Name": "association.subnet-id", "Values": [place.public]}]
    ties = place.ec2.describe_network_acls(Filters=by_subnet)["NetworkAcls"][0]["Associations"]
    tie = next(one for one in ties if one["SubnetId"] == place.public)
    place.ec2.replace_network_acl_association(AssociationId=tie["NetworkAclAssociationId"], NetworkAclId=acl)
    line = ("ec2", "create-network-acl-entry", "--network-acl-id", acl, "--rule-number", "100")
    web = ("--protocol", "tcp", "--cidr-block", ANY, "--rule-action", "allow")
    bastide.aws(*line, "--ingress", *web, "--port-range", "From=80,To=80")
    served = bastide.register("served", serving(80))
    tasks += bastide.run_task(served, subnet=place.public, groups=[place.group], public=True)
    public = bastide.public_address(bastide.wait(tasks[0], "RUNNING"))
    assert ask(f"http://{public}/", timeout_s=2) == ""
    bastide.aws(*line, "--egress", *web, "--port-range", "From=1024,To=65535")
    assert until(lambda: ask(f"http://{public}/")) == "here\n"


def test_a_private_subnet_is_not_reached_and_two_vpcs_do_not_meet(
    bastide: Installation, places: Callable[[str], Place], tasks: list[str]
) -> None:
    ours, theirs = places("ours"), places("theirs")
    served = bastide.register("served", serving(80))
    tasks += bastide.run_task(served, subnet=ours.private, groups=[ours.group], public=True)
    described: dict[str, Any] = bastide.wait(tasks[0], "RUNNING")
    address = private_address(bastide, tasks[0])
    watch = bastide.register("watch", watching(address, 80))
    tasks += bastide.run_task(watch, subnet=ours.public, groups=[ours.group])
    tasks += bastide.run_task(watch, subnet=theirs.public, groups=[theirs.group])
    assert seen(bastide, tasks[1], "open")[-1] == "open"  # across the VPC's subnets
    assert seen(bastide, tasks[2], "closed") == ["closed"]  # at the same address of another VPC
    # It has a public address, but its subnet has no way out, so no answer comes.
    assert ask(f"http://{bastide.public_address(described)}/", timeout_s=1) == ""

"""A network made, changed and torn down by a script, as infrastructure tools do it.

The script finds what is there by its name, makes what is missing and waits for it with boto3's own waiters.
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError

ANYWHERE = "0.0.0.0/0"
STACK = "shop"
SUBNETS = {"public": ("10.20.0.0/24", "eu-test-1a"), "private": ("10.20.1.0/24", "eu-test-1b")}
WEB_IN = [
    {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "IpRanges": [{"CidrIp": ANYWHERE, "Description": "everybody"}],
    }
    for port in (80, 443)
]
ACL_IN = [
    {"RuleNumber": 100, "Protocol": "6", "PortRange": {"From": 80, "To": 80}, "CidrBlock": ANYWHERE},
    {"RuleNumber": 200, "Protocol": "6", "PortRange": {"From": 1024, "To": 65535}, "CidrBlock": ANYWHERE},
]


class Stack:
    """The network, by the names of its parts; `apply` may be run any number of times."""

    def __init__(self, ec2: Any) -> None:
        self.ec2 = ec2
        self.ids: dict[str, str] = {}

    def apply(self) -> None:
        """Make whatever is missing."""
        vpc = self._vpc()
        gateway = self._ensure("gateway", "internet_gateway", "InternetGateway")
        if not self.one("internet_gateways", "InternetGateways", gateway)["Attachments"]:
            self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        for name, (cidr, zone) in SUBNETS.items():
            self._ensure(name, "subnet", "Subnet", VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)
        subnets = [self.ids[name] for name in SUBNETS]
        self.ec2.get_waiter("subnet_available").wait(SubnetIds=subnets)
        if not self.one("subnets", "Subnets", self.ids["public"])["MapPublicIpOnLaunch"]:
            self.ec2.modify_subnet_attribute(SubnetId=self.ids["public"], MapPublicIpOnLaunch={"Value": True})
        nat = self._nat_gateway()
        for name, target in (("public", {"GatewayId": gateway}), ("private", {"NatGatewayId": nat})):
            self._table(name, target)
        self._groups(vpc)
        self._acl(vpc)

    def destroy(self) -> None:
        """Take all of it away, in an order that works."""
        ec2, ids = self.ec2, self.ids
        ec2.delete_nat_gateway(NatGatewayId=ids["nat"])
        ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[ids["nat"]])
        ec2.release_address(AllocationId=ids["address"])
        for name in SUBNETS:
            ec2.delete_subnet(SubnetId=ids[name])
            ec2.delete_route_table(RouteTableId=ids[f"{name} table"])
        ec2.delete_network_acl(NetworkAclId=ids["acl"])
        ec2.delete_security_group(GroupId=ids["database"])
        ec2.delete_security_group(GroupId=ids["web"])
        ec2.detach_internet_gateway(InternetGatewayId=ids["gateway"], VpcId=ids["vpc"])
        ec2.delete_internet_gateway(InternetGatewayId=ids["gateway"])
        ec2.delete_vpc(VpcId=ids["vpc"])

    def shown(self) -> dict[str, Any]:
        """Everything as Describe calls show it."""
        of_vpc = [{"Name": "vpc-id", "Values": [self.ids["vpc"]]}]
        told = {
            name: getattr(self.ec2, f"describe_{name}")(Filters=of_vpc)
            for name in ("vpcs", "subnets", "route_tables", "network_acls", "security_groups")
        }
        told["nat_gateways"] = self.ec2.describe_nat_gateways(Filter=of_vpc)
        told["addresses"] = self.ec2.describe_addresses(AllocationIds=[self.ids["address"]])
        told["rules"] = self.ec2.describe_security_group_rules()
        told["gateways"] = self.ec2.describe_internet_gateways(InternetGatewayIds=[self.ids["gateway"]])
        for answer in told.values():
            del answer["ResponseMetadata"]
        return told

    def _vpc(self) -> str:
        vpc = self._ensure("vpc", "vpc", "Vpc", CidrBlock="10.20.0.0/16")
        self.ec2.get_waiter("vpc_available").wait(VpcIds=[vpc])
        attribute = self.ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")
        if not attribute["EnableDnsHostnames"]["Value"]:
            self.ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        return vpc

    def _nat_gateway(self) -> str:
        named = [{"Name": "tag:Name", "Values": [self._name("address")]}]
        found = self.ec2.describe_addresses(Filters=named)["Addresses"]
        if not found:
            found = [self.ec2.allocate_address(TagSpecifications=self._tags("address", "elastic-ip"))]
        self.ids["address"] = found[0]["AllocationId"]
        nat = self._ensure(
            "nat",
            "nat_gateway",
            "NatGateway",
            resource_type="natgateway",
            SubnetId=self.ids["public"],
            AllocationId=self.ids["address"],
        )
        self.ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat])
        return nat

    def _table(self, subnet: str, target: dict[str, str]) -> None:
        table = self._ensure(f"{subnet} table", "route_table", "RouteTable", VpcId=self.ids["vpc"])
        shown = self.one("route_tables", "RouteTables", table)
        if not any(route["DestinationCidrBlock"] == ANYWHERE for route in shown["Routes"]):
            self.ec2.create_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE, **target)
        if not shown["Associations"]:
            self.ec2.associate_route_table(RouteTableId=table, SubnetId=self.ids[subnet])

    def _groups(self, vpc: str) -> None:
        for name in ("web", "database"):
            self._ensure(name, "security_group", "", GroupName=name, Description=name, VpcId=vpc)
            self.ec2.get_waiter("security_group_exists").wait(GroupIds=[self.ids[name]])
        from_web = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432}
        from_web["UserIdGroupPairs"] = [{"GroupId": self.ids["web"]}]
        for name, wanted in (("web", WEB_IN), ("database", [from_web])):
            if not self.one("security_groups", "SecurityGroups", self.ids[name])["IpPermissions"]:
                self.ec2.authorize_security_group_ingress(GroupId=self.ids[name], IpPermissions=wanted)

    def _acl(self, vpc: str) -> None:
        acl = self._ensure("acl", "network_acl", "NetworkAcl", VpcId=vpc)
        shown = self.one("network_acls", "NetworkAcls", acl)
        if len(shown["Entries"]) == 2:
            for entry in ACL_IN:
                for is_egress in (False, True):
                    self.ec2.create_network_acl_entry(
                        NetworkAclId=acl, RuleAction="allow", Egress=is_egress, **entry
                    )
        if not shown["Associations"]:
            of_subnet = [{"Name": "association.subnet-id", "Values": [self.ids["public"]]}]
            (held,) = self.ec2.describe_network_acls(Filters=of_subnet)["NetworkAcls"]
            (association,) = [one for one in held["Associations"] if one["SubnetId"] == self.ids["public"]]
            self.ec2.replace_network_acl_association(
                AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl
            )

    def _ensure(self, name: str, noun: str, member: str, resource_type: str = "", **params: Any) -> str:
        """The id of the part of this name, made where it is missing."""
        resource_type = resource_type or noun.replace("_", "-")
        wanted = [
            {"Name": "tag:Name", "Values": [self._name(name)]},
            {"Name": "resource-type", "Values": [resource_type]},
        ]
        found = self.ec2.describe_tags(Filters=wanted)["Tags"]
        if found:
            self.ids[name] = found[0]["ResourceId"]
            return self.ids[name]
        made = getattr(self.ec2, f"create_{noun}")(
            **params, TagSpecifications=self._tags(name, resource_type)
        )
        made = made[member] if member else made
        self.ids[name] = next(made[key] for key in (f"{member}Id", "GroupId") if key in made)
        return self.ids[name]

    def one(self, call: str, member: str, key: str) -> Any:
        parameter = "GroupIds" if call == "security_groups" else f"{member[:-1]}Ids"
        return getattr(self.ec2, f"describe_{call}")(**{parameter: [key]})[member][0]

    def _name(self, name: str) -> str:
        return f"{STACK} {name}"

    def _tags(self, name: str, resource_type: str) -> list[dict[str, Any]]:
        return [{"ResourceType": resource_type, "Tags": [{"Key": "Name", "Value": self._name(name)}]}]


@pytest.fixture
def stack(server: Any) -> Any:
    made = Stack(server.client("ec2", "eu-test-1"))
    made.apply()
    return made


def test_a_network_is_made_changed_and_torn_down(server: Any, stack: Any) -> None:
    check_what_was_asked_for(stack)
    before, commits = stack.shown(), server.commits()
    again = Stack(stack.ec2)
    again.apply()
    assert (again.ids, again.shown(), server.commits()) == (stack.ids, before, commits)
    check_changes(stack)
    check_wrong_order(stack)
    stack.destroy()
    of_vpc = [{"Name": "vpc-id", "Values": [stack.ids["vpc"]]}]
    assert stack.ec2.describe_vpcs(Filters=of_vpc)["Vpcs"] == []
    assert stack.ec2.describe_network_interfaces(Filters=of_vpc)["NetworkInterfaces"] == []
    left = stack.ec2.describe_tags(Filters=[{"Name": "value", "Values": [f"{STACK} *"]}])["Tags"]
    assert [tag["ResourceType"] for tag in left] == ["natgateway"]  # shown for an hour, as on AWS


def check_what_was_asked_for(stack: Any) -> None:
    told, ids = stack.shown(), stack.ids
    (vpc,) = told["vpcs"]["Vpcs"]
    assert (vpc["CidrBlock"], vpc["State"], vpc["IsDefault"]) == ("10.20.0.0/16", "available", False)
    assert vpc["Tags"] == [{"Key": "Name", "Value": "shop vpc"}]
    by_id = {subnet["SubnetId"]: subnet for subnet in told["subnets"]["Subnets"]}
    for name, (cidr, zone) in SUBNETS.items():
        subnet = by_id[ids[name]]
        assert (subnet["CidrBlock"], subnet["AvailabilityZone"]) == (cidr, zone)
        assert subnet["MapPublicIpOnLaunch"] is (name == "public")
    assert by_id[ids["public"]]["AvailableIpAddressCount"] == 250  # the gateway's has one
    tables = {table["RouteTableId"]: table for table in told["route_tables"]["RouteTables"]}
    for name, member, target in (("public", "GatewayId", "gateway"), ("private", "NatGatewayId", "nat")):
        table = tables[ids[f"{name} table"]]
        assert [one["SubnetId"] for one in table["Associations"]] == [ids[name]]
        (out,) = [one for one in table["Routes"] if one["DestinationCidrBlock"] == ANYWHERE]
        assert (out[member], out["State"], out["Origin"]) == (ids[target], "active", "CreateRoute")
    (nat,) = told["nat_gateways"]["NatGateways"]
    assert (nat["SubnetId"], nat["State"], nat["ConnectivityType"]) == (ids["public"], "available", "public")
    (address,) = told["addresses"]["Addresses"]
    assert address["NetworkInterfaceId"] == nat["NatGatewayAddresses"][0]["NetworkInterfaceId"]
    (gateway,) = told["gateways"]["InternetGateways"]
    assert gateway["Attachments"] == [{"State": "available", "VpcId": ids["vpc"]}]
    check_groups(told, ids)
    (acl,) = [one for one in told["network_acls"]["NetworkAcls"] if not one["IsDefault"]]
    for is_egress in (False, True):
        entries = [one for one in acl["Entries"] if one["Egress"] is is_egress]
        wanted = [{**one, "Egress": is_egress, "RuleAction": "allow"} for one in ACL_IN]
        assert entries[:-1] == wanted
        assert (entries[-1]["RuleNumber"], entries[-1]["RuleAction"]) == (32767, "deny")
    assert [one["SubnetId"] for one in acl["Associations"]] == [ids["public"]]


def check_groups(told: Any, ids: dict[str, str]) -> None:
    groups = {group["GroupId"]: group for group in told["security_groups"]["SecurityGroups"]}
    empty: dict[str, Any] = {"Ipv6Ranges": [], "PrefixListIds": []}
    web = sorted(groups[ids["web"]]["IpPermissions"], key=lambda one: int(one["FromPort"]))
    assert web == [{**one, **empty, "UserIdGroupPairs": []} for one in WEB_IN]
    (database,) = groups[ids["database"]]["IpPermissions"]
    assert database == {
        "IpProtocol": "tcp",
        "FromPort": 5432,
        "ToPort": 5432,
        "IpRanges": [],
        **empty,
        "UserIdGroupPairs": [{"GroupId": ids["web"], "UserId": "111122223333"}],
    }


def check_changes(stack: Any) -> None:
    ec2, ids = stack.ec2, stack.ids
    ec2.revoke_security_group_ingress(GroupId=ids["web"], IpPermissions=[WEB_IN[0]])
    web = stack.one("security_groups", "SecurityGroups", ids["web"])
    assert [one["FromPort"] for one in web["IpPermissions"]] == [443]
    ec2.replace_route(
        RouteTableId=ids["private table"], DestinationCidrBlock=ANYWHERE, GatewayId=ids["gateway"]
    )
    routes = stack.one("route_tables", "RouteTables", ids["private table"])["Routes"]
    assert [one["GatewayId"] for one in routes] == ["local", ids["gateway"]]
    ec2.create_tags(Resources=[ids["vpc"]], Tags=[{"Key": "owner", "Value": "me"}])
    found = ec2.describe_vpcs(Filters=[{"Name": "tag:owner", "Values": ["me"]}])["Vpcs"]
    assert [vpc["VpcId"] for vpc in found] == [ids["vpc"]]


def check_wrong_order(stack: Any) -> None:
    ec2, ids = stack.ec2, stack.ids
    for call, params in (
        ("delete_vpc", {"VpcId": ids["vpc"]}),
        ("delete_subnet", {"SubnetId": ids["public"]}),
        ("delete_route_table", {"RouteTableId": ids["public table"]}),
        ("delete_internet_gateway", {"InternetGatewayId": ids["gateway"]}),
        ("detach_internet_gateway", {"InternetGatewayId": ids["gateway"], "VpcId": ids["vpc"]}),
        ("delete_security_group", {"GroupId": ids["web"]}),
        ("delete_network_acl", {"NetworkAclId": ids["acl"]}),
    ):
        with pytest.raises(ClientError) as raised:
            getattr(ec2, call)(**params)
        assert raised.value.response["Error"]["Code"] == "DependencyViolation", call


def test_the_aws_program_makes_a_group_and_waits_for_it(server: Any) -> None:
    """The same by the command line, with its shorthand."""
    vpc = server.aws("ec2", "create-vpc", "--cidr-block", "10.30.0.0/16")["Vpc"]["VpcId"]
    server.aws("ec2", "wait", "vpc-available", "--vpc-ids", vpc)
    asked = ["--group-name", "cli", "--description", "by hand", "--vpc-id", vpc]
    group = server.aws("ec2", "create-security-group", *asked)["GroupId"]
    opened = ["--protocol", "tcp", "--port", "8000-8010", "--cidr", "192.0.2.0/24"]
    server.aws("ec2", "authorize-security-group-ingress", "--group-id", group, *opened)
    shown = server.aws("ec2", "describe-security-groups", "--group-ids", group)["SecurityGroups"][0]
    assert shown["IpPermissions"][0]["IpRanges"] == [{"CidrIp": "192.0.2.0/24"}]
    assert (shown["IpPermissions"][0]["FromPort"], shown["IpPermissions"][0]["ToPort"]) == (8000, 8010)
    with pytest.raises(RuntimeError, match=r"\(DependencyViolation\)"):
        server.aws("ec2", "delete-vpc", "--vpc-id", vpc)
    server.aws("ec2", "delete-security-group", "--group-id", group)
    server.aws("ec2", "delete-vpc", "--vpc-id", vpc)

"""Parts out of records in AWS's shapes: those a new account has, and those a user makes."""

from typing import Any

import pytest

from bastide.model.network import (
    NETWORK_KINDS,
    AclEntry,
    Address,
    Endpoint,
    FlowLog,
    Interface,
    NatGateway,
    PrefixList,
    Route,
    RouteTable,
    RouteTarget,
    SecurityGroupRule,
    Traffic,
    Vpc,
    assemble_vpcs,
    parse_part,
)
from bastide.store import Store
from tests.account import Account
from tests.store_fixture import migrated as migrated
from tests.store_fixture import store as store

RULE = {"SecurityGroupRuleId": "sgr-1", "GroupId": "sg-1", "IsEgress": False, "Tags": []}
ENTRY = {"CidrBlock": "0.0.0.0/0", "Egress": False, "RuleAction": "allow", "RuleNumber": 100}


async def test_a_new_account_has_a_vpc_that_is_whole(store: Store) -> None:
    await Account(store).call("DescribeVpcs", service="ec2")
    records = await store.view(lambda txn: [one for kind in NETWORK_KINDS for one in txn.find(kind)])
    parts = [part for one in records if (part := parse_part(one.kind, one.document))]
    assert sorted(part.id for part in parts) == sorted(one.key for one in records)
    (state,) = assemble_vpcs(parts).values()
    assert state.vpc.cidrs == ("172.31.0.0/16",)
    assert (state.vpc.has_dns_support, state.vpc.has_dns_hostnames) == (True, True)
    (group_id,) = state.groups
    (gateway_id,) = state.gateways
    for subnet_id in state.subnets:
        table, acl = state.route_table_of(subnet_id), state.acl_of(subnet_id)
        assert table and acl
        assert (
            Route(cidr="0.0.0.0/0", target=RouteTarget.INTERNET_GATEWAY, target_id=gateway_id) in table.routes
        )
        assert acl.ingress == acl.egress == (AclEntry(number=100, allows=True, cidr="0.0.0.0/0"),)
    (within,) = state.rules_of(group_id, is_egress=False)
    assert (within.peer_group_id, within.traffic) == (group_id, Traffic())
    (outward,) = state.rules_of(group_id, is_egress=True)
    assert (outward.cidr, outward.traffic) == ("0.0.0.0/0", Traffic())


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"IpProtocol": "-1", "FromPort": -1, "ToPort": -1}, Traffic()),
        ({"IpProtocol": "-1"}, Traffic()),
        ({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 90}, Traffic(protocol=6, first=80, last=90)),
        ({"IpProtocol": "udp", "FromPort": 53, "ToPort": 53}, Traffic(protocol=17, first=53, last=53)),
        ({"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1}, Traffic(protocol=1, first=8, last=-1)),
        ({"IpProtocol": "47"}, Traffic(protocol=47)),
    ],
)
def test_a_group_rule_says_which_traffic(said: dict[str, Any], meant: Traffic) -> None:
    part = parse_part("security-group-rule", {**RULE, **said, "CidrIpv4": "10.0.0.0/8"})
    assert part == SecurityGroupRule(
        id="sgr-1", group_id="sg-1", is_egress=False, traffic=meant, cidr="10.0.0.0/8"
    )


def test_a_group_rule_speaks_of_a_group_or_a_prefix_list_or_of_nothing_known_here() -> None:
    rule = {**RULE, "IpProtocol": "-1"}
    by_group = parse_part("security-group-rule", {**rule, "ReferencedGroupInfo": {"GroupId": "sg-2"}})
    by_list = parse_part("security-group-rule", {**rule, "PrefixListId": "pl-1"})
    assert isinstance(by_group, SecurityGroupRule) and by_group.peer_group_id == "sg-2"
    assert isinstance(by_list, SecurityGroupRule) and by_list.prefix_list_id == "pl-1"
    assert parse_part("security-group-rule", {**rule, "CidrIpv6": "::/0"}) is None


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"Protocol": "-1"}, Traffic()),
        ({"Protocol": "6", "PortRange": {"From": 80, "To": 90}}, Traffic(protocol=6, first=80, last=90)),
        ({"Protocol": "1", "IcmpTypeCode": {"Type": 3, "Code": 4}}, Traffic(protocol=1, first=3, last=4)),
        ({"Protocol": "50"}, Traffic(protocol=50)),
    ],
)
def test_an_acl_entry_says_which_traffic(said: dict[str, Any], meant: Traffic) -> None:
    last = {**ENTRY, "Protocol": "-1", "RuleAction": "deny", "RuleNumber": 32767}
    of_ipv6 = {
        "Ipv6CidrBlock": "::/0",
        "Egress": False,
        "RuleAction": "allow",
        "RuleNumber": 101,
        "Protocol": "-1",
    }
    acl = parse_part(
        "network-acl",
        {
            "NetworkAclId": "acl-1",
            "VpcId": "vpc-1",
            "IsDefault": False,
            "Associations": [{"SubnetId": "subnet-1"}],
            "Entries": [{**ENTRY, **said}, last, of_ipv6],
        },
    )
    assert getattr(acl, "ingress", None) == (
        AclEntry(number=100, allows=True, cidr="0.0.0.0/0", traffic=meant),
    )
    assert getattr(acl, "subnet_ids", None) == ("subnet-1",)


def test_routes_lead_where_they_say_or_nowhere() -> None:
    ways = [
        ({"GatewayId": "local"}, RouteTarget.LOCAL, ""),
        ({"GatewayId": "igw-1"}, RouteTarget.INTERNET_GATEWAY, "igw-1"),
        ({"NatGatewayId": "nat-1"}, RouteTarget.NAT_GATEWAY, "nat-1"),
        ({"NetworkInterfaceId": "eni-1"}, RouteTarget.NOWHERE, ""),
    ]
    table = parse_part(
        "route-table",
        {
            "RouteTableId": "rtb-1",
            "VpcId": "vpc-1",
            "Associations": [{"Main": True}, {"Main": False, "SubnetId": "subnet-1"}],
            "Routes": [
                {"DestinationCidrBlock": f"10.{number}.0.0/16", **said}
                for number, (said, *_) in enumerate(ways)
            ],
        },
    )
    routes = tuple(
        Route(cidr=f"10.{number}.0.0/16", target=target, target_id=target_id)
        for number, (_, target, target_id) in enumerate(ways)
    )
    assert table == RouteTable(
        id="rtb-1", vpc_id="vpc-1", is_main=True, subnet_ids=("subnet-1",), routes=routes
    )


def test_an_interface_has_its_first_address_first() -> None:
    document = {
        "NetworkInterfaceId": "eni-1",
        "VpcId": "vpc-1",
        "SubnetId": "subnet-1",
        "MacAddress": "0a:00:00:00:00:01",
        "PrivateIpAddresses": [
            {"Primary": False, "PrivateIpAddress": "10.0.0.9"},
            {"Primary": True, "PrivateIpAddress": "10.0.0.4", "Association": {"PublicIp": "198.18.0.9"}},
        ],
        "Groups": [{"GroupId": "sg-1"}],
        "_task": "arn:aws:ecs:us-east-1:0:task/default/0123",
    }
    assert parse_part("network-interface", document) == Interface(
        id="eni-1",
        vpc_id="vpc-1",
        subnet_id="subnet-1",
        mac="0a:00:00:00:00:01",
        addresses=(Address("10.0.0.4", "198.18.0.9"), Address("10.0.0.9")),
        group_ids=("sg-1",),
        task_id="0123",
    )


def test_what_is_not_there_yet_or_no_more_is_no_part() -> None:
    nat = {"NatGatewayId": "nat-1", "VpcId": "vpc-1", "SubnetId": "subnet-1", "State": "available"}
    addresses = {"NatGatewayAddresses": [{"PublicIp": "198.18.0.9", "PrivateIp": "10.0.0.5"}]}
    assert parse_part("nat-gateway", {**nat, **addresses}) == NatGateway(
        id="nat-1", vpc_id="vpc-1", subnet_id="subnet-1", public_ip="198.18.0.9"
    )
    assert parse_part("nat-gateway", {**nat, **addresses, "State": "deleted"}) is None
    assert parse_part("nat-gateway", nat) is None
    assert parse_part("internet-gateway", {"InternetGatewayId": "igw-1", "Attachments": []}) is None
    assert parse_part("dhcp-options", {}) is None


def test_a_vpc_has_the_blocks_that_are_associated_and_a_list_its_entries() -> None:
    def block(cidr: str, state: str) -> dict[str, Any]:
        return {"CidrBlock": cidr, "CidrBlockState": {"State": state}}

    blocks = [
        block("10.0.0.0/16", "associated"),
        block("10.1.0.0/16", "associated"),
        block("10.2.0.0/16", "disassociated"),
    ]
    document = {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "CidrBlockAssociationSet": blocks}
    assert parse_part("vpc", document) == Vpc(id="vpc-1", cidrs=("10.0.0.0/16", "10.1.0.0/16"))
    nameless = {**document, "_attributes": {"EnableDnsSupport": True, "EnableDnsHostnames": False}}
    vpc = parse_part("vpc", nameless)
    assert isinstance(vpc, Vpc) and (vpc.has_dns_support, vpc.has_dns_hostnames) == (True, False)
    listed = {"PrefixListId": "pl-1", "_entries": {"10.0.0.0/8": "ours"}}
    assert parse_part("prefix-list", listed) == PrefixList(id="pl-1", cidrs=("10.0.0.0/8",))


async def test_a_flow_log_says_what_of_whom_is_to_be_told_where_and_how_often(store: Store) -> None:
    account = Account(store)
    (vpc,) = (await account.call("DescribeVpcs", service="ec2"))["Vpcs"]
    made = await account.call(
        "CreateFlowLogs",
        service="ec2",
        ResourceType="VPC",
        ResourceIds=[vpc["VpcId"]],
        TrafficType="REJECT",
        LogGroupName="flows",
        DeliverLogsPermissionArn="arn:aws:iam::000000000000:role/flows",
        MaxAggregationInterval=60,
    )
    (record,) = await store.view(lambda txn: txn.find("flow-log"))
    assert parse_part(record.kind, record.document) == FlowLog(
        id=made["FlowLogIds"][0], resource_id=vpc["VpcId"], log_group="flows", traffic="REJECT", interval_s=60
    )


async def test_a_vpc_endpoint_is_its_names_and_interfaces_that_know_it(store: Store) -> None:
    account = Account(store)
    (vpc,) = (await account.call("DescribeVpcs", service="ec2"))["Vpcs"]
    subnet = (await account.call("DescribeSubnets", service="ec2"))["Subnets"][0]
    asked = {
        "VpcId": vpc["VpcId"],
        "VpcEndpointType": "Interface",
        "ServiceName": f"com.amazonaws.{subnet['AvailabilityZone'][:-1]}.ecr.dkr",
        "SubnetIds": [subnet["SubnetId"]],
    }
    made = (await account.call("CreateVpcEndpoint", service="ec2", **asked))["VpcEndpoint"]
    (record,) = await store.view(lambda txn: txn.find("vpc-endpoint"))
    part = parse_part(record.kind, record.document)
    assert isinstance(part, Endpoint)
    assert (part.id, part.interface_ids) == (made["VpcEndpointId"], tuple(made["NetworkInterfaceIds"]))
    assert part.names[1].startswith("*.dkr.ecr.")
    (eni_id,) = part.interface_ids
    interface = await store.view(lambda txn: txn.get("network-interface", eni_id))
    assert interface is not None
    door = parse_part("network-interface", interface.document)
    assert isinstance(door, Interface)
    assert (door.endpoint_id, door.task_id, door.owner) == (part.id, "", eni_id)

"""A default VPC that an earlier release recorded becomes what a new one is, without a task of it noticing."""

from typing import Any

from bastide.api.ec2.making import MADE
from bastide.api.ec2.vpcs.completion import complete_default_vpcs
from bastide.config import Settings
from bastide.model.network import NETWORK_KINDS, Interface, RouteTarget, VpcState, assemble_vpcs, parse_part
from bastide.store import Record, Store, Txn
from tests.account import VAULT, Account
from tests.store_fixture import migrated as migrated
from tests.store_fixture import store as store

SCOPE = "000000000000/us-east-1"
VPC, SUBNETS, GROUP = "vpc-1", ("subnet-1", "subnet-2"), "sg-1"
TASK = "arn:aws:ecs:us-east-1:000000000000:task/default/" + "a" * 32


def old_records() -> list[Record]:
    """What there was: no table, gateway, ACL or rule; an interface that does not name its task."""
    vpc = {"VpcId": VPC, "CidrBlock": "172.31.0.0/16", "IsDefault": True, "DhcpOptionsId": "dopt-gone"}
    group = {
        "GroupId": GROUP,
        "GroupName": "default",
        "VpcId": VPC,
        "IpPermissions": [],
        "IpPermissionsEgress": [],
        "_rules": [],
    }
    interface = {
        "NetworkInterfaceId": "eni-1",
        "VpcId": VPC,
        "SubnetId": "subnet-1",
        "MacAddress": "0a:00:00:00:00:01",
        "PrivateIpAddresses": [{"PrivateIpAddress": "172.31.0.4", "Primary": True}],
        "Groups": [{"GroupId": GROUP, "GroupName": "default"}],
    }

    def record(kind: str, document: dict[str, Any], key: str, parent: str = "") -> Record:
        return Record(kind, key, SCOPE, document, parent=parent, name=key)

    return [
        Record(MADE, SCOPE, SCOPE, {"vpc": VPC}),
        record("vpc", vpc, VPC),
        *(
            record("subnet", {"SubnetId": key, "VpcId": VPC, "CidrBlock": f"172.31.{16 * n}.0/20"}, key, VPC)
            for n, key in enumerate(SUBNETS)
        ),
        record("security-group", group, GROUP, VPC),
        record("network-interface", interface, "eni-1", "subnet-1"),
        record("placement", {"eni": "eni-1"}, TASK, "host-1"),
    ]


async def read_vpcs(store: Store) -> dict[str, VpcState]:
    records = await store.view(lambda txn: [one for kind in NETWORK_KINDS for one in txn.find(kind)])
    return assemble_vpcs(part for one in records if (part := parse_part(one.kind, one.document)))


async def test_it_becomes_what_a_new_one_is(store: Store) -> None:
    def put_all(txn: Txn) -> None:
        for record in old_records():
            txn.put(record)

    await store.update(put_all)
    for _ in range(2):  # a second start finds nothing to do
        await complete_default_vpcs(store, Settings(), VAULT)
    state = (await read_vpcs(store))[VPC]
    (gateway,) = state.gateways
    for subnet in SUBNETS:
        table, acl = state.route_table_of(subnet), state.acl_of(subnet)
        assert table and [route.target for route in table.routes] == [
            RouteTarget.LOCAL,
            RouteTarget.INTERNET_GATEWAY,
        ]
        assert table.routes[1].target_id == gateway
        assert acl and [entry.allows for entry in acl.ingress] == [True]
    rules = {(rule.is_egress, rule.cidr, rule.peer_group_id) for rule in state.rules.values()}
    assert rules == {(False, "", GROUP), (True, "0.0.0.0/0", "")}
    interface = state.interfaces["eni-1"]
    assert isinstance(interface, Interface) and interface.task_id == "a" * 32
    assert state.vpc.has_dns_support and state.vpc.has_dns_hostnames


async def test_ec2_then_shows_it_as_any_other(store: Store) -> None:
    await test_it_becomes_what_a_new_one_is(store)
    account = Account(store)
    (vpc,) = (await account.call("DescribeVpcs", service="ec2"))["Vpcs"]
    (group,) = (await account.call("DescribeSecurityGroups", service="ec2"))["SecurityGroups"]
    (options,) = (await account.call("DescribeDhcpOptions", service="ec2"))["DhcpOptions"]
    assert (vpc["VpcId"], vpc["DhcpOptionsId"]) == (VPC, options["DhcpOptionsId"])
    assert [len(group[name]) for name in ("IpPermissions", "IpPermissionsEgress")] == [1, 1]


async def test_where_things_are_can_be_asked_without_a_vpc_being_made(store: Store) -> None:
    account = Account(store)
    await account.call("DescribeRegions", service="ec2")
    await account.call("DescribeAvailabilityZones", service="ec2")
    assert await read_vpcs(store) == {}

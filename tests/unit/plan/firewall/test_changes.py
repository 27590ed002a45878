"""What a change of the network costs in the packet rules: no more than what is about it."""

from collections import Counter

from msgspec.structs import replace

from bastide.model.network import (
    AclEntry,
    Address,
    AnyPart,
    Interface,
    NetworkAcl,
    PrefixList,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Traffic,
    VpcState,
    assemble_vpcs,
    mac_of,
)
from bastide.plan.firewall import Command, plan_table, plan_vpc
from tests.assignments import ENI
from tests.vpcs import open_parts

HTTP = Traffic(protocol=6, first=80, last=80)


def network(interfaces: int, *more: AnyPart) -> VpcState:
    """One group with so many interfaces, each of a task of its own."""
    parts = {part.id: part for part in open_parts({"f" * 32: ENI})}
    parts |= {f"eni-{number}": member(number) for number in range(interfaces)}
    return next(iter(assemble_vpcs([*(parts | {part.id: part for part in more}).values()]).values()))


def member(number: int, **fields: object) -> Interface:
    (parent,) = (part for part in open_parts({"f" * 32: ENI}) if isinstance(part, Subnet))
    plain: dict[str, object] = {
        "vpc_id": ENI.vpc_id,
        "subnet_id": parent.id,
        "mac": mac_of(str(number)),
        "addresses": (Address(f"172.31.{number // 250}.{number % 250 + 4}"),),
        "group_ids": (f"sg-{ENI.vpc_id.removeprefix('vpc-')}",),
        "task_id": f"{number:012x}{0:020x}",
    }
    return Interface(id=f"eni-{number}", **(plain | fields))  # type: ignore[arg-type]


def change(old: VpcState, new: VpcState) -> list[Command]:
    return plan_table(plan_vpc(old), plan_vpc(new))


def counted(commands: list[Command]) -> Counter[str]:
    return Counter(
        f"{verb} {noun}" for command in commands for verb, what in command.items() for noun in what
    )


def test_rules_do_not_grow_with_the_interfaces() -> None:
    few, many = plan_vpc(network(10)), plan_vpc(network(1000))
    assert few.chains == many.chains
    assert few.holders.keys() == many.holders.keys()


def test_an_interface_is_one_element_of_each_set_and_map() -> None:
    commands = change(network(10), network(11))
    assert counted(commands) == {"add element": 4}  # source, its groups both ways, member
    assert all(len(command["add"]["element"]["elem"]) == 1 for command in commands)
    assert counted(change(network(11), network(10))) == {"delete element": 4}


def test_a_rule_changes_the_chain_of_its_group_and_nothing_else() -> None:
    group_id = f"sg-{ENI.vpc_id.removeprefix('vpc-')}"
    rule = SecurityGroupRule(
        id="sgr-new", group_id=group_id, is_egress=False, traffic=HTTP, cidr="10.0.0.0/8"
    )
    commands = change(network(200), network(200, rule))
    assert counted(commands) == {"flush chain": 1, "add rule": 2}
    assert {command["add"]["rule"]["chain"] for command in commands[1:]} == {f"{group_id}-in"}


def test_other_groups_of_a_live_interface_are_one_verdict_each_way_and_its_memberships() -> None:
    group = SecurityGroup(id="sg-2", vpc_id=ENI.vpc_id)
    user = member(5000, group_ids=("sg-2",))
    before = network(10, group, user)
    commands = change(before, network(10, group, user, member(3, group_ids=("sg-2",))))
    assert counted(commands) == {"delete element": 3, "add element": 3}


def test_a_prefix_list_that_changes_takes_a_new_name_with_the_rules_that_speak_of_it() -> None:
    rule = SecurityGroupRule(
        id="sgr-list",
        group_id=f"sg-{ENI.vpc_id.removeprefix('vpc-')}",
        is_egress=False,
        prefix_list_id="pl-1",
    )
    listed = PrefixList(id="pl-1", cidrs=("10.0.0.0/9", "10.128.0.0/9", "192.0.2.0/24"))
    before = network(10, rule, listed)
    commands = change(before, network(10, rule, replace(listed, cidrs=("10.0.0.0/7",))))
    assert counted(commands) == {
        "add set": 1,
        "add element": 1,
        "flush chain": 1,
        "add rule": 2,
        "delete set": 1,
    }


def test_what_an_acl_does_not_stop_it_is_not_asked_about() -> None:
    opened = AclEntry(number=100, allows=True, cidr="0.0.0.0/0")
    acl = NetworkAcl(id="acl-1", vpc_id=ENI.vpc_id, is_default=True, ingress=(opened,), egress=(opened,))
    denied = AclEntry(number=99, allows=False, cidr="10.0.0.0/8")
    whole = plan_vpc(network(10, acl)).chains["forward"].rules
    assert (
        whole
        == plan_vpc(network(10, replace(acl, ingress=(opened, replace(denied, number=101)))))
        .chains["forward"]
        .rules
    )
    stopped = plan_vpc(network(10, replace(acl, ingress=(opened, denied)))).chains["forward"].rules
    assert len(stopped) == len(whole) + 1


def test_every_hook_that_judges_denies_by_default() -> None:
    hooks = {name: chain.hook for name, chain in plan_vpc(network(1)).chains.items() if chain.hook}
    assert {name for name, hook in hooks.items() if hook.policy == "drop"} == {
        "antispoof",
        "input",
        "forward",
    }
    assert {hook.kind for name, hook in hooks.items() if hook.policy == "accept"} == {"nat"}

"""Which flows a change of the network ends, as AWS has it."""

from msgspec.structs import replace

from bastide.model.network import (
    AnyPart,
    Flow,
    Interface,
    SecurityGroupRule,
    Traffic,
    VpcState,
    assemble_vpcs,
)
from bastide.plan.firewall import may_cut, plan_cuts
from tests.assignments import ENI, TASK_ID
from tests.vpcs import open_parts

TAIL = ENI.vpc_id.removeprefix("vpc-")
GROUP = f"sg-{TAIL}"
HTTP = Traffic(protocol=6, first=80, last=80)
OUTSIDE = "203.0.113.7"
FLOW = Flow(source=OUTSIDE, destination=ENI.private_ip, protocol=6, port=80)
OUT_ALL = SecurityGroupRule(id="sgr-out", group_id=GROUP, is_egress=True, cidr="0.0.0.0/0")
OUT_WEB = replace(OUT_ALL, traffic=HTTP)
IN_ALL = SecurityGroupRule(id="sgr-in", group_id=GROUP, is_egress=False, traffic=HTTP, cidr="0.0.0.0/0")
IN_SOME = replace(IN_ALL, cidr="203.0.113.0/24")


def network(*rules: SecurityGroupRule, without_interface: bool = False) -> VpcState:
    parts: list[AnyPart] = [
        part
        for part in open_parts({TASK_ID: ENI})
        if not isinstance(part, SecurityGroupRule) and not (without_interface and isinstance(part, Interface))
    ]
    return assemble_vpcs([*parts, *rules])[ENI.vpc_id]


def is_cut(old: VpcState, new: VpcState, flow: Flow = FLOW) -> bool:
    return plan_cuts(old, new, [flow]) == [flow]


def test_an_untracked_flow_is_cut_with_its_rule() -> None:
    old, new = network(IN_ALL, OUT_ALL), network(OUT_ALL)
    assert may_cut(old, new)
    assert is_cut(old, new)


def test_a_tracked_flow_goes_on_without_its_rule() -> None:
    assert not is_cut(network(IN_SOME, OUT_ALL), network(OUT_ALL))  # not from everywhere
    assert not is_cut(network(IN_ALL, OUT_WEB), network(OUT_WEB))  # no way back to everywhere
    assert not may_cut(network(IN_SOME), network())


def test_a_flow_that_another_rule_allows_goes_on() -> None:
    assert not is_cut(network(IN_ALL, OUT_ALL), network(replace(IN_SOME, id="sgr-other"), OUT_ALL))
    assert is_cut(network(IN_ALL, OUT_ALL), network(replace(IN_ALL, traffic=Traffic(protocol=17)), OUT_ALL))


def test_what_a_task_began_is_cut_with_the_rule_that_let_it_out() -> None:
    flow = Flow(source=ENI.private_ip, destination=OUTSIDE, protocol=6, port=443)
    in_all = replace(IN_ALL, traffic=Traffic())
    assert is_cut(network(in_all, OUT_ALL), network(in_all), flow)
    assert not is_cut(network(IN_ALL, OUT_ALL), network(IN_ALL), flow)


def test_icmp_is_always_tracked() -> None:
    flow = replace(FLOW, protocol=1, port=0)
    everything = replace(IN_ALL, traffic=Traffic())
    assert not is_cut(network(everything, OUT_ALL), network(OUT_ALL), flow)


def test_flows_end_with_their_interface() -> None:
    old, new = network(IN_SOME, OUT_WEB), network(IN_SOME, OUT_WEB, without_interface=True)
    assert may_cut(old, new)
    assert is_cut(old, new)
    assert not is_cut(old, new, replace(FLOW, destination="172.31.0.200"))


def test_nothing_need_be_looked_at_when_something_is_only_added() -> None:
    assert not may_cut(network(IN_ALL), network(IN_ALL, OUT_ALL))

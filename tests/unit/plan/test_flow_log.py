"""Flow log records: what is accepted and rejected at whose interface, out of two counts of each flow."""

import random

import pytest

from bastide.model.network import (
    Address,
    AnyPart,
    FlowLog,
    Interface,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Traffic,
    Vpc,
    VpcState,
    assemble_vpcs,
)
from bastide.model.network.flows import Count, CountedFlows, FlowKey
from bastide.plan.flow_log import ALL, Meter, Passage, measure, merge, render_records

A, B, FAR = "10.0.0.4", "10.0.0.5", "203.0.113.7"
ASK, ANSWER = FlowKey(A, B, 6, 40000, 80), FlowKey(B, A, 6, 80, 40000)
WINDOW = (1418530010, 1418530070)


def interface(name: str, address: str, group: str) -> Interface:
    return Interface(
        id=f"eni-{name}",
        vpc_id="vpc-1",
        subnet_id="subnet-1",
        mac="",
        addresses=(Address(address),),
        group_ids=(group,),
        task_id=name * 32,
    )


def vpc(*, a_may_send: bool = True, b_may_be_sent: bool = True) -> VpcState:
    rules = [
        SecurityGroupRule(id="sgr-1", group_id="sg-a", is_egress=True, cidr="0.0.0.0/0"),
        SecurityGroupRule(
            id="sgr-2", group_id="sg-b", is_egress=False, cidr=f"{A}/32", traffic=Traffic(protocol=6)
        ),
    ]
    return assemble_vpcs(
        [
            Vpc(id="vpc-1", cidrs=("10.0.0.0/16",)),
            Subnet(id="subnet-1", vpc_id="vpc-1", cidr="10.0.0.0/24"),
            SecurityGroup(id="sg-a", vpc_id="vpc-1"),
            SecurityGroup(id="sg-b", vpc_id="vpc-1"),
            *rules[0 if a_may_send else 1 : 2 if b_may_be_sent else 1],
            interface("a", A, "sg-a"),
            interface("b", B, "sg-b"),
        ]
    )["vpc-1"]


def records(state: VpcState, eni: str, flows: dict[FlowKey, Passage], *, traffic: str = ALL) -> list[str]:
    return render_records(
        state, state.interfaces[eni], flows, traffic=traffic, account="123456789012", window=WINDOW
    )


def test_what_passed_is_accepted_at_both_ends() -> None:
    flows = {ASK: Passage(Count(20, 4249)), ANSWER: Passage(Count(10, 900))}
    for eni in ("eni-a", "eni-b"):
        assert records(vpc(), eni, flows) == [
            f"2 123456789012 {eni} 10.0.0.4 10.0.0.5 40000 80 6 20 4249 1418530010 1418530070 ACCEPT OK",
            f"2 123456789012 {eni} 10.0.0.5 10.0.0.4 80 40000 6 10 900 1418530010 1418530070 ACCEPT OK",
        ]


def test_what_the_receiver_rejects_was_accepted_where_it_was_sent() -> None:
    flows, state = {ASK: Passage(rejected=Count(3, 180))}, vpc(b_may_be_sent=False)
    assert records(state, "eni-a", flows)[0].endswith("6 3 180 1418530010 1418530070 ACCEPT OK")
    assert records(state, "eni-b", flows)[0].endswith("6 3 180 1418530010 1418530070 REJECT OK")


def test_what_the_sender_rejects_nobody_else_sees() -> None:
    flows, state = {ASK: Passage(rejected=Count(3, 180))}, vpc(a_may_send=False)
    assert records(state, "eni-a", flows)[0].endswith("REJECT OK")
    assert records(state, "eni-b", flows)[0].endswith("- NODATA")


def test_one_side_outside_leaves_one_who_tells() -> None:
    flows = {FlowKey(A, FAR, 17, 5353, 53): Passage(rejected=Count(1, 60))}
    assert records(vpc(), "eni-a", flows)[0].endswith("17 1 60 1418530010 1418530070 REJECT OK")


@pytest.mark.parametrize(("traffic", "actions"), [("ACCEPT", ["ACCEPT"]), ("REJECT", ["REJECT"])])
def test_a_log_of_one_kind_has_no_other(traffic: str, actions: list[str]) -> None:
    flows = {ASK: Passage(Count(1, 60), Count(2, 120))}
    state = vpc(b_may_be_sent=False)
    assert [line.split()[-2] for line in records(state, "eni-b", flows, traffic=traffic)] == actions


def test_silence_is_said() -> None:
    assert records(vpc(), "eni-b", {}) == [
        "2 123456789012 eni-b - - - - - - - 1418530010 1418530070 - NODATA"
    ]


def test_counters_that_began_anew_are_counted_from_nothing() -> None:
    meter, _ = measure(Meter(), CountedFlows({ASK: Count(9, 900)}, {ASK: Count(9, 900)}))
    meter, first = measure(meter, CountedFlows({ASK: Count(2, 200)}, {ASK: Count(2, 200)}))
    assert first == {ASK: Passage(Count(2, 200))}
    assert measure(meter, CountedFlows({}, {}))[1] == {}


def test_nothing_that_is_under_way_looks_rejected_and_nothing_is_lost() -> None:
    """Packets come in at any moment between the two looks: at the end every one of them is told once."""
    rng = random.Random(7)
    meter, flows = Meter(), dict[FlowKey, Passage]()
    seen = passed = dropped = 0
    for _ in range(200):
        early_seen = seen
        for _ in range(rng.randrange(4)):
            is_dropped = rng.random() < 0.3
            seen, passed, dropped = seen + 1, passed + (not is_dropped), dropped + is_dropped
        read = CountedFlows({ASK: Count(early_seen, early_seen)}, {ASK: Count(passed, passed)})
        meter, news = measure(meter, read)
        flows = merge(flows, news)
        assert flows.get(ASK, Passage()).rejected.packets <= dropped
    read = CountedFlows({ASK: Count(seen, seen)}, {ASK: Count(passed, passed)})
    _, news = measure(meter, read)
    assert merge(flows, news)[ASK] == Passage(Count(passed, passed), Count(dropped, dropped))


def test_a_flow_log_is_of_the_vpc_of_its_resource() -> None:
    logs = [
        FlowLog(id=f"fl-{n}", resource_id=where, log_group="g", traffic=ALL, interval_s=60)
        for n, where in enumerate(("vpc-1", "subnet-1", "eni-a", "vpc-2", "eni-gone"))
    ]
    state = vpc()
    parts: list[AnyPart] = [state.vpc, *state.subnets.values(), *state.interfaces.values(), *logs]
    known = assemble_vpcs(parts)["vpc-1"]
    assert set(known.flow_logs) == {"fl-0", "fl-1", "fl-2"}
    assert [one.id for one in known.flow_logs_of(known.interfaces["eni-b"])] == ["fl-0", "fl-1"]

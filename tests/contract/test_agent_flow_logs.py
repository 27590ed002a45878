"""Flow logs as the agent writes them: what was counted goes out at the end of an interval, once."""

from msgspec.structs import replace

from bastide.agent.network.flow_logs import FlowLogs
from bastide.model.frames import LogAck, LogBatch
from bastide.model.network import FlowLog, VpcState, assemble_vpcs
from bastide.model.network.flows import Count, CountedFlows, FlowKey
from tests.fakes.network import FakeNetwork
from tests.unit.plan.test_flow_log import A, B, vpc

TASK_ARN = "arn:aws:ecs:eu-west-1:123456789012:task/default/"
ASK = FlowKey(A, B, 6, 40000, 80)


def logged(**fields: object) -> VpcState:
    """The VPC with one log of everything, each minute."""
    state = vpc()
    plain: dict[str, object] = {"id": "fl-1", "resource_id": "vpc-1", "log_group": "flows", "traffic": "ALL"}
    one = FlowLog(**({"interval_s": 60} | plain | fields))  # type: ignore[arg-type]
    return replace(state, flow_logs={one.id: one})


class Rig:
    """An agent's flow logs over a router that has counted what a test says; task b is on another host."""

    def __init__(self) -> None:
        self.network = FakeNetwork()
        self.sent: list[LogBatch] = []
        self.is_connected = True
        self.logs = FlowLogs(self.network, lambda: {"a" * 32: TASK_ARN + "a" * 32}, self._send)

    def _send(self, batch: LogBatch) -> bool:
        if self.is_connected:
            self.sent.append(batch)
        return self.is_connected

    def count(self, seen: int, passed: int) -> None:
        counted = CountedFlows({ASK: Count(seen, seen * 60)}, {ASK: Count(passed, passed * 60)})
        self.network.flows["vpc-1"] = counted


async def test_an_intervals_records_go_out_together_at_its_end() -> None:
    rig = Rig()
    rig.logs.know({"vpc-1": logged()})
    for now_s, packets in ((1000, 0), (1020, 3), (1040, 5)):
        rig.count(packets, packets)
        await rig.logs.look(now_s)
        assert rig.sent == []
    rig.count(9, 7)
    await rig.logs.look(1060)
    (batch,) = rig.sent
    assert batch.task_arn == "arn:aws:ec2:eu-west-1:123456789012:vpc-flow-log/fl-1"
    assert (batch.target.group, batch.target.stream, batch.target.region) == (
        *("flows", "eni-a-all", "eu-west-1"),
    )
    assert [line.message for line in batch.lines] == [
        f"2 123456789012 eni-a {A} {B} 40000 80 6 9 540 1000 1060 ACCEPT OK"
    ]
    await rig.logs.look(1080)
    assert len(rig.sent) == 1


async def test_what_the_server_does_not_have_is_sent_again() -> None:
    rig = Rig()
    rig.logs.know({"vpc-1": logged()})
    rig.count(0, 0)
    await rig.logs.look(1000)
    rig.is_connected = False
    await rig.logs.look(1060)
    rig.is_connected = True
    rig.logs.reconnect()
    (batch,) = rig.sent
    assert batch.lines[0].message == "2 123456789012 eni-a - - - - - - - 1000 1060 - NODATA"
    rig.logs.acknowledge(
        LogAck(
            task_arn=batch.task_arn,
            container=batch.container,
            source=batch.source,
            sequence=batch.sequence,
        )
    )
    rig.logs.reconnect()
    assert len(rig.sent) == 1


async def test_each_log_has_its_interval_and_its_resource() -> None:
    rig = Rig()
    slow = FlowLog(id="fl-2", resource_id="eni-a", log_group="slow", traffic="REJECT", interval_s=600)
    other = FlowLog(id="fl-3", resource_id="eni-b", log_group="other", traffic="ALL", interval_s=60)
    state = logged()
    rig.logs.know({"vpc-1": replace(state, flow_logs={**state.flow_logs, "fl-2": slow, "fl-3": other})})
    rig.count(0, 0)
    for now_s in range(1000, 1601, 60):
        await rig.logs.look(now_s)
    groups = [batch.target.group for batch in rig.sent]
    assert (groups.count("flows"), groups.count("slow"), groups.count("other")) == (10, 1, 0)


async def test_a_log_that_is_gone_tells_no_more() -> None:
    rig = Rig()
    rig.logs.know({"vpc-1": logged()})
    rig.count(0, 0)
    await rig.logs.look(1000)
    rig.logs.know(assemble_vpcs([vpc().vpc]))
    await rig.logs.look(1060)
    assert rig.sent == []


async def test_what_an_interface_saw_last_is_told_when_it_goes_and_not_again() -> None:
    rig = Rig()
    rig.logs.know({"vpc-1": logged()})
    rig.count(0, 0)
    await rig.logs.look(1000)
    rig.count(4, 3)
    await rig.logs.leave("a" * 32, 1007)
    await rig.logs.leave("a" * 32, 1008)
    (batch,) = rig.sent
    assert [line.message for line in batch.lines] == [
        f"2 123456789012 eni-a {A} {B} 40000 80 6 4 240 1000 1007 ACCEPT OK"
    ]
    await rig.logs.look(1060)
    assert len(rig.sent) == 1

"""Writes flow logs: reads what the VPCs' routers have counted, sends the server each interface's records.

A log's records of one interval go out together, as a batch of lines of the log's own stream for the
interface, the last ones when the interface goes. They are kept until the server has them. What was counted
when the agent ends is lost with it, as AWS too promises no flow log to be whole. Used from the agent's event
loop only.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping

import msgspec

from bastide.host.ports import Network
from bastide.model.arn import Parsed, parse_arn
from bastide.model.assignment import LogLine, LogTarget
from bastide.model.faults import Fault
from bastide.model.frames import LogAck, LogBatch
from bastide.model.network import FlowLog, Interface, VpcState
from bastide.model.network.flows import FlowKey
from bastide.plan.flow_log import Meter, Passage, measure, merge, render_records

log = logging.getLogger(__name__)

LOOK_S = 20.0  # well within the time the router keeps a silent flow
UNSTORED_MAX = 1000  # batches kept while the server is away; then the oldest go
SOURCE = "flow"


class Window(msgspec.Struct):
    """What a log is to tell at the end of its interval."""

    started_s: int
    flows: dict[FlowKey, Passage] = {}


class FlowLogs:
    """Of every VPC that is used on this host. `tasks`: the ARN of each task here, by its id."""

    def __init__(
        self,
        network: Network,
        tasks: Callable[[], Mapping[str, str]],
        send: Callable[[LogBatch], bool],
    ) -> None:
        self._network, self._tasks, self._send = network, tasks, send
        self._states: Mapping[str, VpcState] = {}
        self._meters: dict[str, Meter] = {}
        self._windows: dict[str, Window] = {}  # by log
        self._unstored: dict[tuple[str, str, int], LogBatch] = {}
        self._reading = asyncio.Lock()
        self._left: set[str] = set()  # interfaces of which all has been told

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look(int(time.time()))
            except Fault as fault:
                log.warning("flows cannot be read", extra={"why": str(fault)})

    def know(self, states: Mapping[str, VpcState]) -> None:
        """These are the VPCs from now on, by id."""
        self._states = states
        self._left &= {interface_id for state in states.values() for interface_id in state.interfaces}

    def reconnect(self) -> None:
        """A new session: what the server may not have is sent again."""
        for batch in self._unstored.values():
            self._send(batch)

    def acknowledge(self, ack: LogAck) -> None:
        """The server has stored a batch, or refused it for good."""
        batch = self._unstored.pop((ack.task_arn, ack.container, ack.sequence), None)
        if batch is not None and ack.error is not None:
            log.warning("flow log refused", extra={"log": ack.task_arn, "why": ack.error})

    async def leave(self, task_id: str, now_s: int) -> None:
        """The task's interface is to go: tell what it saw since the last interval's end. Repeatable."""
        for state in self._states.values():
            for interface in state.interfaces.values():
                logs = state.flow_logs_of(interface) if interface.task_id == task_id else []
                if logs and interface.id not in self._left:
                    await self._read(state.vpc.id, now_s)
                    for one in logs:
                        window = self._windows.get(one.id, Window(now_s))
                        self._tell(state, one, window, now_s, only=interface)
                    self._left.add(interface.id)

    async def look(self, now_s: int) -> None:
        """Read every router that counts, and send what is due."""
        logs = {one.id: (state, one) for state in self._states.values() for one in state.flow_logs.values()}
        self._windows = {log_id: window for log_id, window in self._windows.items() if log_id in logs}
        for vpc_id in {state.vpc.id for state, _ in logs.values()}:
            await self._read(vpc_id, now_s)
        for state, one in logs.values():
            window = self._windows[one.id]
            if now_s - window.started_s >= one.interval_s:
                self._tell(state, one, window, now_s)
                self._windows[one.id] = Window(now_s)

    async def _read(self, vpc_id: str, now_s: int) -> None:
        async with self._reading:  # what is read later counts later
            counted = await self._network.read_flows(vpc_id)
            self._meters[vpc_id], flows = measure(self._meters.get(vpc_id, Meter()), counted)
        for one in self._states[vpc_id].flow_logs.values():
            window = self._windows.setdefault(one.id, Window(now_s))
            window.flows = merge(window.flows, flows)

    def _tell(
        self, state: VpcState, one: FlowLog, window: Window, now_s: int, *, only: Interface | None = None
    ) -> None:
        for interface, owner in self._interfaces(state, one):
            if only is not None and interface != only:
                continue
            lines = render_records(
                state,
                interface,
                window.flows,
                traffic=one.traffic,
                account=owner.account,
                window=(window.started_s, now_s),
            )
            self._keep(_batch(one, interface, owner, lines, now_s))

    def _interfaces(self, state: VpcState, one: FlowLog) -> Iterator[tuple[Interface, Parsed]]:
        """Those of tasks of this host that the log is about."""
        tasks = self._tasks()
        for interface in state.interfaces.values():
            owner = parse_arn(tasks.get(interface.task_id, ""))
            is_told = interface.id in self._left
            if owner is not None and not is_told and one in state.flow_logs_of(interface):
                yield interface, owner

    def _keep(self, batch: LogBatch) -> None:
        self._unstored[batch.task_arn, batch.container, batch.sequence] = batch
        while len(self._unstored) > UNSTORED_MAX:
            del self._unstored[next(iter(self._unstored))]
        self._send(batch)


def _batch(one: FlowLog, interface: Interface, owner: Parsed, lines: list[str], now_s: int) -> LogBatch:
    """The stream is named as AWS names it."""
    return LogBatch(
        task_arn=f"arn:{owner.partition}:ec2:{owner.region}:{owner.account}:vpc-flow-log/{one.id}",
        container=interface.id,
        source=SOURCE,
        sequence=now_s,
        target=LogTarget(
            group=one.log_group,
            stream=f"{interface.id}-{one.traffic.lower()}",
            region=owner.region,
            create_group=True,
        ),
        lines=tuple(LogLine(now_s * 1000, line) for line in lines),
    )

"""Flow log records out of what the router has counted: which packets an interface saw, and their end.

The router counts each flow twice, before it is judged and after. What is missing after was rejected; at whose
interface, the same rules say that made it so (plan/paths). Records are of version 2 (VPC user guide, "Flow
log records"). Pure.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from bastide.model.network import Interface, VpcState
from bastide.model.network.flows import NOTHING, Count, CountedFlows, FlowKey
from bastide.plan.paths.way import explain, owner_of
from bastide.plan.paths.words import Packets

ACCEPT, REJECT, ALL = "ACCEPT", "REJECT", "ALL"


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """What was read last, and what of it could not be told yet."""

    seen: dict[FlowKey, Count] = {}
    passed: dict[FlowKey, Count] = {}
    owed: dict[FlowKey, Count] = {}  # seen less passed; negative while packets were between the two looks


class Passage(NamedTuple):
    """What became of a flow's packets since the last look."""

    accepted: Count = NOTHING
    rejected: Count = NOTHING


def measure(meter: Meter, counted: CountedFlows) -> tuple[Meter, dict[FlowKey, Passage]]:
    """What has passed and what was rejected since the last look; nothing under way looks rejected."""
    seen, passed = counted
    passages: dict[FlowKey, Passage] = {}
    owed: dict[FlowKey, Count] = {}
    for key in seen.keys() | passed.keys():
        accepted = _grown(meter.passed.get(key), passed.get(key))
        left = meter.owed.get(key, NOTHING).plus(_grown(meter.seen.get(key), seen.get(key))).minus(accepted)
        rejected = Count(left.packets, max(0, left.bytes)) if left.packets > 0 else NOTHING
        if left.packets < 0:
            owed[key] = left
        if accepted.packets or rejected.packets:
            passages[key] = Passage(accepted, rejected)
    return Meter(seen=dict(seen), passed=dict(passed), owed=owed), passages


def merge(flows: Mapping[FlowKey, Passage], more: Mapping[FlowKey, Passage]) -> dict[FlowKey, Passage]:
    """Both looks as one."""
    merged = dict(flows)
    for key, passage in more.items():
        before = merged.get(key, Passage())
        merged[key] = Passage(before.accepted.plus(passage.accepted), before.rejected.plus(passage.rejected))
    return merged


def render_records(
    state: VpcState,
    interface: Interface,
    flows: Mapping[FlowKey, Passage],
    *,
    traffic: str,
    account: str,
    window: tuple[int, int],
) -> list[str]:
    """The interface's records of one window (epoch seconds); one that says so where there were none."""
    own = {one.private_ip for one in interface.addresses}
    lines = [
        _record(account, interface.id, key, count, window, action)
        for key, passage in sorted(flows.items())
        if key.source in own or key.destination in own
        for action, count in _at(state, interface, key, passage)
        if traffic in (ALL, action)
    ]
    return lines or [f"2 {account} {interface.id} - - - - - - - {window[0]} {window[1]} - NODATA"]


def _at(state: VpcState, interface: Interface, key: FlowKey, passage: Passage) -> Iterator[tuple[str, Count]]:
    """What the interface saw: a packet that the receiver rejected was accepted where it was sent."""
    accepted, rejected = passage
    if rejected.packets:
        stopped_at = _stopping_interface(state, key)
        if stopped_at == interface.id:
            yield REJECT, rejected
        elif key.source in {one.private_ip for one in interface.addresses}:
            accepted = accepted.plus(rejected)
    if accepted.packets:
        yield ACCEPT, accepted


def _stopping_interface(state: VpcState, key: FlowKey) -> str:
    """At which end the rules stop the flow; the receiver's where they would let it pass by now."""
    sender, receiver = owner_of(state, key.source), owner_of(state, key.destination)
    if sender is None or receiver is None:
        return (sender or receiver or Interface(id="", vpc_id="", subnet_id="", mac="", addresses=())).id
    last = explain(state, Packets(key.source, key.destination, key.protocol, key.port))[-1]
    return sender.id if not last.passes and last.is_sent else receiver.id


def _grown(before: Count | None, now: Count | None) -> Count:
    """By how much; a counter that is smaller than before was begun anew."""
    if now is None:
        return NOTHING
    return now.minus(before) if before is not None and before.packets <= now.packets else now


def _record(
    account: str, interface_id: str, key: FlowKey, count: Count, window: tuple[int, int], action: str
) -> str:
    ends = f"{key.source} {key.destination} {key.source_port} {key.port} {key.protocol}"
    return (
        f"2 {account} {interface_id} {ends} {count.packets} {count.bytes} {window[0]} {window[1]} {action} OK"
    )

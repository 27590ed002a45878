"""Reads what a VPC's router has counted: flows, and what each link carried. Nothing is reset by it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bastide.host.network.nft import read_set
from bastide.model.network.flows import PASSED, PORTLESS, SEEN, VPC_TABLE, Count, CountedFlows, FlowKey
from bastide.model.usage import Traffic

LINKS = Path("/proc/thread-self/net/dev")


async def read_flows(router: Path) -> CountedFlows:
    """Every flow that had a packet lately; none where nobody counts."""
    seen = await _read(router, SEEN)  # first: what comes in meanwhile then does not look rejected
    return CountedFlows(seen, await _read(router, PASSED))


async def _read(router: Path, name: str) -> dict[FlowKey, Count]:
    flows: dict[FlowKey, Count] = {}
    for one in (name, name + PORTLESS):
        if text := await read_set(VPC_TABLE, one, netns=router):
            flows |= parse_flows(json.loads(text))
    return flows


def parse_flows(listed: Any) -> Iterator[tuple[FlowKey, Count]]:
    """From nft's JSON."""
    for entry in listed["nftables"]:
        for element in entry.get("set", {}).get("elem", ()):
            held = element["elem"]
            source, destination, protocol, *ports = held["val"]["concat"]
            counter = held["counter"]
            key = FlowKey(source, destination, protocol, *ports)
            yield key, Count(counter["packets"], counter["bytes"])


def read_traffic(link: str) -> Traffic | None:
    """What went over a task's link, seen from the task: what its router sends, the task receives.

    Of the calling thread's namespace.
    """
    for line in LINKS.read_text().splitlines():
        name, _, counts = line.partition(":")
        if name.strip() == link:
            numbers = [int(word) for word in counts.split()]
            (tx, tx_packets, tx_errors, tx_dropped), (rx, rx_packets, rx_errors, rx_dropped) = (
                numbers[:4],
                numbers[8:12],
            )
            return Traffic(
                rx_bytes=rx,
                rx_packets=rx_packets,
                rx_errors=rx_errors,
                rx_dropped=rx_dropped,
                tx_bytes=tx,
                tx_packets=tx_packets,
                tx_errors=tx_errors,
                tx_dropped=tx_dropped,
            )
    return None

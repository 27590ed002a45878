"""Reads what a VPC's router has counted of flows. Nothing is reset by it, so no packet is lost."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bastide.host.command import CommandFailed, run
from bastide.host.network.nft import TIMEOUT_S
from bastide.model.network.flows import PASSED, PORTLESS, SEEN, Count, CountedFlows, FlowKey

_TABLE = "vpc"


async def read_flows(router: Path) -> CountedFlows:
    """Every flow that had a packet lately; none where nobody counts."""
    seen = await _read(router, SEEN)  # first: what comes in meanwhile then does not look rejected
    return CountedFlows(seen, await _read(router, PASSED))


async def _read(router: Path, name: str) -> dict[FlowKey, Count]:
    flows: dict[FlowKey, Count] = {}
    for one in (name, name + PORTLESS):
        flows |= parse_flows(await _list(router, one))
    return flows


async def _list(router: Path, name: str) -> Any:
    inside = ("nsenter", f"--net={router}")
    try:
        text = await run(*inside, "nft", "-jn", "list", "set", "inet", _TABLE, name, timeout_s=TIMEOUT_S)
    except CommandFailed as failed:
        if "No such file or directory" in failed.stderr:
            return {"nftables": []}
        raise
    return json.loads(text)


def parse_flows(listed: Any) -> Iterator[tuple[FlowKey, Count]]:
    """From nft's JSON."""
    for entry in listed["nftables"]:
        for element in entry.get("set", {}).get("elem", ()):
            held = element["elem"]
            source, destination, protocol, *ports = held["val"]["concat"]
            counter = held["counter"]
            key = FlowKey(source, destination, protocol, *ports)
            yield key, Count(counter["packets"], counter["bytes"])

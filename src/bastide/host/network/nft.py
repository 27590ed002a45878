"""nftables: one `nft -j -f -` per change set, in one namespace; and what a table holds.

A change set is one kernel transaction: all of it or nothing. What the commands say is decided elsewhere
(plan/firewall), whose functions are given to the network as `Firewall`: host and plan stay strangers.
"""

import json
import socket
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyroute2.nftables.main import NFTables

from bastide.host.command import CommandFailed, run
from bastide.host.network.firewall import Command

TIMEOUT_S = 10.0
_INET = 1  # NFPROTO_INET
_NETLINK_NETFILTER = 12
_GET_GENERATION = (10 << 8) | 16  # NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN


async def apply_rules(commands: Sequence[Command], *, netns: Path | None = None) -> None:
    """Apply the commands in one transaction; CommandFailed and no change when one of them cannot be."""
    if commands:
        text = json.dumps({"nftables": list(commands)})
        await run(*_inside(netns), "nft", "-j", "-f", "-", stdin=text, timeout_s=TIMEOUT_S)


async def read_listing(table: str, *, netns: Path | None = None) -> str:
    """An inet table as nft's JSON shows it; empty when there is none."""
    try:
        return await run(*_inside(netns), "nft", "-j", "list", "table", "inet", table, timeout_s=TIMEOUT_S)
    except CommandFailed as failed:
        if "No such file or directory" in failed.stderr:
            return ""
        raise


async def read_elements(table: str, *, netns: Path | None = None) -> dict[str, list[Any]]:
    """The elements of every set and map of an inet table by name; none when there is no such table."""
    text = await read_listing(table, netns=netns)
    return parse_elements(json.loads(text)) if text else {}


def read_tables() -> list[str]:
    """Names of the inet tables of the calling thread's namespace; blocks for a millisecond."""
    with NFTables(nfgen_family=_INET) as netlink:
        return [table.get_attr("NFTA_TABLE_NAME") for table in netlink.get_tables()]


def read_generation() -> int:
    """Grows by one with every transaction in the calling thread's namespace, whoever makes it."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as line:
        line.bind((0, 0))
        line.send(struct.pack("=IHHIIBBH", 20, _GET_GENERATION, 1, 1, 0, 0, 0, 0))
        # Headers of netlink (16) and nfnetlink (4), then the first attribute: the number.
        return int(struct.unpack_from(">I", line.recv(4096), 24)[0])


async def remove_table(table: str) -> None:
    """Repeatable: adding first makes deleting certain, in one transaction."""
    named = {"family": "inet", "name": table}
    await apply_rules([{"add": {"table": named}}, {"delete": {"table": named}}])


def parse_elements(listed: Mapping[str, Any]) -> dict[str, list[Any]]:
    """By set or map name, from nft's JSON."""
    held: dict[str, list[Any]] = {}
    for entry in listed["nftables"]:
        for kind in ("set", "map"):
            if kind in entry:
                held[entry[kind]["name"]] = list(entry[kind].get("elem", ()))
    return held


def _inside(netns: Path | None) -> tuple[str, ...]:
    return () if netns is None else ("nsenter", f"--net={netns}")

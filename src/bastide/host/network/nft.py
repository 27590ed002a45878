"""nftables: one `nft -j -f -` per change set, in one namespace; and what a table holds.

A change set is one kernel transaction: all of it or nothing. What the commands say is decided elsewhere
(plan/firewall), whose functions are given to the network as `Firewall`: host and plan stay strangers.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyroute2.nftables.main import NFTables

from bastide.host.command import CommandFailed, run
from bastide.host.network.firewall import Command
from bastide.host.network.netlink.dumps import HEADER, NETLINK_NETFILTER, attributes, open_netlink

TIMEOUT_S = 10.0
_INET = 1  # NFPROTO_INET
_GET_GENERATION = (10 << 8) | 16  # NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN
_ID = 1  # NFTA_GEN_ID
_REQUEST = 1  # NLM_F_REQUEST
_HEAD_BYTES = 4  # struct nfgenmsg


async def apply_rules(commands: Sequence[Command], *, netns: Path | None = None) -> None:
    """Apply the commands in one transaction; CommandFailed and no change when one of them cannot be."""
    if commands:
        text = json.dumps({"nftables": list(commands)})
        await run(*_inside(netns), "nft", "-j", "-f", "-", stdin=text, timeout_s=TIMEOUT_S)


async def read_listing(table: str, *, netns: Path | None = None) -> str:
    """An inet table as nft's JSON shows it; empty when there is none."""
    return await _list(netns, "-j", "table", table)


async def read_set(table: str, name: str, *, netns: Path | None = None) -> str:
    """A set of an inet table as nft's JSON shows it, in numbers; empty when there is none."""
    return await _list(netns, "-jn", "set", table, name)


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
    with open_netlink(NETLINK_NETFILTER) as line:
        line.send(
            HEADER.pack(HEADER.size + _HEAD_BYTES, _GET_GENERATION, _REQUEST, 1, 0) + bytes(_HEAD_BYTES)
        )
        numbered = attributes(line.recv(4096)[HEADER.size + _HEAD_BYTES :])
    return int(struct.unpack(">I", numbered[_ID])[0])


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


async def _list(netns: Path | None, how: str, kind: str, *named: str) -> str:
    try:
        return await run(*_inside(netns), "nft", how, "list", kind, "inet", *named, timeout_s=TIMEOUT_S)
    except CommandFailed as failed:
        if "No such file or directory" in failed.stderr:
            return ""
        raise


def _inside(netns: Path | None) -> tuple[str, ...]:
    return () if netns is None else ("nsenter", f"--net={netns}")

"""The nft table of each VPC's router: made from the VPC's parts, applied as the smallest change.

What the kernel holds is known by its generation, a number that grows with every change anybody makes in a
namespace: as long as it is the one our last change left, the table is as we left it. Otherwise, and after a
restart, the whole table is put in the place of what is there, in one transaction: known flows go on.
"""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from bastide.host.command import CommandFailed
from bastide.host.network import nft
from bastide.host.network.firewall import Firewall, Table
from bastide.host.network.netlink.flows import cut_flows
from bastide.host.network.netns import inside
from bastide.model.faults import Unavailable
from bastide.model.network import VpcState

log = logging.getLogger(__name__)

ATTEMPTS = 3  # somebody else may change the table at the same moment


class _Applied(msgspec.Struct, frozen=True):
    """What a table was made from and is, and the generation it left."""

    state: VpcState
    table: Table
    generation: int


class Rules:
    """The tables of one instance's VPCs. Callers see to it that one VPC has one call at a time."""

    def __init__(self, firewall: Firewall) -> None:
        self._firewall = firewall
        self._applied: dict[str, _Applied] = {}

    async def ensure(self, state: VpcState, router: Path) -> None:
        """Packets in the router meet what the VPC's parts say."""
        vpc_id = state.vpc.id
        for _ in range(ATTEMPTS):
            generation = await inside(router, lambda _: nft.read_generation())
            applied = self._applied.pop(vpc_id, None)
            if applied and applied.generation != generation:
                log.warning("somebody else changed a VPC's packet rules", extra={"vpc": vpc_id})
                applied = None
            if applied and applied.state == state:
                self._applied[vpc_id] = applied
                return
            table = self._firewall.plan_vpc(state)
            changed = await self._apply(applied, table, router)
            now = await inside(router, lambda _: nft.read_generation())
            if applied and self._firewall.may_cut(applied.state, state):
                await self._cut(applied.state, state, router)
            if now == generation + changed:
                self._applied[vpc_id] = _Applied(state, table, now)
                return
        raise Unavailable("packet rules", vpc_id, why=f"somebody else keeps changing the rules of {vpc_id}")

    def public_addresses_of(self, state: VpcState) -> Sequence[str]:
        """The addresses by which the outside speaks to the VPC."""
        return self._firewall.public_addresses_of(state)

    def forget(self, vpc_id: str) -> None:
        """The router is gone, and its table with it."""
        self._applied.pop(vpc_id, None)

    async def _cut(self, old: VpcState, new: VpcState, router: Path) -> None:
        """End the flows that the change ends; after it, or their next packets would begin them anew."""
        choose = partial(self._firewall.plan_cuts, old, new)
        cut = await inside(router, lambda _: cut_flows(choose))
        if cut:
            log.info("flows ended by a change of rules", extra={"vpc": new.vpc.id, "flows": cut})

    async def _apply(self, applied: _Applied | None, table: Table, router: Path) -> int:
        """Apply, and how many transactions that took."""
        if applied:
            change = self._firewall.plan_table(applied.table, table)
            try:
                await nft.apply_rules(change, netns=router)
                return 1 if change else 0
            except CommandFailed as failed:
                log.warning("a change of packet rules was refused", extra={"why": failed.stderr[:500]})
        await nft.apply_rules(self._firewall.render_table(table), netns=router)
        return 1

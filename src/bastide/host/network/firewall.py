"""What the network needs of the packet rules' author: `bastide.plan.firewall`, handed in by the agent.

host and plan are strangers; the agent, which knows both, passes the one to the other. A module with
these functions is such an author.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

from bastide.model.network import Flow, HostGuard, VpcState

Command = dict[str, Any]
Table = Any  # the author's own value; the host only hands it back


class Firewall(Protocol):
    """Renders nft's JSON commands; decides nothing from the host's state but what it is given."""

    def plan_vpc(self, state: VpcState) -> Table:
        """A VPC router's table."""

    def plan_table(self, old: Table, new: Table) -> list[Command]:
        """From the one table to the other, in one transaction."""

    def render_table(self, table: Table) -> list[Command]:
        """The table whole, whatever is there, in one transaction."""

    def may_cut(self, old: VpcState, new: VpcState) -> bool:
        """Whether any known flow could end by the change."""

    def plan_cuts(self, old: VpcState, new: VpcState, flows: Iterable[Flow]) -> Collection[Flow]:
        """The flows that end by it."""

    def render_host_table(self, host: HostGuard) -> list[Command]:
        """The host's guard."""

    def public_addresses_of(self, state: VpcState) -> Sequence[str]:
        """The addresses this host sends into the VPC."""

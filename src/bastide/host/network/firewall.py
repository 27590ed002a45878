"""What the network needs of the packet rules' author: `bastide.plan.firewall`, handed in by the agent.

host and plan are strangers; the agent, which knows both, passes the one to the other. A module with
these functions is such an author.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any, Protocol

from bastide.model.network import HostGuard, Port

Command = dict[str, Any]
Elements = Mapping[str, Sequence[Any]]


class Firewall(Protocol):
    """Renders nft's JSON commands; decides nothing from the host's state but what it is given."""

    def render_vpc_table(self, cidr: IPv4Network) -> list[Command]:
        """A VPC router's table without its interfaces."""

    def render_host_table(self, host: HostGuard) -> list[Command]:
        """The host's guard."""

    def render_added(self, port: Port) -> list[Command]:
        """One interface in; refused as a whole when one of its addresses is somebody else's."""

    def render_removed(self, port: Port) -> list[Command]:
        """One interface out; refused as a whole when not all of it is there."""

    def plan_port(self, present: Elements, port: Port) -> list[Command]:
        """From what the table holds to the interface as it should be."""

    def plan_removal(self, present: Elements, port: Port) -> list[Command]:
        """One interface out, whatever of it is there."""

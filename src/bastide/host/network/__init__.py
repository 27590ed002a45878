"""A VPC on one host: namespaces, links, addresses, packet rules. `VpcNetwork` is `ports.Network`."""

from bastide.host.network.enis import VpcNetwork

__all__ = ["VpcNetwork"]

"""The network as packets meet it: every part of every VPC, as hosts are told it."""

import msgspec

from bastide.api.agents.network import read_parts
from bastide.api.operator.operation import Context, Reads
from bastide.model.network import AnyPart
from bastide.store import Txn


class NetworkAsked(msgspec.Struct, frozen=True):
    """All of it."""


class NetworkShown(msgspec.Struct, frozen=True):
    """The parts of all VPCs, of every account and region."""

    parts: list[AnyPart]


def show_network(txn: Txn, ctx: Context, asked: NetworkAsked) -> NetworkShown:
    """Every part there is."""
    return NetworkShown(read_parts(txn))


SHOW_NETWORK = Reads("show-network", NetworkAsked, NetworkShown, show_network)
OPERATIONS = (SHOW_NETWORK,)

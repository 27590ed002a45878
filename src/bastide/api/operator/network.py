"""The network as packets meet it: every part of every VPC, as hosts are told it."""

from bastide.api.agents.network import read_parts
from bastide.api.operator.operation import Context, Reads
from bastide.model.messages.asked import SHOW_NETWORK, NetworkAsked, NetworkShown
from bastide.store import Txn


def show_network(txn: Txn, ctx: Context, asked: NetworkAsked) -> NetworkShown:
    """Every part there is."""
    return NetworkShown(read_parts(txn))


OPERATIONS = (Reads(SHOW_NETWORK, show_network),)

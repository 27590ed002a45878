"""Which addresses of a subnet and of the public pool are free, and taking one of the latter.

An address of a subnet is taken by the interface whose record bears it as its name, one of the pool by a
record of its own. Looked for from a place that a seed names: what comes one after another seldom gets each
other's place, so an address is not used again at once.
"""

import hashlib
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network

from bastide.model.network import kinds
from bastide.store.records import Record
from bastide.store.txn import Txn

RESERVED_FIRST, RESERVED_LAST = 4, 1  # of a subnet: VPC user guide, "Subnet sizing"
POOL_RESERVED_FIRST = 2  # network, and the host's own end


def find_free_address(txn: Txn, subnet: Record, seed: str) -> IPv4Address | None:
    """An address of the subnet that no interface has; None when it is full."""
    block = IPv4Network(subnet.document["CidrBlock"])
    if txn.count(kinds.NETWORK_INTERFACE, parent=subnet.key) >= count_usable(block):
        return None
    return choose_address(block, seed, lambda address: is_free(txn, subnet, address))


def is_free(txn: Txn, subnet: Record, address: IPv4Address) -> bool:
    """Whether no interface of the subnet has the address."""
    return txn.count(kinds.NETWORK_INTERFACE, parent=subnet.key, name=str(address)) == 0


def find_public_address(txn: Txn, pool: IPv4Network, seed: str) -> IPv4Address | None:
    """An address of the pool that nobody has; None when it is empty."""
    if txn.count(kinds.PUBLIC_ADDRESS) >= count_usable(pool, reserved_first=POOL_RESERVED_FIRST):
        return None
    return choose_address(
        pool,
        seed,
        lambda address: txn.get(kinds.PUBLIC_ADDRESS, str(address)) is None,
        reserved_first=POOL_RESERVED_FIRST,
    )


def take_public_address(txn: Txn, address: IPv4Address | str, *, holder: str) -> None:
    """Note that an interface or an elastic address has it."""
    txn.put(Record(kinds.PUBLIC_ADDRESS, str(address), "", {}, parent=holder))


def return_public_address(txn: Txn, address: str, *, holder: str) -> None:
    """Give it back to the pool, if it is still the holder's. Repeatable."""
    record = txn.get(kinds.PUBLIC_ADDRESS, address)
    if record is not None and record.parent == holder:
        txn.delete(record)


def count_usable(block: IPv4Network, *, reserved_first: int = RESERVED_FIRST) -> int:
    """How many addresses of the block may be given away."""
    return max(block.num_addresses - reserved_first - RESERVED_LAST, 0)


def choose_address(
    block: IPv4Network,
    seed: str,
    is_free: Callable[[IPv4Address], bool],
    *,
    reserved_first: int = RESERVED_FIRST,
) -> IPv4Address | None:
    """A free address of the block, None when all are taken."""
    return next((a for a in _walk(block, seed, reserved_first=reserved_first) if is_free(a)), None)


def _walk(block: IPv4Network, seed: str, *, reserved_first: int) -> Iterator[IPv4Address]:
    size = count_usable(block, reserved_first=reserved_first)
    if size == 0:
        return
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big") % size
    first = int(block.network_address) + reserved_first
    for offset in range(size):
        yield IPv4Address(first + (start + offset) % size)

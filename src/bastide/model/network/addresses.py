"""Addresses and names of a VPC's parts, derived and never drawn.

Owns which addresses a subnet and the public pool give away, the MAC of an interface and its private host
name. Chooses no address (the server does) and touches no link (the host does). Pure.
"""

import hashlib
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from bastide.model.arn import Mac

VPC_MTU = 9001  # bytes inside a VPC; a Fargate task's eth0 shows it
INTERNET_MTU = 1500  # bytes through the internet gateway; VPC guide, "Jumbo frames (9001 MTU)"
METADATA_IP = "169.254.170.2"  # task metadata and credentials: never given to anything else
API_IP = "169.254.170.3"  # the API, in every VPC; beside the metadata, as both are the platform's
INTERFACES = "eni-"  # how ids of interfaces begin
ENI_LINKS = "eni"  # how the links of tasks begin, inside a VPC's namespace
POOLS = IPv4Network("198.18.0.0/15")  # RFC 2544: private to this machine, so never a public host's address
_POOL_BITS = 24


def public_pool(instance: str, configured: str = "") -> IPv4Network:
    """The installation's public addresses: as configured, else a /24 that its name picks out of POOLS.

    Preconditions: `configured` is empty or a CIDR of /29 or wider.
    """
    if configured:
        return IPv4Network(configured)
    digest = hashlib.sha256(f"public pool {instance}".encode()).digest()
    index = int.from_bytes(digest[:4], "big") % (1 << (_POOL_BITS - POOLS.prefixlen))
    return IPv4Network((int(POOLS.network_address) + (index << (32 - _POOL_BITS)), _POOL_BITS))


def host_address(pool: IPv4Network) -> IPv4Address:
    """What a task sees when this host calls it: the pool's first address, never given to a task."""
    return pool.network_address + 1


def public_addresses(pool: IPv4Network) -> Iterator[IPv4Address]:
    """The pool's addresses a task may get, in order."""
    first, last = int(pool.network_address) + 2, int(pool.broadcast_address) - 1
    return (IPv4Address(number) for number in range(first, last + 1))


def subnet_router(subnet: IPv4Network) -> IPv4Address:
    """The subnet's default gateway."""
    return subnet.network_address + 1


def vpc_resolver(vpc: IPv4Network) -> IPv4Address:
    """Where a VPC's names are resolved: its base address plus two."""
    return vpc.network_address + 2


def reserved_addresses(subnet: IPv4Network) -> frozenset[IPv4Address]:
    """Network, router, DNS, future use, and the last: the five of VPC guide, "Subnet sizing"."""
    return frozenset((*(subnet.network_address + offset for offset in range(4)), subnet.broadcast_address))


def usable_addresses(subnet: IPv4Network) -> Iterator[IPv4Address]:
    """The subnet's addresses an interface may get, in order."""
    first, last = int(subnet.network_address) + 4, int(subnet.broadcast_address) - 1
    return (IPv4Address(number) for number in range(first, last + 1))


def mac_of(eni_id: str) -> Mac:
    """The interface's hardware address: locally administered, 0a as EC2's are, the rest from the id."""
    return Mac(":".join(("0a", *(f"{byte:02x}" for byte in hashlib.sha256(eni_id.encode()).digest()[:5]))))


def private_domain(region: str) -> str:
    """`<region>.compute.internal`; us-east-1 keeps its older `ec2.internal`."""
    return "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"


def public_domain(region: str) -> str:
    """What public addresses are named in; us-east-1 keeps its older `compute-1`."""
    return "compute-1.amazonaws.com" if region == "us-east-1" else f"{region}.compute.amazonaws.com"


def private_dns_name(address: IPv4Address | str, region: str) -> str:
    """`ip-10-0-0-5` in the region's domain."""
    return f"ip-{str(address).replace('.', '-')}.{private_domain(region)}"


def eni_link(owner: str) -> str:
    """The router's end of an interface's veth pair, inside the VPC's namespace; owner: a task, or itself."""
    return f"{ENI_LINKS}{owner.removeprefix(INTERFACES)[:12]}"

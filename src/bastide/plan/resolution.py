"""What a VPC's resolver says to a question, without asking anybody.

An address's name is made from the address and read back by arithmetic, so it needs no record and cannot be
out of date; only which private address a public one stands for is looked up. What is private to a network
(10.in-addr.arpa, names without a dot) is answered here or nowhere and never sent on. Pure.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network

from bastide.model.network import API_IP, private_domain, public_domain
from bastide.model.network.names import (
    API_NAME,
    TYPE_A,
    TYPE_AAAA,
    TYPE_ANY,
    TYPE_PTR,
    Resolution,
    Said,
    VpcNames,
    Zone,
)
from bastide.model.registry.host_name import parse_registry_host

REVERSE = ".in-addr.arpa"
# RFC 6303 and the resolver's own rules in the Route 53 guide, "Autodefined system rules".
PRIVATE_NETWORKS = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "255.255.255.255/32",
        ),
    )
)
INTERNAL_ZONES = ("compute.internal", "ec2.internal")
_DASHED = re.compile(r"(\d{1,3})-(\d{1,3})-(\d{1,3})-(\d{1,3})")
_FORWARD = Resolution(Said.FORWARD)


def resolve(names: VpcNames, name: str, kind: int) -> Resolution:
    """The answer to a question of class IN. Preconditions: `name` is in lower case, without the last dot."""
    for zone in sorted(names.zones, key=lambda zone: -len(zone.name)):
        if _is_below(name, zone.name):
            return _resolve_in_zone(zone, name, kind)
    if names.registry_domain and _is_apis(names, name):
        return _addresses((API_IP,), kind, zone=name)
    if name.endswith(REVERSE):
        return _resolve_reverse(names, name, kind)
    for internal in INTERNAL_ZONES:
        if _is_below(name, internal):
            return _resolve_private(names, name, kind, zone=internal)
    if name.endswith("." + public_domain(names.region)):
        return _resolve_public(names, name, kind)
    if "." not in name and kind in (TYPE_A, TYPE_AAAA):
        return Resolution(Said.NO_NAME)  # a name of the LAN's, if of anybody's
    return _FORWARD


def _is_apis(names: VpcNames, name: str) -> bool:
    return name == API_NAME or parse_registry_host(name, names.registry_domain) is not None


def _resolve_in_zone(zone: Zone, name: str, kind: int) -> Resolution:
    addresses = zone.addresses.get(name) or zone.addresses.get(f"*.{name.partition('.')[2]}")
    if addresses is not None:
        return _addresses(addresses, kind, zone=zone.name)
    is_parent = name == zone.name or any(_is_below(known, name) for known in zone.addresses)
    return Resolution(Said.NO_DATA if is_parent else Said.NO_NAME, zone=zone.name)


def _resolve_private(names: VpcNames, name: str, kind: int, *, zone: str) -> Resolution:
    domain = private_domain(names.region)
    first, _, rest = name.partition(".")
    address = _parse_dashed(first, "ip-") if rest == domain else None
    if address is not None and names.has_hostnames and _is_in_vpc(names, address):
        return _addresses((str(address),), kind, zone=zone)
    return Resolution(Said.NO_DATA if _is_below(domain, name) else Said.NO_NAME, zone=zone)


def _resolve_public(names: VpcNames, name: str, kind: int) -> Resolution:
    domain = public_domain(names.region)
    address = _parse_dashed(name.removesuffix("." + domain), "ec2-")
    if address is None or address not in IPv4Network(names.pool):
        return _FORWARD  # AWS's own
    if not names.has_hostnames:
        return Resolution(Said.NO_NAME, zone=domain)
    # Within its VPC a public name means the private address; VPC guide, "DNS hostnames".
    inside = names.private_by_public.get(str(address), str(address))
    return _addresses((inside,), kind, zone=domain)


def _resolve_reverse(names: VpcNames, name: str, kind: int) -> Resolution:
    digits = name.removesuffix(REVERSE).split(".")
    network = _parse_reversed(digits)
    if network is None:
        return _FORWARD
    address = network.network_address if len(digits) == 4 else None
    if address is not None and names.has_hostnames:
        if _is_in_vpc(names, address):
            return _pointer(f"{_dashed('ip-', address)}.{private_domain(names.region)}", kind, zone=name)
        if address in IPv4Network(names.pool):
            return _pointer(f"{_dashed('ec2-', address)}.{public_domain(names.region)}", kind, zone=name)
    if any(network.subnet_of(private) for private in (*PRIVATE_NETWORKS, *map(IPv4Network, names.cidrs))):
        return Resolution(Said.NO_NAME if address else Said.NO_DATA, zone=name)
    return _FORWARD


def _addresses(addresses: tuple[str, ...], kind: int, *, zone: str) -> Resolution:
    if kind in (TYPE_A, TYPE_ANY) and addresses:
        return Resolution(Said.FOUND, TYPE_A, addresses, zone)
    return Resolution(Said.NO_DATA, zone=zone)


def _pointer(target: str, kind: int, *, zone: str) -> Resolution:
    if kind in (TYPE_PTR, TYPE_ANY):
        return Resolution(Said.FOUND, TYPE_PTR, (target,), zone)
    return Resolution(Said.NO_DATA, zone=zone)


def _is_below(name: str, zone: str) -> bool:
    return name == zone or name.endswith("." + zone)


def _is_in_vpc(names: VpcNames, address: IPv4Address) -> bool:
    return any(address in IPv4Network(cidr) for cidr in names.cidrs)


def _dashed(prefix: str, address: IPv4Address) -> str:
    return prefix + str(address).replace(".", "-")


def _parse_dashed(label: str, prefix: str) -> IPv4Address | None:
    """10-0-0-5 in its one spelling: `ip-010-0-0-5` is nobody's name."""
    found = _DASHED.fullmatch(label.removeprefix(prefix)) if label.startswith(prefix) else None
    return _parse_address(found.groups()) if found else None


def _parse_address(numbers: "tuple[str, ...] | list[str]") -> IPv4Address | None:
    try:
        return IPv4Address(".".join(numbers))
    except AddressValueError:
        return None


def _parse_reversed(digits: list[str]) -> IPv4Network | None:
    """The network that so many octets, the last first, are the beginning of."""
    if not 1 <= len(digits) <= 4:
        return None
    address = _parse_address([*reversed(digits), *["0"] * (4 - len(digits))])
    return IPv4Network((address, 8 * len(digits))) if address is not None else None

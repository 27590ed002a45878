"""A port of the host that stands for a port of a public address, as an operator writes it. Pure."""

import re
from ipaddress import AddressValueError, IPv4Address

import msgspec

from bastide.model.faults import Invalid

PROTOCOLS = ("tcp", "udp")
_PORT = re.compile(r"([0-9]{1,5})(?:/([a-z]+))?")


class HostPort(msgspec.Struct, frozen=True, order=True):
    """8080/tcp."""

    port: int
    protocol: str

    def __str__(self) -> str:
        return f"{self.port}/{self.protocol}"


class Publication(msgspec.Struct, frozen=True, order=True):
    """What reaches the host's port goes on to this address and port."""

    host: HostPort
    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.host} -> {self.address}:{self.port}"


def parse_host_port(text: str) -> HostPort:
    """`8080` or `8080/udp`."""
    found = _PORT.fullmatch(text)
    protocol = (found[2] or "tcp") if found else ""
    if found is None or protocol not in PROTOCOLS or not 0 < int(found[1]) < 65536:
        raise Invalid("port", text, why=f"{text} is no port. Write 8080, or 8080/udp.")
    return HostPort(int(found[1]), protocol)


def parse_target(text: str) -> tuple[str, int]:
    """`198.18.7.5:80`."""
    address, _, port = text.rpartition(":")
    try:
        return str(IPv4Address(address)), parse_host_port(port).port
    except (AddressValueError, Invalid) as error:
        why = f"{text} is no address and port. Write a task's public address and its port: 198.18.7.5:80"
        raise Invalid("address", text, why=why) from error

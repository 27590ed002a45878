"""Where a connection comes from that is passed on to the API from inside a VPC: PROXY protocol, version 2.

It is said before the client's first byte, on a socket that nobody else reaches; what follows is untouched,
TLS too. The VPC and the endpoint travel as fields of ours and of AWS's own.
Wire format: haproxy's proxy-protocol.txt, section 2.2. Pure.
"""

import struct
from ipaddress import IPv4Address

import msgspec

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
HEAD_BYTES = 16
BODY_MAX_BYTES = 512  # two addresses and two ids
_PROXY, _TCP4 = 0x21, 0x11
_HEAD = struct.Struct("!12sBBH")
_ADDRESSES = struct.Struct("!4s4sHH")
_FIELD = struct.Struct("!BH")
_AWS = 0xEA  # PP2_TYPE_AWS, whose subtype 1 is the id of a VPC endpoint
_AWS_ENDPOINT = b"\1"
_VPC = 0xE0  # the first type that is left to applications


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """One connection, as it is inside the VPC."""

    vpc_id: str
    client: str
    client_port: int
    address: str  # where the client found us
    port: int
    endpoint_id: str = ""  # of the VPC endpoint; empty at the address every VPC has


class NoPassage(Exception):
    """Bytes that say nothing of a connection's origin."""


def render_passage(passage: Passage) -> bytes:
    """What goes before the client's first byte."""
    fields = _field(_VPC, passage.vpc_id.encode())
    if passage.endpoint_id:
        fields += _field(_AWS, _AWS_ENDPOINT + passage.endpoint_id.encode())
    source, target = IPv4Address(passage.client).packed, IPv4Address(passage.address).packed
    body = _ADDRESSES.pack(source, target, passage.client_port, passage.port) + fields
    return _HEAD.pack(SIGNATURE, _PROXY, _TCP4, len(body)) + body


def parse_passage(data: bytes) -> tuple[Passage, bytes] | None:
    """The origin and what came behind it; None while it is not whole. Raises NoPassage."""
    if not data.startswith(SIGNATURE[: len(data)]):
        raise NoPassage
    if len(data) < HEAD_BYTES:
        return None
    _, command, family, size = _HEAD.unpack_from(data)
    if command != _PROXY or family != _TCP4 or not _ADDRESSES.size <= size <= BODY_MAX_BYTES:
        raise NoPassage
    end = HEAD_BYTES + size
    if len(data) < end:
        return None
    source, target, client_port, port = _ADDRESSES.unpack_from(data, HEAD_BYTES)
    fields = _parse_fields(data[HEAD_BYTES + _ADDRESSES.size : end])
    try:
        passage = Passage(
            vpc_id=fields.get(_VPC, b"").decode("ascii"),
            client=str(IPv4Address(source)),
            client_port=client_port,
            address=str(IPv4Address(target)),
            port=port,
            endpoint_id=fields.get(_AWS, b"").removeprefix(_AWS_ENDPOINT).decode("ascii"),
        )
    except UnicodeDecodeError as error:
        raise NoPassage from error
    if not passage.vpc_id:
        raise NoPassage
    return passage, data[end:]


def _field(kind: int, value: bytes) -> bytes:
    return _FIELD.pack(kind, len(value)) + value


def _parse_fields(data: bytes) -> dict[int, bytes]:
    fields: dict[int, bytes] = {}
    while data:
        if len(data) < _FIELD.size:
            raise NoPassage
        kind, size = _FIELD.unpack_from(data)
        if len(data) < _FIELD.size + size:
            raise NoPassage
        fields[kind] = data[_FIELD.size : _FIELD.size + size]
        data = data[_FIELD.size + size :]
    return fields

"""Checksums a client sends along with an object, and what they come to here."""

import base64
import hashlib
import zlib
from collections.abc import Callable, Mapping
from functools import cache

from bastide.api.operation import Document, Params
from bastide.model.faults import Invalid, Unsupported

_PREFIX = "Checksum"


def checked_checksums(params: Params, body: bytes) -> Document:
    """The checksums of a request, each compared with the body. Raises Invalid for one that is wrong."""
    if (stated := params.get("ContentMD5")) is not None:
        _check_md5(stated, body)
    given = {
        name: value
        for name, value in params.items()
        if name.startswith(_PREFIX) and name not in ("ChecksumAlgorithm", "ChecksumType", "ChecksumMode")
    }
    for name, value in given.items():
        compute = _COMPUTE.get(name)
        if compute is None:
            raise Unsupported("header", name, why=f"{name} isn't computed here: see docs/compat.md.")
        if base64.b64encode(compute(body)).decode() != value:
            algorithm = name.removeprefix(_PREFIX)
            why = f"The {algorithm} you specified did not match the calculated checksum."
            raise Invalid("checksum", name, why=why)
    return given


def _check_md5(stated: str, body: bytes) -> None:
    try:
        digest = base64.b64decode(stated, validate=True)
    except ValueError:
        digest = b""
    if len(digest) != hashlib.md5(usedforsecurity=False).digest_size:
        raise Invalid("digest", stated, why="The Content-MD5 you specified is not valid.")
    if digest != _md5(body):
        raise Invalid("checksum", stated, why="The Content-MD5 you specified did not match what we received.")


def etag_of(body: bytes) -> str:
    """What S3 calls an object's content: its MD5, in quotes."""
    return f'"{_md5(body).hex()}"'


def _md5(body: bytes) -> bytes:
    return hashlib.md5(body, usedforsecurity=False).digest()


def _crc32(body: bytes) -> bytes:
    return zlib.crc32(body).to_bytes(4, "big")


@cache
def _table(polynomial: int) -> tuple[int, ...]:
    """Of a reflected cyclic redundancy check: what each byte does to the register."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (polynomial if byte & 1 else 0)
        table.append(byte)
    return tuple(table)


def _reflected(polynomial: int, size: int) -> Callable[[bytes], bytes]:
    ones = (1 << 8 * size) - 1

    def compute(body: bytes) -> bytes:
        table, register = _table(polynomial), ones
        for byte in body:
            register = register >> 8 ^ table[(register ^ byte) & 0xFF]
        return (register ^ ones).to_bytes(size, "big")

    return compute


_COMPUTE: Mapping[str, Callable[[bytes], bytes]] = {
    "ChecksumCRC32": _crc32,
    "ChecksumCRC32C": _reflected(0x82F63B78, 4),
    "ChecksumCRC64NVME": _reflected(0x9A6C9329AC4BC9B5, 8),
    "ChecksumMD5": _md5,
    "ChecksumSHA1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "ChecksumSHA256": lambda body: hashlib.sha256(body).digest(),
    "ChecksumSHA512": lambda body: hashlib.sha512(body).digest(),
}

"""Programs of a few bytes that tests write into a container where no busybox applet will do."""

import platform
import socket
import struct

_BASE = 0x400000
_HEADERS = 64 + 56  # ELF header and one program header
_MACHINES = {"x86_64": 62}
# ptrace(PTRACE_ATTACH, <number in argv[1]>), then exit with the errno.
ATTACH = {
    "x86_64": "488b74241031db0fb60685c0740d83e8306bdb0a01c348ffc6ebecbf1000000089de31d24531d2b8650000000f05"
    "f7d889c7b83c0000000f05"
}

# socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), then a line "heard" for every packet, for ever.
HEAR = {
    "x86_64": "bf02000000be03000000ba01000000b8290000000f0589c34881ec0002000089df4889e6ba0002000031c00f05"
    "bf01000000488d350e000000ba06000000b8010000000f05ebd868656172640a"
}
# sendto(socket(AF_INET, SOCK_RAW, IPPROTO_RAW), <packet>, <length>, 0, <sockaddr_in>, 16), then exit with the
# errno; length, address and packet are filled in by `sending`.
_SEND = {
    "x86_64": "bf02000000be03000000baff000000b8290000000f0585c0782b89c7488d353d000000baLLLLLLLL4531d24c8d05"
    "1e00000041b910000000b82c0000000f0585c0780231c0f7d889c7b83c0000000f05"
}


def sending(packet: bytes, *, to: str) -> dict[str, str]:
    """The program that sends an IPv4 packet as it is, header and all."""
    address = struct.pack("=H2x4s8x", socket.AF_INET, socket.inet_aton(to))
    length = len(packet).to_bytes(4, "little").hex()
    data = (address + packet).hex()
    return {machine: code.replace("LLLLLLLL", length) + data for machine, code in _SEND.items()}


def echo_request(*, source: str, target: str) -> bytes:
    """An ICMP echo request, whoever it says it is from; from 0.0.0.0, the sender's kernel fills that in."""
    message = struct.pack("!BBHHH", 8, 0, 0, 1, 1) + b"forged?!"
    message = message[:2] + _checksum(message) + message[4:]
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(message), 1, 0, 64, socket.IPPROTO_ICMP, 0)
    header += socket.inet_aton(source) + socket.inet_aton(target)
    return header[:10] + _checksum(header) + header[12:] + message


def _checksum(data: bytes) -> bytes:
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)


def machine_has(code: dict[str, str]) -> bool:
    """Whether the program is written down for this machine."""
    return platform.machine() in code


def writing(code: dict[str, str], path: str) -> str:
    """A shell's words that write the program."""
    machine = platform.machine()
    body = bytes.fromhex(code[machine])
    size = _HEADERS + len(body)
    header = struct.pack(
        "<HHIQQQIHHHHHH", 2, _MACHINES[machine], 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    program = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9) + header + segment + body
    octal = "".join(f"\\{byte:03o}" for byte in program)
    return f"printf '{octal}' > {path} && chmod 755 {path}"

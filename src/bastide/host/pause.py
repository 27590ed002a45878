"""The program a sandbox's first container runs: it waits for ever and weighs nothing.

A whole ELF file of about 150 bytes, put together here so that no image and no package is needed for it.
It stands in a folder that every sandbox of the host mounts read-only.
"""

import os
import platform
import struct
from pathlib import Path

PAUSE_PATH = "/pause"
_BASE = 0x400000
_HEADERS = 64 + 56  # ELF header and one program header
# x86-64: mov eax, 34 (pause); syscall; jmp back.  aarch64: ppoll(0, 0, 0, 0) in a loop.
_CODE = {
    "x86_64": (62, bytes.fromhex("b8220000000f05ebf7")),
    "aarch64": (
        183,
        bytes.fromhex("000080d2010080d2020080d2030080d2040080d2280980d2010000d4f9ffff17"),
    ),
}


def pause_program(machine: str) -> bytes:
    """The ELF file for a machine as `uname -m` names it."""
    number, code = _CODE[machine]
    size = _HEADERS + len(code)
    ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 2, number, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return ident + header + segment + code


def ensure_pause_root(folder: Path) -> Path:
    """The root filesystem of every pause container: the program and empty mount points. Repeatable."""
    for name in ("proc", "sys", "dev", "etc", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    program = folder / PAUSE_PATH.lstrip("/")
    content = pause_program(platform.machine())
    if not program.exists() or program.read_bytes() != content:
        fresh = folder / f".pause.{os.getpid()}"
        fresh.write_bytes(content)
        fresh.chmod(0o555)
        fresh.replace(program)
    return folder

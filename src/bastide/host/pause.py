"""The program a sandbox's first container runs: it waits for ever and weighs nothing.

It ignores SIGCHLD: where the containers share its process ids it is the parent of every orphan, and the
kernel then clears away those that end. A whole ELF file of less than 200 bytes, put together here so that
no image and no package is needed for it. It stands in a folder that every sandbox mounts read-only.
"""

import os
import platform
import struct
from pathlib import Path

PAUSE_PATH = "/pause"
_BASE = 0x400000
_HEADERS = 64 + 56  # ELF header and one program header
# x86-64: rt_sigaction(SIGCHLD, {SIG_IGN, 0, 0, 0}, 0, 8), the structure pushed; then pause() in a loop.
# aarch64: the same, waiting in ppoll(0, 0, 0, 0).
_CODE = {
    "x86_64": (
        62,
        bytes.fromhex("6a006a006a006a01b80d000000bf110000004889e631d241ba080000000f05b8220000000f05ebf7"),
    ),
    "aarch64": (
        183,
        bytes.fromhex(
            "ff8300d1290080d2e97f00a9ff7f01a9200280d2e1030091020080d2030180d2c81080d2010000d4"
            "000080d2010080d2020080d2030080d2040080d2280980d2010000d4f9ffff17"
        ),
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

"""The program a sandbox's first container runs: it waits for ever and weighs nothing.

Before that it writes what its arguments say, a file and its content in turn: the sandbox's kernel
parameters; it ends with 1 where it cannot. It ignores SIGCHLD: where the containers share its process ids
it is the parent of every orphan, and the kernel then clears away those that end. A whole ELF file of less
than 400 bytes, put together here so that no image and no package is needed for it. It stands in a folder
that every sandbox mounts read-only.
"""

import platform
import struct
from pathlib import Path

from bastide.files import replace_file

PAUSE_PATH = "/pause"
_BASE = 0x400000
_HEADERS = 64 + 56  # ELF header and one program header
# for (p = argv + 1; *p; p += 2) { open(p[0], O_WRONLY); write(it, p[1], strlen(p[1])); }, and exit_group(1)
# where either fails.
_WRITE = {
    "x86_64": "488d5c2410488b3b4885ff743fbe01000000b8020000000f0585c0782389c7488b730831d2803c16007404ffc2ebf6"
    "b8010000000f0585c078064883c310ebc5bf01000000b8e70000000f05",
    "aarch64": "f3430091610240f9a10200b4600c8092e20340b2e3031faae80b7db2010000d48001f837610640f9e2031faa"
    "23686238630000b442040091fdffff17e8037ab2010000d46000f83773420091eeffff17e00340b2c80b80d2010000d4",
}
# x86-64: rt_sigaction(SIGCHLD, {SIG_IGN, 0, 0, 0}, 0, 8), the structure pushed; then pause() in a loop.
# aarch64: the same, waiting in ppoll(0, 0, 0, 0).
_WAIT = {
    "x86_64": "6a006a006a006a01b80d000000bf110000004889e631d241ba080000000f05b8220000000f05ebf7",
    "aarch64": "ff8300d1290080d2e97f00a9ff7f01a9200280d2e1030091020080d2030180d2c81080d2010000d4"
    "000080d2010080d2020080d2030080d2040080d2280980d2010000d4f9ffff17",
}
_MACHINES = {"x86_64": 62, "aarch64": 183}  # as ELF numbers them


def pause_program(machine: str) -> bytes:
    """The ELF file for a machine as `uname -m` names it."""
    number, code = _MACHINES[machine], bytes.fromhex(_WRITE[machine] + _WAIT[machine])
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
        replace_file(program, content, mode=0o555)
    return folder

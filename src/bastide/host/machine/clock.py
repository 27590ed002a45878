"""How far the host's clock may be off, by the kernel's word (adjtimex(2) asked and setting nothing)."""

import ctypes
from datetime import UTC, datetime

from bastide.model.usage import Clock

STA_UNSYNC = 0x0040  # linux/timex.h
US_PER_MS = 1000


class _Timex(ctypes.Structure):
    """`struct timex` as far as it is read; the kernel writes all of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def read_clock() -> Clock | None:
    """None where the kernel does not say."""
    found = _Timex()
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(found)) < 0:
        return None
    return Clock(
        at=datetime.now(UTC),
        is_synchronized=not found.status & STA_UNSYNC,
        error_bound_ms=found.maxerror / US_PER_MS,
    )

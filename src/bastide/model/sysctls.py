"""`systemControls`: which kernel parameters take effect in a task's sandbox, by runtime class.

With runc the kernel has each of them for every network or IPC namespace. gVisor's kernel shows many and lets
few be changed; which ones was found by writing to each (tests/e2e/test_system_controls.py). What it is built
with, and cannot change, may be asked for all the same. Pure.
"""

import re
from collections.abc import Callable, Mapping

from bastide.model.status import RuntimeClass

DISABLE_IPV6 = "net.ipv6.conf.all.disable_ipv6"  # runsc reads it off the sandbox's spec
PORT_MAX = 65535
_SPACE = re.compile(r"\s+")


def why_not(name: str, value: str, runtime: RuntimeClass) -> str | None:
    """Why a task cannot have this parameter with this value; None when it takes effect."""
    if runtime.shares_kernel:
        return None
    if (accepts := _WRITABLE.get(name)) is not None:
        return None if accepts(_numbers(value)) else f"it cannot have the value '{value}'"
    built_in = _BUILT_IN.get(name)
    if built_in is None:
        return "the kernel of a task's sandbox has no such parameter that can be changed"
    if _SPACE.sub(" ", value.strip()) != built_in:
        return f"in a task's sandbox it always has the value '{built_in}'"
    return None


def written_inside(sysctls: Mapping[str, str], runtime: RuntimeClass) -> dict[str, str]:
    """Of these, what the sandbox's first program has to write: file below /proc/sys and its content."""
    if runtime.shares_kernel:
        return {}
    return {
        f"/proc/sys/{name.replace('.', '/')}": _SPACE.sub(" ", value.strip())
        for name, value in sysctls.items()
        if name in _WRITABLE and name != DISABLE_IPV6
    }


def _numbers(value: str) -> list[int] | None:
    words = value.split()
    return (
        [int(word) for word in words] if all(re.fullmatch(r"[0-9]{1,10}", word) for word in words) else None
    )


def _is_switch(numbers: list[int] | None) -> bool:
    return numbers in ([0], [1])


def _is_port_range(numbers: list[int] | None) -> bool:
    return numbers is not None and len(numbers) == 2 and 1 <= numbers[0] <= numbers[1] <= PORT_MAX


def _is_buffer_size(numbers: list[int] | None) -> bool:
    """Least, default, most."""
    return (
        numbers is not None and len(numbers) == 3 and 1 <= numbers[0] <= numbers[1] <= numbers[2] <= 2**31 - 1
    )


_WRITABLE: Mapping[str, Callable[[list[int] | None], bool]] = {
    "net.ipv4.ip_local_port_range": _is_port_range,
    "net.ipv4.tcp_rmem": _is_buffer_size,
    "net.ipv4.tcp_wmem": _is_buffer_size,
    "net.ipv4.tcp_sack": _is_switch,
    DISABLE_IPV6: _is_switch,
}
# Of gVisor's IPC and network stack; `ip_unprivileged_port_start`: any user may bind to any port there.
_BUILT_IN: Mapping[str, str] = {
    "kernel.msgmax": "8192",
    "kernel.msgmnb": "16384",
    "kernel.msgmni": "32000",
    "kernel.sem": "32000 1024000000 500 32000",
    "kernel.shmall": "18446744073692774399",
    "kernel.shmmax": "18446744073692774399",
    "kernel.shmmni": "4096",
    "net.core.somaxconn": "1024",
    "net.ipv4.ip_unprivileged_port_start": "0",
}

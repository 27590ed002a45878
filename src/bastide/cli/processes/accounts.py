"""The system user the server runs as, and how a command is run as it with nothing of root's left."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence

from bastide.model.faults import Invalid, Unavailable

SHELL = "/usr/sbin/nologin"
PROBE_TIMEOUT_S = 60.0

CREATORS: tuple[tuple[str, ...], ...] = (
    (
        "useradd",
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
        "--shell",
        SHELL,
    ),
    ("adduser", "--system", "--group", "--no-create-home", "--home", "/nonexistent", "--shell", SHELL),
    ("busybox", "adduser", "-S", "-D", "-H", "-h", "/nonexistent", "-s", SHELL),
)


def ensure_account(name: str) -> pwd.struct_passwd:
    """The user, made if there is none; Invalid when the name is root's. Repeatable."""
    problems = []
    for creator in CREATORS:
        found = find_account(name)
        if found is not None:
            return found
        program = shutil.which(
            creator[0], path="/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
        )
        if program is None:
            continue
        done = subprocess.run([program, *creator[1:], name], capture_output=True, text=True, check=False)
        problems.append(done.stderr.strip())
    if (found := find_account(name)) is not None:
        return found
    why = f"The user {name} could not be made: {'; '.join(problems) or 'no useradd, adduser or busybox'}."
    raise Unavailable("user", name, why=why)


def find_account(name: str) -> pwd.struct_passwd | None:
    """The user, if there is one."""
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        return None
    if account.pw_uid == 0:
        raise Invalid("user", name, why=f"The user {name} is root by another name; the server never is.")
    return account


def as_account(account: pwd.struct_passwd, argv: Sequence[str]) -> list[str]:
    """The command that becomes `argv` as the user: no groups, no capabilities, no way to get any."""
    setpriv = shutil.which("setpriv", path="/usr/bin:/bin") or "setpriv"
    return [
        setpriv,
        f"--reuid={account.pw_uid}",
        f"--regid={account.pw_gid}",
        "--clear-groups",
        "--inh-caps=-all",
        *(["--bounding-set=-all"] if _may_drop_bounding_set() else []),
        "--no-new-privs",
        "--",
        # setpriv still has root's capabilities when it looks its program up; env no longer has.
        "/usr/bin/env",
        "--",
        *argv,
    ]


def can_run(account: pwd.struct_passwd, argv: Sequence[str]) -> bool:
    """Whether the command, run as the user, ends with 0 in good time."""
    try:
        done = subprocess.run(
            as_account(account, argv),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            env={"PATH": os.defpath},
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _may_drop_bounding_set() -> bool:
    """CAP_SETPCAP is missing in some containers; no_new_privs makes the bounding set harmless there."""
    with open("/proc/self/status") as status:  # noqa: PTH123 -- one line of a kernel file
        effective = next(line for line in status if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> 8 & 1)  # CAP_SETPCAP; linux/capability.h

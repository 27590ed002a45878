"""Makes the calling process one that can do nothing but what it has opened.

It reads what tasks send, so it must not be root. How much it may use is its control group's to say.
"""

import ctypes
import os
import resource

NOBODY = 65534  # the kernel's overflow id: owns nothing
PR_SET_NO_NEW_PRIVS = 38  # linux/prctl.h
OPEN_FILES_MAX = 4096  # an endpoint holds two a connection


def drop_privileges() -> None:
    """Be nobody, for good. Preconditions: root, and no other thread."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES_MAX, OPEN_FILES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs")

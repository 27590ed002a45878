"""Which capabilities a container gets: Docker's default set, less what it drops, plus SYS_PTRACE if asked.

Fargate allows no other addition (ECS developer guide, "Fargate task definition differences"); the API
refuses them, and what came through all the same is not granted here.
"""

from collections.abc import Iterable

DOCKER_DEFAULT = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
)
ADDABLE = frozenset({"CAP_SYS_PTRACE"})
ALL = "CAP_ALL"


def plan_capabilities(*, add: Iterable[str], drop: Iterable[str]) -> tuple[str, ...]:
    """The bounding set; names with or without `CAP_`, and `ALL`, as Docker takes them."""
    dropped = {_full_name(name) for name in drop}
    kept = [] if ALL in dropped else [name for name in DOCKER_DEFAULT if name not in dropped]
    added = {_full_name(name) for name in add}
    wanted = ADDABLE if ALL in added else ADDABLE & added
    return (*kept, *sorted(wanted))


def _full_name(name: str) -> str:
    upper = name.upper()
    return upper if upper.startswith("CAP_") else f"CAP_{upper}"

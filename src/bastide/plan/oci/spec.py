"""The whole OCI runtime spec of a task's containers, as values: nothing is read and nothing is run.

One sandbox a task: the pause container's spec carries network, cgroup and sysctls of all; the others join
it by annotation. What a container may do is Docker's default, as on Fargate: setuid programs work
(no_new_privileges is off there), the bounding set holds all the same. Seccomp is left out: gVisor is the
filter between the task and the kernel and does not load a container's own.
"""

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from bastide.model.arn import parse_arn
from bastide.model.assignment import Assignment, Container, Ulimit
from bastide.plan.command import (
    DEFAULT_PATH,
    INIT_PATH,
    plan_arguments,
    plan_environment,
    plan_working_directory,
)
from bastide.plan.oci.capabilities import plan_capabilities
from bastide.plan.oci.mounts import base_mounts, bind
from bastide.plan.users import Account, resolve_account

OCI_VERSION = "1.1.0"
CONTAINER_TYPE = "io.kubernetes.cri.container-type"
SANDBOX_ID = "io.kubernetes.cri.sandbox-id"
CONTAINER_NAME = "io.kubernetes.cri.container-name"
CPU_PERIOD_US = 100_000
CPU_UNITS_PER_VCPU = 1024
CPU_SHARES_MIN = 2  # the kernel's; ECS passes it on for cpu 0
MIB = 1024 * 1024
# Docker's defaults.
MASKED_PATHS = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


class ImageDefaults(Protocol):
    """What an image says of the container to be; host's ImageConfig fits."""

    @property
    def entrypoint(self) -> Sequence[str]: ...
    @property
    def command(self) -> Sequence[str]: ...
    @property
    def environment(self) -> Sequence[str]: ...
    @property
    def working_directory(self) -> str: ...
    @property
    def user(self) -> str: ...


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What the host made ready for a task before its specs can be written; all paths are the host's."""

    netns: str
    cgroup: str
    hosts: str = ""  # files bound over /etc/hosts, /etc/hostname, /etc/resolv.conf; empty: not bound
    hostname: str = ""
    resolv_conf: str = ""
    volumes: Mapping[str, str] = {}  # volume name → folder on the task's disk
    nofile_soft: int = 1024  # of a container that sets no `nofile` of its own: Settings
    nofile_hard: int = 4096
    pids_max: int = 32768  # of the task; no `nproc` of a container goes beyond it
    init_program: str = ""  # a static init such as tini; empty: `initProcessEnabled` is not acted on


class Root(msgspec.Struct, frozen=True, kw_only=True):
    """One container's root filesystem, as far as its spec depends on it."""

    passwd: str = ""
    group: str = ""
    tmp: str = ""  # a folder on the task's disk to be /tmp; empty: nothing is mounted there
    image_volumes: Mapping[str, str] = {}  # path of a VOLUME of the image → folder on the task's disk


def sandbox_id(task_id: str) -> str:
    """The pause container's id: as long as every other of the task, so that no id begins another."""
    return f"{task_id}-{0:010d}"


def render_pause_spec(assignment: Assignment, prepared: Prepared, *, program: str) -> dict[str, Any]:
    """The sandbox: it owns network, cgroup and sysctls, runs nothing but `program` and may do nothing."""
    identity = sandbox_id(assignment.task_id)
    nobody = Account(uid=65534, gid=65534, groups=(65534,), home="/")
    return {
        "ociVersion": OCI_VERSION,
        "process": {
            "terminal": False,
            "user": _user(nobody),
            "args": [program],
            "env": [f"PATH={DEFAULT_PATH}"],
            "cwd": "/",
            "capabilities": _capabilities((), nobody),
            "noNewPrivileges": True,
            "rlimits": [],
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": assignment.eni.hostname,
        "mounts": base_mounts(),
        "annotations": {CONTAINER_TYPE: "sandbox", SANDBOX_ID: identity, CONTAINER_NAME: "pause"},
        "linux": {
            **_linux(assignment, prepared),
            "cgroupsPath": prepared.cgroup,
            "resources": _task_resources(assignment),
            "sysctl": {
                name: value
                for container in assignment.containers
                for name, value in container.sysctls.items()
            },
        },
    }


def render_container_spec(
    assignment: Assignment,
    container: Container,
    image: ImageDefaults,
    root: Root,
    prepared: Prepared,
) -> dict[str, Any]:
    """One of the task's containers; Invalid when image and definition leave nothing that can run."""
    account = resolve_account(container.user or image.user, passwd=root.passwd, group=root.group)
    bounding = plan_capabilities(add=container.capabilities_add, drop=container.capabilities_drop)
    return {
        "ociVersion": OCI_VERSION,
        "process": {
            "terminal": container.pseudo_terminal,
            "user": _user(account),
            "args": _arguments(assignment, container, image, prepared),
            "env": list(_environment(assignment, container, image, account)),
            "cwd": plan_working_directory(container.working_directory, image.working_directory),
            "capabilities": _capabilities(bounding, account),
            "noNewPrivileges": False,
            "rlimits": _rlimits(container.ulimits, prepared),
        },
        "root": {"path": "rootfs", "readonly": container.readonly_root},
        "hostname": assignment.eni.hostname,
        "mounts": _mounts(container, root, prepared),
        "annotations": {
            CONTAINER_TYPE: "container",
            SANDBOX_ID: sandbox_id(assignment.task_id),
            CONTAINER_NAME: container.name,
        },
        "linux": {**_linux(assignment, prepared), "resources": _container_resources(container)},
    }


def _arguments(
    assignment: Assignment, container: Container, image: ImageDefaults, prepared: Prepared
) -> list[str]:
    arguments = plan_arguments(
        entry_point=container.entry_point,
        command=container.command,
        image_entry_point=image.entrypoint,
        image_command=image.command,
    )
    if not (container.init_process and prepared.init_program):
        return list(arguments)
    # Where it is not process 1 it has to ask for its orphans, and would else complain into the task's log.
    asking = ["-s"] if assignment.pid_mode == "task" else []
    return [INIT_PATH, *asking, "--", *arguments]


def _environment(
    assignment: Assignment, container: Container, image: ImageDefaults, account: Account
) -> tuple[str, ...]:
    defaults = {"PATH": DEFAULT_PATH, "HOSTNAME": assignment.eni.hostname, "HOME": account.home}
    if container.pseudo_terminal:
        defaults["TERM"] = "xterm"
    arn = parse_arn(assignment.task_arn)
    region = arn.region if arn is not None else ""
    platform = {
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
    return plan_environment(image.environment, platform, container.environment, defaults=defaults)


def _mounts(container: Container, root: Root, prepared: Prepared) -> list[dict[str, Any]]:
    mounts = base_mounts()
    if root.tmp and "/tmp" not in root.image_volumes:
        # Without it runsc lays a tmpfs over an empty /tmp, and what is written there eats the task's memory.
        mounts.append(bind(root.tmp, "/tmp", read_only=container.readonly_root))
    for source, target in (
        (prepared.resolv_conf, "/etc/resolv.conf"),
        (prepared.hostname, "/etc/hostname"),
        (prepared.hosts, "/etc/hosts"),
    ):
        if source:
            mounts.append(bind(source, target, read_only=container.readonly_root))
    if container.init_process and prepared.init_program:
        mounts.append(bind(prepared.init_program, INIT_PATH, read_only=True))
    # What the image declares as a volume stays writable on a read-only root, as with Docker.
    volumes = {path: bind(folder, path, read_only=False) for path, folder in root.image_volumes.items()}
    for mount in container.mounts:
        path = posixpath.normpath(mount.path)
        volumes[path] = bind(prepared.volumes[mount.volume], path, read_only=mount.read_only)
    # A shorter path first: a volume below another must not be covered by it.
    return mounts + sorted(volumes.values(), key=lambda mount: mount["destination"].count("/"))


def _user(account: Account) -> dict[str, Any]:
    return {"uid": account.uid, "gid": account.gid, "additionalGids": list(account.groups), "umask": 0o022}


def _capabilities(bounding: Sequence[str], account: Account) -> dict[str, list[str]]:
    # As execve(2) has it: without ambient or file capabilities only root has any to begin with.
    held = list(bounding) if account.uid == 0 else []
    return {
        "bounding": list(bounding),
        "effective": held,
        "permitted": held,
        "inheritable": [],
        "ambient": [],
    }


def _rlimits(asked: Sequence[Ulimit], prepared: Prepared) -> list[dict[str, Any]]:
    most = prepared.pids_max
    limits = {"nofile": (prepared.nofile_soft, prepared.nofile_hard), "nproc": (most, most)}
    limits.update({limit.name.lower(): (limit.soft, limit.hard) for limit in asked})
    # gVisor counts a user's threads in all containers of the task, and lets nobody pass who has not a
    # capability that no task gets: this is what stops a fork bomb with EAGAIN.
    soft, hard = (most if limit < 0 else min(limit, most) for limit in limits["nproc"])
    limits["nproc"] = (soft, hard)
    return [
        {"type": f"RLIMIT_{name.upper()}", "soft": _unlimited(soft), "hard": _unlimited(hard)}
        for name, (soft, hard) in sorted(limits.items())
    ]


def _unlimited(value: int) -> int:
    return 2**64 - 1 if value < 0 else value


def _linux(assignment: Assignment, prepared: Prepared) -> dict[str, Any]:
    # Without one of its own a container has the sandbox's, where the pause program is process 1.
    own_pids = [] if assignment.pid_mode == "task" else [{"type": "pid"}]
    return {
        "namespaces": [
            *own_pids,
            {"type": "ipc"},
            {"type": "uts"},
            {"type": "mount"},
            {"type": "network", "path": prepared.netns},
        ],
        "maskedPaths": list(MASKED_PATHS),
        "readonlyPaths": list(READONLY_PATHS),
        "devices": [],
    }


def _task_resources(assignment: Assignment) -> dict[str, Any]:
    return {
        "devices": [{"allow": False, "access": "rwm"}],
        "cpu": {
            "shares": max(CPU_SHARES_MIN, assignment.cpu_units),
            "quota": assignment.cpu_units * CPU_PERIOD_US // CPU_UNITS_PER_VCPU,
            "period": CPU_PERIOD_US,
        },
        "memory": {"limit": assignment.memory_mib * MIB},
    }


def _container_resources(container: Container) -> dict[str, Any]:
    resources: dict[str, Any] = {
        "devices": [{"allow": False, "access": "rwm"}],
        "cpu": {"shares": max(CPU_SHARES_MIN, container.cpu_units)},
    }
    if container.memory_mib is not None:
        resources["memory"] = {"limit": container.memory_mib * MIB}
    return resources

"""The whole OCI runtime spec of a task's containers, as values: nothing is read and nothing is run.

One sandbox a task: the pause container's spec carries network, cgroup and sysctls of all; the others join
it, how is the runtime class's matter (`walls`). What a container may do is Docker's default, as on Fargate:
setuid programs work (no_new_privileges is off there), the bounding set holds all the same.
"""

import itertools
from collections.abc import Sequence
from typing import Any

from bastide.model.arn import parse_arn
from bastide.model.assignment import Assignment, Container, Ulimit
from bastide.model.sysctls import written_inside
from bastide.plan.command import (
    DEFAULT_PATH,
    INIT_PATH,
    plan_arguments,
    plan_environment,
    plan_working_directory,
)
from bastide.plan.log_router import CONFIG_PATHS, SOCKET_FOLDER
from bastide.plan.metadata.routes import plan_addresses
from bastide.plan.oci.api import plan_files, plan_variables
from bastide.plan.oci.capabilities import plan_capabilities
from bastide.plan.oci.mounts import MASKED_PATHS, READONLY_PATHS, base_mounts, bind, mount_path
from bastide.plan.oci.prepared import ImageDefaults, Prepared, Root
from bastide.plan.oci.walls import WALLS
from bastide.plan.users import Account, resolve_account

OCI_VERSION = "1.1.0"
NOBODY = Account(uid=65534, gid=65534, groups=(65534,), home="/")
ROOT_ACCOUNT = Account(uid=0, gid=0, groups=(0,), home="/")
CONTAINER_TYPE = "io.kubernetes.cri.container-type"
SANDBOX_ID = "io.kubernetes.cri.sandbox-id"
CONTAINER_NAME = "io.kubernetes.cri.container-name"
_HIDDEN = {"maskedPaths": list(MASKED_PATHS), "readonlyPaths": list(READONLY_PATHS), "devices": []}


def sandbox_id(task_id: str) -> str:
    """The pause container's id: as long as every other of the task, so that no id begins another."""
    return f"{task_id}-{0:010d}"


def render_pause_spec(assignment: Assignment, prepared: Prepared, *, program: str) -> dict[str, Any]:
    """The sandbox: it owns network, cgroup and sysctls, runs nothing but `program` and may do nothing."""
    identity = sandbox_id(assignment.task_id)
    sysctls = {
        name: value for container in assignment.containers for name, value in container.sysctls.items()
    }
    written = written_inside(sysctls, prepared.runtime)
    # Without capabilities either way; the files of the sandbox's kernel are root's.
    account = ROOT_ACCOUNT if written else NOBODY
    return {
        "ociVersion": OCI_VERSION,
        "process": {
            "terminal": False,
            "user": _user(account),
            "args": [program, *itertools.chain.from_iterable(written.items())],
            "env": [f"PATH={DEFAULT_PATH}"],
            "cwd": "/",
            "capabilities": _capabilities((), account),
            "noNewPrivileges": True,
            "rlimits": [],
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": assignment.eni.hostname,
        "mounts": base_mounts(),
        "annotations": {CONTAINER_TYPE: "sandbox", SANDBOX_ID: identity, CONTAINER_NAME: "pause"},
        "linux": {
            **_HIDDEN,
            **WALLS[prepared.runtime].plan_sandbox(assignment, prepared, identity),
            "sysctl": sysctls,
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
            "env": list(_environment(assignment, container, image, root, prepared, home=account.home)),
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
        "linux": {
            **_HIDDEN,
            **WALLS[prepared.runtime].plan_container(assignment, container, prepared, bounding),
        },
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
    assignment: Assignment,
    container: Container,
    image: ImageDefaults,
    root: Root,
    prepared: Prepared,
    *,
    home: str,
) -> tuple[str, ...]:
    defaults = {"PATH": DEFAULT_PATH, "HOSTNAME": assignment.eni.hostname, "HOME": home}
    defaults |= plan_variables(root.api)
    if container.pseudo_terminal:
        defaults["TERM"] = "xterm"
    arn = parse_arn(assignment.task_arn)
    region = arn.region if arn is not None else ""
    # A later run has an id of its own on the host, and goes by the first one's all the same.
    own = next(each.runtime_id for each in assignment.containers if each.name == container.name)
    platform = {
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        **plan_addresses(own, prepared.credentials_id),
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
    mounts += [bind(source, target, read_only=True) for source, target in plan_files(root.api)]
    if container.init_process and prepared.init_program:
        mounts.append(bind(prepared.init_program, INIT_PATH, read_only=True))
    if container.router is not None:
        config = CONFIG_PATHS[container.router.kind]
        mounts.append(bind(prepared.router_config, config, read_only=container.readonly_root))
        mounts.append(bind(prepared.router_socket, SOCKET_FOLDER, read_only=False))
    # What the image declares as a volume stays writable on a read-only root, as with Docker.
    volumes = {path: bind(folder, path, read_only=False) for path, folder in root.image_volumes.items()}
    for mount in container.mounts:
        path = mount_path(mount.path)
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
    limits = {"nofile": (prepared.nofile_soft, prepared.nofile_hard)}
    limits.update({limit.name.lower(): (limit.soft, limit.hard) for limit in asked})
    limits |= WALLS[prepared.runtime].plan_nproc(limits.get("nproc"), pids_max=prepared.pids_max)
    return [
        {"type": f"RLIMIT_{name.upper()}", "soft": _unlimited(soft), "hard": _unlimited(hard)}
        for name, (soft, hard) in sorted(limits.items())
    ]


def _unlimited(value: int) -> int:
    return 2**64 - 1 if value < 0 else value

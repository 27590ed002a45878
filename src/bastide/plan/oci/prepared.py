"""What the host and the images say of a task's containers before their specs can be written."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from bastide.model.status import RuntimeClass


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

    runtime: RuntimeClass = RuntimeClass.GVISOR
    machine: str = "x86_64"  # as `uname -m` names it
    netns: str
    cgroup: str
    credentials_id: str = ""  # of the task; empty without a role
    sandbox_pid: int = 0  # of the pause container's process, once it runs
    hosts: str = ""  # files bound over /etc/hosts, /etc/hostname, /etc/resolv.conf; empty: not bound
    hostname: str = ""
    resolv_conf: str = ""
    router_config: str = ""  # of the task's log router, and the folder of its socket
    router_socket: str = ""
    volumes: Mapping[str, str] = {}  # volume name → folder on the task's disk
    nofile_soft: int = 1024  # of a container that sets no `nofile` of its own: Settings
    nofile_hard: int = 4096
    pids_max: int = 32768  # of the task; no `nproc` of a container goes beyond it
    init_program: str = ""  # a static init such as tini; empty: `initProcessEnabled` is not acted on


class ApiFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What a container's programs need to trust the API inside their VPC; paths are the host's."""

    authority: str
    bundle: str  # the authority and those the image trusts


class Root(msgspec.Struct, frozen=True, kw_only=True):
    """One container's root filesystem, as far as its spec depends on it."""

    passwd: str = ""
    group: str = ""
    api: ApiFiles | None = None  # None: the container is told nothing of the API
    tmp: str = ""  # a folder on the task's disk to be /tmp; empty: nothing is mounted there
    image_volumes: Mapping[str, str] = {}  # path of a VOLUME of the image → folder on the task's disk

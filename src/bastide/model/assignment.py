"""What the server asks of a host, and what the host answers: one task each.

An assignment is whole: the agent needs nothing else to make the task real. A report is whole too: the
last one says everything, so losing an earlier one loses nothing. Times are aware UTC datetimes.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from bastide.model.container.health import HealthCheck, HealthReport
from bastide.model.status import ContainerStatus, DesiredStatus, StopCode, TaskStatus


class Eni(msgspec.Struct, frozen=True, kw_only=True):
    """The task's interface as the VPC knows it."""

    id: str
    mac: str
    private_ip: str
    subnet_id: str
    subnet_cidr: str
    vpc_id: str
    vpc_cidr: str
    hostname: str  # ip-10-0-0-5.<region>.compute.internal
    public_ip: str | None = None


class EventStart(msgspec.Struct, frozen=True, kw_only=True):
    """How the first line of an event is known: one of the two, as the task definition has it."""

    pattern: str = ""  # awslogs-multiline-pattern
    datetime_format: str = ""  # awslogs-datetime-format


class LogTarget(msgspec.Struct, frozen=True, kw_only=True):
    """Where a container's output goes: the awslogs driver's options, resolved."""

    group: str
    stream: str
    region: str
    create_group: bool = False
    blocking: bool = True  # False: the oldest buffered lines go when `buffer_bytes` is full
    buffer_bytes: int | None = None
    event_start: EventStart | None = None  # None: every line is an event


class RoutedLog(msgspec.Struct, frozen=True, kw_only=True):
    """A container's output goes to the task's log router: the awsfirelens driver's options, resolved."""

    tag: str  # <container>-firelens-<task id>
    blocking: bool = False  # False: the oldest buffered lines go when a limit is reached
    buffer_bytes: int | None = None
    buffer_lines: int | None = None  # log-driver-buffer-limit


class RouterKind(StrEnum):
    """Which program the log router is."""

    FLUENTD = "fluentd"
    FLUENT_BIT = "fluentbit"


class LogOutput(msgspec.Struct, frozen=True, kw_only=True):
    """Where the router sends one container's records: its plugin's options, secrets as placeholders."""

    container: str
    options: dict[str, str]


class LogRouter(msgspec.Struct, frozen=True, kw_only=True):
    """What the router's configuration is made of: `firelensConfiguration` and the containers it serves."""

    kind: RouterKind
    outputs: tuple[LogOutput, ...]
    fields: dict[str, str] = {}  # added to every record
    include: str = ""  # a configuration file of the image's own
    memory_mib: int | None = None  # reserved for the router, else its limit


class Ulimit(msgspec.Struct, frozen=True, kw_only=True):
    """One resource limit, Docker's short name (`nofile`)."""

    name: str
    soft: int
    hard: int


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A task volume in a container."""

    volume: str
    path: str
    read_only: bool = False


class EfsVolume(msgspec.Struct, frozen=True, kw_only=True):
    """A folder of an EFS file system; which host folder or NFS server that is, the host knows."""

    file_system_id: str
    root_directory: str = "/"
    access_point_id: str | None = None


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """Something containers of the task can mount."""

    name: str
    efs: EfsVolume | None = None  # None: a folder on the task's own disk


class Condition(StrEnum):
    """What a container may wait for in another one."""

    START = "START"
    COMPLETE = "COMPLETE"
    SUCCESS = "SUCCESS"
    HEALTHY = "HEALTHY"


class Dependency(msgspec.Struct, frozen=True):
    """What must be true of another container before this one starts."""

    container: str
    condition: Condition


class RestartPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A container that ends is run again, in place, if it ran long enough."""

    ignored_exit_codes: tuple[int, ...] = ()
    attempt_period_s: int = 300  # what it must have run since it was last started


class SecretReference(msgspec.Struct, frozen=True):
    """A variable whose value the server has: never the value itself."""

    name: str
    value_from: str


class PortMapping(msgspec.Struct, frozen=True, kw_only=True):
    """A port the container says it listens on; nothing is opened by it."""

    container_port: int
    protocol: str = "tcp"


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """One container, with the task definition and the overrides already folded together."""

    name: str
    runtime_id: str  # <task id>-<10 digits>: unique, and no id begins another
    arn: str
    image: str
    essential: bool = True
    entry_point: tuple[str, ...] | None = None  # None: the image's
    command: tuple[str, ...] | None = None
    environment: dict[str, str] = {}
    secrets: tuple[SecretReference, ...] = ()
    environment_files: tuple[str, ...] = ()  # ARNs of S3 objects
    repository_credentials: str | None = None  # ARN of a secret
    user: str | None = None
    working_directory: str | None = None
    cpu_units: int = 0
    memory_mib: int | None = None  # hard limit
    readonly_root: bool = False
    capabilities_add: tuple[str, ...] = ()
    capabilities_drop: tuple[str, ...] = ()
    ulimits: tuple[Ulimit, ...] = ()
    sysctls: dict[str, str] = {}
    stop_timeout_s: int | None = None  # None: what the platform gives
    start_timeout_s: int | None = None  # to reach what its dependants wait for
    interactive: bool = False
    pseudo_terminal: bool = False
    init_process: bool = False
    depends_on: tuple[Dependency, ...] = ()
    health_check: HealthCheck | None = None
    restart_policy: RestartPolicy | None = None
    mounts: tuple[Mount, ...] = ()
    log: LogTarget | None = None
    ports: tuple[PortMapping, ...] = ()
    labels: dict[str, str] = {}
    routed_log: RoutedLog | None = None
    router: LogRouter | None = None  # it is the task's log router


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What ECS calls the task: its host needs none of it, its own containers are told by the metadata."""

    cluster_arn: str = ""
    family: str = ""
    revision: int = 0
    service: str | None = None
    zone: str = ""
    role_arn: str | None = None  # whose credentials its containers get


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """One task this host is to make real, or to bring down."""

    task_arn: str
    task_id: str
    version: int  # of the task's record: a larger one replaces a smaller one
    desired_status: DesiredStatus
    last_status: TaskStatus  # as the server has it: what this host reported before
    cpu_units: int
    memory_mib: int
    storage_gib: int
    eni: Eni
    containers: tuple[Container, ...]
    volumes: tuple[Volume, ...] = ()
    pid_mode: str | None = None  # "task": the containers see each other's processes
    stop_code: StopCode | None = None  # why desired_status is STOPPED
    stopped_reason: str | None = None
    identity: Identity = Identity()


class ContainerReport(msgspec.Struct, frozen=True, kw_only=True):
    """One container as the host last saw it."""

    name: str
    last_status: ContainerStatus
    exit_code: int | None = None
    reason: str | None = None
    image_digest: str | None = None
    essential: bool = True
    health: HealthReport | None = None
    restart_count: int | None = None  # None: it has no restart policy


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One task as the host last saw it."""

    task_arn: str
    last_status: TaskStatus
    containers: tuple[ContainerReport, ...] = ()
    pull_started_at: datetime | None = None
    pull_stopped_at: datetime | None = None
    started_at: datetime | None = None
    stopping_at: datetime | None = None
    execution_stopped_at: datetime | None = None
    stopped_at: datetime | None = None
    stop_code: StopCode | None = None
    stopped_reason: str | None = None


class LogLine(msgspec.Struct, frozen=True, array_like=True):
    """One event: milliseconds since the epoch, and the text without its line end."""

    timestamp_ms: int
    message: str

"""What can be set, with what stands when nobody sets it, and the places that follow from it.

Everything here is listed in docs/configuration.md.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from bastide.model.status import RuntimeClass

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

FILE_FOLDER = Path("/etc/bastide")

DESCRIPTIONS: Mapping[str, str] = {
    "instance": "name of the installation; every object on the host carries it",
    "data_root": "folder of all installations' data",
    "run_root": "folder of all installations' sockets and pid files",
    "runtime": "what runs the containers: " + ", ".join(RuntimeClass) + "; see runtime-classes.md",
    "allow_shared_kernel": "agree to tasks that share this machine's kernel; `runtime = runc` needs it",
    "runtime_folder": "folder with containerd, the runtime and its shim; looked for when not given",
    "host": "address the API listens on",
    "port": "port the API listens on",
    "metrics_port": "local port of the Prometheus metrics; 0 means the one after `port`",
    "region": "region that `bastide env` and `bastide configure` choose; every region is served",
    "account": "account number of the admin key",
    "store_url": "SQLAlchemy URL of the database; SQLite in the data folder when empty",
    "server_user": "system user the server runs as; made if missing",
    "body_limit_bytes": "largest request body",
    "public_pool": "CIDR of public addresses, reached from this host; empty: a /24 made from the instance",
    "resolv_conf": "file with the resolvers that tasks' look-ups of the world's names are sent on to",
    "task_api": "let tasks reach the API inside their VPC, and tell their SDKs so (docs/task-api.md)",
    "tls_certificate": "file with a certificate chain to show instead of one of Bastide's own authority",
    "tls_key": "file with that certificate's private key; the server's user has to be able to read both",
    "stream_endpoint": "where clients of ECS Exec connect, wss://host:port; empty: at the API (docs/exec.md)",
    "registry_domain": "domain of image names: <account>.dkr.ecr.<region>.<registry_domain>:<port>",
    "registry_grace_s": "how long image layers that nothing uses, and broken-off uploads, are kept",
    "cpu_overcommit": "how many times over a host's CPUs may be promised to tasks (memory never is)",
    "stopped_task_retention_s": "how long a stopped task can be described",
    "event_retention_s": "how long the events of tasks can be read",
    "log_buffer_bytes": "log lines kept on disk for each task while the server is away",
    "pids_max": "processes and threads a task may have",
    "disk_reserve_percent": "free part of the host's disk below which no new task starts",
    "nofile_soft": "open files a container may have unless it says otherwise",
    "nofile_hard": "how far a container may raise that",
    "audit_retention_days": "how long records of calls are kept",
    "audit_mib_max": "room for records of calls, in MiB; beyond it the oldest go",
    "audit_required": "refuse calls that change something while no record of them can be kept",
    "log_level": "how much the server and the agent log: " + ", ".join(LOG_LEVELS),
    "registries_file": "mirrors, certificates and plain HTTP of single registries (docs/images.md)",
    "pull_layers_at_once": "how many layers of images a host fetches at the same time",
    "image_gib_max": "what an image may unpack to, in GiB",
    "image_entries_max": "files, folders and links an image may hold",
    "image_cache_percent": "part of the disk for pulled images that no task uses; least recently used go",
}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What can be set."""

    instance: str = "bastide"
    data_root: Path = Path("/var/lib/bastide")
    run_root: Path = Path("/run/bastide")
    runtime: RuntimeClass = RuntimeClass.GVISOR
    allow_shared_kernel: bool = False
    runtime_folder: Path | None = None
    host: str = "127.0.0.1"
    port: int = 4566
    metrics_port: int = 0
    region: str = "us-east-1"
    account: str = "000000000000"
    store_url: str = ""
    server_user: str = "bastide"
    body_limit_bytes: int = 64 * 1024 * 1024
    public_pool: str = ""
    resolv_conf: Path = Path("/etc/resolv.conf")
    task_api: bool = True
    tls_certificate: str = ""
    tls_key: str = ""
    stream_endpoint: str = ""
    registry_domain: str = "localhost"
    registry_grace_s: int = 86400  # a slow push brings its first layer long before its manifest
    cpu_overcommit: int = 16
    stopped_task_retention_s: int = 3600  # AWS keeps a stopped task visible for an hour
    event_retention_s: int = 24 * 3600
    log_buffer_bytes: int = 64 * 1024 * 1024  # beyond it the writer is blocked
    pids_max: int = 32768
    disk_reserve_percent: int = 5
    nofile_soft: int = 1024  # as measured on Fargate; newer documentation says 65535 for both
    nofile_hard: int = 4096
    audit_retention_days: int = 90  # as CloudTrail's event history
    audit_mib_max: int = 4096
    audit_required: bool = True
    log_level: str = "INFO"
    registries_file: Path = FILE_FOLDER / "registries.toml"
    pull_layers_at_once: int = 6
    image_gib_max: int = 100
    image_entries_max: int = 2_000_000
    image_cache_percent: int = 20

    def __repr__(self) -> str:
        return f"Settings({self.instance!r})"  # the store's URL may hold a password

    @property
    def data_folder(self) -> Path:
        """Where everything that outlives a reboot is kept."""
        return self.data_root / self.instance

    @property
    def run_folder(self) -> Path:
        """Sockets and pid files; gone after a reboot."""
        return self.run_root / self.instance

    @property
    def agent_folder(self) -> Path:
        """The agent's: one folder a task, disks, log buffers. Root only."""
        return self.data_folder / "agent"

    @property
    def efs_file(self) -> Path:
        """Which EFS file systems there are for tasks; `bastide efs` writes it, the agent reads it."""
        return self.agent_folder / "efs.json"

    @property
    def published_file(self) -> Path:
        """Which ports of this host stand for a task's; `bastide publish` writes it, the agent reads it."""
        return self.agent_folder / "published.json"

    @property
    def server_folder(self) -> Path:
        """The server's: store and admin key. Owned by the server's user."""
        return self.data_folder / "server"

    @property
    def registry_folder(self) -> Path:
        """Layers of the images that were pushed."""
        return self.server_folder / "registry"

    @property
    def log_event_folder(self) -> Path:
        """Log events of containers and of whoever calls PutLogEvents."""
        return self.server_folder / "logs"

    @property
    def audit_folder(self) -> Path:
        """Records of calls."""
        return self.server_folder / "audit"

    @property
    def log_folder(self) -> Path:
        """What each process says."""
        return self.data_folder / "log"

    @property
    def session_socket(self) -> Path:
        """Where the server listens for the agent."""
        return self.run_folder / "server" / "session.sock"

    @property
    def vpc_socket(self) -> Path:
        """Where the server listens for calls from inside VPCs; only root and its own user walk there."""
        return self.run_folder / "server" / "vpc" / "api.sock"

    @property
    def operator_socket(self) -> Path:
        """Where the server listens for `bastide events`, `bastide task` and their like."""
        return self.run_folder / "server" / "operator.sock"

    @property
    def containerd_socket(self) -> Path:
        """containerd's gRPC address."""
        return self.run_folder / "containerd" / "containerd.sock"

    @property
    def endpoint(self) -> str:
        """What AWS_ENDPOINT_URL is set to."""
        return f"http://{_authority(self.host)}:{self.port}"

    @property
    def metrics_address(self) -> tuple[str, int]:
        """Where Prometheus asks: never beyond this host."""
        return "127.0.0.1", self.metrics_port or self.port + 1

    @property
    def database_url(self) -> str:
        """The store's database. May hold a password: not for logs."""
        return self.store_url or f"sqlite:///{self.server_folder / 'store.db'}"


KEYS = Settings.__struct_fields__
SWITCHES = tuple(key for key in KEYS if isinstance(getattr(Settings(), key), bool))


def _authority(host: str) -> str:
    return f"[{host}]" if ":" in host else host

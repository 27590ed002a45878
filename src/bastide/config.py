"""The settings of one installation, read once at start and frozen.

Order, later wins: built-in defaults, the settings file, `BASTIDE_*` variables, flags. Everything here is
listed in docs/configuration.md; an unknown key is an error that names the nearest right one.
"""

import re
from pathlib import Path

import msgspec

INSTANCE_NAME = re.compile(r"[a-z][a-z0-9]{0,11}(-[a-z0-9]{1,8})?")  # link and cgroup names are built from it


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What can be set."""

    instance: str = "bastide"
    data_root: Path = Path("/var/lib/bastide")
    run_root: Path = Path("/run/bastide")
    runtime_folder: Path | None = (
        None  # holds runsc, containerd-shim-runsc-v1, containerd; None: found at start
    )
    host: str = "127.0.0.1"
    port: int = 4566
    metrics_port: int = 4567
    region: str = "us-east-1"
    account: str = "000000000000"
    store_url: str = ""  # empty: SQLite in the data folder
    server_user: str = "bastide"
    body_limit_bytes: int = 64 * 1024 * 1024
    public_pool: str = (
        ""  # CIDR of public addresses, reached from this host; empty: a /24 derived from the instance
    )
    stopped_task_retention_s: int = 3600  # AWS keeps a stopped task visible for an hour
    log_buffer_bytes: int = 64 * 1024 * 1024  # on disk, a task; beyond it the writer is blocked
    nofile_soft: int = 65535  # Fargate's documented default today; older: 1024
    nofile_hard: int = 65535  # older: 4096
    log_level: str = "INFO"

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
    def server_folder(self) -> Path:
        """The server's: store and admin key. Owned by the server's user."""
        return self.data_folder / "server"

    @property
    def session_socket(self) -> Path:
        """Where the server listens for the agent."""
        return self.run_folder / "server" / "session.sock"

    @property
    def containerd_socket(self) -> Path:
        """containerd's gRPC address."""
        return self.run_folder / "containerd" / "containerd.sock"

    @property
    def endpoint(self) -> str:
        """What AWS_ENDPOINT_URL is set to."""
        return f"http://{self.host}:{self.port}"

"""The settings of one installation, read once at start and frozen.

Order, later wins: built-in defaults, the settings file, `BASTIDE_*` variables, flags. Everything here is
listed in docs/configuration.md; an unknown key is an error that names the nearest right one.
"""

import difflib
import ipaddress
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bastide.model.faults import Denied, Invalid
from bastide.model.status import RuntimeClass

INSTANCE_NAME = re.compile(r"[a-z][a-z0-9]{0,11}(-[a-z0-9]{1,8})?")  # link and cgroup names are built from it
ACCOUNT = re.compile(r"[0-9]{12}")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
POOL_PREFIX_MAX = 29  # the host's own address, network and broadcast, and some for tasks
PIDS_MAX_MAX = 65536  # gVisor's own bound on the threads of a sandbox
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

FILE_FOLDER = Path("/etc/bastide")
PREFIX = "BASTIDE_"
FILE_VARIABLE = "BASTIDE_CONFIG"
# Variables that are no settings: where the file is, the set-up's cache, switches of the tests.
NO_SETTINGS = (FILE_VARIABLE, "BASTIDE_RUNTIME_CACHE", "BASTIDE_TEST_")

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
    "tls_certificate": "file with a certificate chain to show instead of one of Bastide's own authority",
    "tls_key": "file with that certificate's private key; the server's user has to be able to read both",
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
    "log_level": "how much the server and the agent log: " + ", ".join(LOG_LEVELS),
    "registries_file": "mirrors, certificates and plain HTTP of single registries (docs/images.md)",
    "pull_layers_at_once": "how many layers of images a host fetches at the same time",
    "image_gib_max": "what an image's layer may unpack to, in GiB",
    "image_entries_max": "files, folders and links an image's layer may hold",
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
    tls_certificate: str = ""
    tls_key: str = ""
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
    def server_folder(self) -> Path:
        """The server's: store and admin key. Owned by the server's user."""
        return self.data_folder / "server"

    @property
    def registry_folder(self) -> Path:
        """Layers of the images that were pushed."""
        return self.server_folder / "registry"

    @property
    def log_folder(self) -> Path:
        """What each process says."""
        return self.data_folder / "log"

    @property
    def session_socket(self) -> Path:
        """Where the server listens for the agent."""
        return self.run_folder / "server" / "session.sock"

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


def read_settings(flags: Mapping[str, str], environ: Mapping[str, str]) -> Settings:
    """Defaults, then the file, then variables, then flags; Invalid names what is wrong and where.

    The file is the flag `config`, else BASTIDE_CONFIG, else /etc/bastide/<instance>.toml if it is there.
    """
    given = {key: text for key, text in flags.items() if key != "config"}
    if urlsplit(given.get("store_url", "")).password:
        why = "Everybody can see a password on the command line: use the settings file or BASTIDE_STORE_URL."
        raise Invalid("setting", "store_url", why=why)
    variables = _read_variables(environ)
    instance = given.get("instance") or variables.get("instance") or Settings().instance
    named = flags.get("config") or environ.get(FILE_VARIABLE)
    path = Path(named) if named else FILE_FOLDER / f"{instance}.toml"
    values: dict[str, Any] = {}
    for source, spelled, found in (
        (str(path), "{}", _read_file(path) if named or path.exists() else {}),
        ("the environment", "BASTIDE_{}", variables),
        ("the flags", "--{}", given),
    ):
        for key in found:
            _check_known(key, source, spelled)
        values |= {key: _convert(key, value, source) for key, value in found.items()}
    return _checked(Settings(**values))


def render_settings(settings: Settings) -> bytes:
    """As JSON, for the processes that are started with them; may hold a password."""
    return msgspec.json.encode({key: getattr(settings, key) for key in KEYS}, enc_hook=str)


def parse_settings(text: bytes) -> Settings:
    """What `render_settings` wrote."""
    values: dict[str, Any] = msgspec.json.decode(text)
    for key in values:
        _check_known(key, "settings.json", "{}")
    return _checked(Settings(**{key: _convert(key, value, "settings.json") for key, value in values.items()}))


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        why = f"The settings file {path} cannot be read: {said}."
        raise Invalid("settings", str(path), why=why) from error


def _read_variables(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(PREFIX).lower(): text
        for name, text in environ.items()
        if name.startswith(PREFIX) and not name.startswith(NO_SETTINGS)
    }


def find_nearest(word: str, known: Sequence[str] = KEYS) -> str:
    """Which of the known words, the settings by default, is spelled most like it."""
    return difflib.get_close_matches(word, known, n=1, cutoff=0.0)[0]


def _check_known(key: str, source: str, spelled: str) -> None:
    """Invalid, naming the nearest right key as it is spelled there, unless there is such a setting."""
    if key in KEYS:
        return
    near = find_nearest(key)
    wrong, right = (_spelled(name, spelled) for name in (key, near))
    raise Invalid("setting", key, why=f"There is no setting `{wrong}` (in {source}). Did you mean `{right}`?")


def _spelled(key: str, spelled: str) -> str:
    if spelled.startswith("--"):
        key = key.replace("_", "-")
    return spelled.format(key.upper() if spelled.startswith(PREFIX) else key)


def _convert(key: str, value: Any, source: str) -> Any:
    """A value as its field wants it; text is taken for a number where the field is one."""
    default = getattr(Settings(), key)
    if isinstance(default, bool):
        return _yes_or_no(key, value, source)
    if isinstance(default, int):
        return _whole_number(key, value, source)
    if key == "runtime_folder" and value in (None, ""):
        return None
    if not isinstance(value, str):
        raise Invalid("setting", key, why=f"`{key}` (in {source}) must be text.")
    if isinstance(default, RuntimeClass):
        return _runtime_class(key, value, source)
    return Path(value) if isinstance(default, Path) or key == "runtime_folder" else value


def _yes_or_no(key: str, value: Any, source: str) -> bool:
    known = {True: True, False: False, "true": True, "false": False}
    if not isinstance(value, bool | str) or value not in known:
        raise Invalid("setting", key, why=f"`{key}` (in {source}) must be true or false.")
    return known[value]


def _runtime_class(key: str, value: str, source: str) -> RuntimeClass:
    if value not in tuple(RuntimeClass):
        why = f"`{key}` (in {source}) is {value!r}; it must be one of {', '.join(RuntimeClass)}."
        raise Invalid("setting", key, why=why)
    return RuntimeClass(value)


def _whole_number(key: str, value: Any, source: str) -> int:
    try:
        if isinstance(value, str | int) and not isinstance(value, bool):
            return int(value)
    except ValueError:
        pass
    raise Invalid("setting", key, why=f"`{key}` (in {source}) must be a whole number.")


def _checked(settings: Settings) -> Settings:
    rules = (
        ("instance", bool(INSTANCE_NAME.fullmatch(settings.instance)), "a short name like bastide or test-1"),
        ("data_root", settings.data_root.is_absolute(), "an absolute path"),
        ("run_root", settings.run_root.is_absolute(), "an absolute path"),
        ("host", _is_address(settings.host), "an IP address"),
        ("port", 0 < settings.port < 65535, "a port, 1 to 65534"),
        (
            "metrics_port",
            0 <= settings.metrics_port <= 65535 and settings.metrics_port != settings.port,
            "a port of its own",
        ),
        ("region", bool(REGION.fullmatch(settings.region)), "a region like eu-central-1"),
        ("account", bool(ACCOUNT.fullmatch(settings.account)), "twelve digits"),
        (
            "server_user",
            bool(USER.fullmatch(settings.server_user)) and settings.server_user != "root",
            "the name of a user without privileges",
        ),
        ("body_limit_bytes", settings.body_limit_bytes >= 65536, "at least 65536"),
        (
            "public_pool",
            not settings.public_pool or _is_pool(settings.public_pool),
            "an IPv4 network of /29 or wider, like 192.0.2.0/24",
        ),
        ("tls_certificate", _is_path_or_empty(settings.tls_certificate), "an absolute path"),
        (
            "tls_key",
            _is_path_or_empty(settings.tls_key) and bool(settings.tls_key) == bool(settings.tls_certificate),
            "an absolute path, given with tls_certificate and only with it",
        ),
        ("registry_domain", bool(DOMAIN.fullmatch(settings.registry_domain)), "a domain in lower case"),
        ("registry_grace_s", settings.registry_grace_s >= 0, "0 or more"),
        ("cpu_overcommit", settings.cpu_overcommit >= 1, "1 or more"),
        ("stopped_task_retention_s", settings.stopped_task_retention_s >= 0, "0 or more"),
        ("event_retention_s", settings.event_retention_s >= 60, "60 or more"),
        ("log_buffer_bytes", settings.log_buffer_bytes >= 65536, "at least 65536"),
        ("pids_max", 16 <= settings.pids_max <= PIDS_MAX_MAX, f"between 16 and {PIDS_MAX_MAX}"),
        ("disk_reserve_percent", 0 <= settings.disk_reserve_percent <= 90, "between 0 and 90"),
        ("nofile_soft", 0 < settings.nofile_soft <= settings.nofile_hard, "between 1 and nofile_hard"),
        ("registries_file", settings.registries_file.is_absolute(), "an absolute path"),
        ("pull_layers_at_once", 1 <= settings.pull_layers_at_once <= 64, "1 to 64"),
        ("image_gib_max", settings.image_gib_max >= 1, "1 or more"),
        ("image_entries_max", settings.image_entries_max >= 1, "1 or more"),
        ("image_cache_percent", 0 <= settings.image_cache_percent <= 90, "between 0 and 90"),
        ("log_level", settings.log_level in LOG_LEVELS, "one of " + ", ".join(LOG_LEVELS)),
    )
    for key, is_right, wanted in rules:
        if not is_right:
            why = f"The setting `{key}` is {getattr(settings, key)!s}; it must be {wanted}."
            raise Invalid("setting", key, why=why)
    if settings.runtime.shares_kernel and not settings.allow_shared_kernel:
        why = (
            f"With the runtime class {settings.runtime} every task shares this machine's kernel: a hole in it"
            " is a way out of the task. Where that is acceptable, say so: --allow-shared-kernel, or"
            " allow_shared_kernel = true in the settings file."
        )
        raise Denied("setting", "runtime", why=why)
    return settings


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_path_or_empty(text: str) -> bool:
    return not text or Path(text).is_absolute()


def _is_pool(text: str) -> bool:
    try:
        return ipaddress.IPv4Network(text).prefixlen <= POOL_PREFIX_MAX
    except ValueError:
        return False


def _authority(host: str) -> str:
    return f"[{host}]" if ":" in host else host

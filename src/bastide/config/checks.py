"""What a value of a setting has to be. A wrong one is an error that says what is wanted."""

import ipaddress
import re
from pathlib import Path

from bastide.config.settings import LOG_LEVELS, Settings
from bastide.model.faults import Denied, Invalid

INSTANCE_NAME = re.compile(r"[a-z][a-z0-9]{0,11}(-[a-z0-9]{1,8})?")  # link and cgroup names are built from it
ACCOUNT = re.compile(r"[0-9]{12}")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
POOL_PREFIX_MAX = 29  # the host's own address, network and broadcast, and some for tasks
PIDS_MAX_MAX = 65536  # gVisor's own bound on the threads of a sandbox


def checked(settings: Settings) -> Settings:
    """The settings; Invalid for the first value that is none, Denied for what has to be agreed to."""
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
        ("resolv_conf", settings.resolv_conf.is_absolute(), "an absolute path"),
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
        ("audit_retention_days", settings.audit_retention_days >= 1, "1 or more"),
        ("audit_mib_max", settings.audit_mib_max >= 128, "128 or more"),
        ("image_entries_max", settings.image_entries_max >= 1, "1 or more"),
        ("image_cache_percent", 0 <= settings.image_cache_percent <= 90, "between 0 and 90"),
        ("log_level", settings.log_level in LOG_LEVELS, "one of " + ", ".join(LOG_LEVELS)),
    )
    for key, is_right, wanted in rules:
        if not is_right:
            why = f"The setting `{key}` is {getattr(settings, key)!s}; it must be {wanted}."
            raise Invalid("setting", key, why=why)
    _check_agreed(settings)
    return settings


def _check_agreed(settings: Settings) -> None:
    """Denied when a shared kernel has not been agreed to."""
    if settings.runtime.shares_kernel and not settings.allow_shared_kernel:
        why = (
            f"With the runtime class {settings.runtime} every task shares this machine's kernel: a hole in it"
            " is a way out of the task. Where that is acceptable, say so: --allow-shared-kernel, or"
            " allow_shared_kernel = true in the settings file."
        )
        raise Denied("setting", "runtime", why=why)


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

"""The shim's options for one container: a TOML file in a folder of ours, named by its content.

The shim takes a path, not a body, and reads the file at each create; files are small, few (one per set of
flags) and never changed, so they are left where they are until the run folder goes.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from bastide.files import replace_file

# Origin: `runsc flags` and the trials behind docs on the substrate.
DEFAULT_FLAGS: Mapping[str, str] = {
    "platform": "systrap",
    "overlay2": "none",  # the agent's own overlay, on the task's disk, is what the container writes to
    "file-access": "exclusive",  # nobody else writes to a container's root while it runs
    "file-access-mounts": "shared",  # volumes are shared between containers
    "network": "sandbox",
    "net-raw": "true",  # Fargate's default capabilities have NET_RAW
    "allow-suid": "true",  # setuid programs work as on Fargate; the bounding set still holds
    "host-uds": "none",
    "host-fifo": "none",
    "host-settings": "ignore",
    "watchdog-action": "log",
}


def render_options(flags: Mapping[str, str], *, runsc: Path, root: Path) -> str:
    """The file's text: which runsc, where its state lies, and its flags over the defaults."""
    merged = {**DEFAULT_FLAGS, **flags}
    lines = [f"binary_name = {json.dumps(str(runsc))}", f"root = {json.dumps(str(root))}", "[runsc_config]"]
    lines += [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in sorted(merged.items())]
    return "\n".join(lines) + "\n"


def ensure_options_file(folder: Path, text: str) -> Path:
    """Where the text can be read; written once, by rename."""
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.toml"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode(), mode=0o644)
    return path

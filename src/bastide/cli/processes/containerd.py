"""The installation's containerd: where its programs and folders are, and which versions those are.

A part is looked for in `runtime_folder` if that is set; else where the set-up recorded what it built and,
for a runtime class whose parts Debian ships fit for use, in the machine's own folders.
"""

import contextlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bastide.config import Settings
from bastide.host.containerd.daemon import Daemon
from bastide.host.containerd.shims import PARTS
from bastide.model.faults import Unavailable

RECORD = Path(sys.prefix) / "share" / "bastide" / "runtime-path"
MACHINE = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
DAEMON = "containerd"
ASK_TIMEOUT_S = 10.0


def daemon_of(settings: Settings) -> Daemon:
    """The installation's containerd; Unavailable, with what to type, when a part of it is not here."""
    parts = PARTS[settings.runtime]
    programs = find_programs(settings)
    run_folder = settings.containerd_socket.parent
    return Daemon(
        containerd=programs[DAEMON],
        shim=parts.make(programs[parts.shim], programs[parts.runtime], run_folder),
        data_folder=settings.data_folder / "containerd",
        run_folder=run_folder,
    )


def find_programs(settings: Settings) -> dict[str, Path]:
    """containerd, the shim and the runtime of the installation's class, by name."""
    parts = PARTS[settings.runtime]
    folders = _folders(settings, are_of_machine=parts.are_of_machine)
    found: dict[str, Path] = {}
    missing: list[str] = []
    for name in (DAEMON, parts.shim, parts.runtime):
        if program := shutil.which(name, path=":".join(folders)):
            found[name] = Path(program)
        else:
            missing.append(name)
    if missing:
        where = ", ".join(folders) or "this machine"
        why = f"{', '.join(missing)}: not found in {where}. Do: {parts.advice}."
        raise Unavailable("runtime parts", why=why)
    return found


def read_versions(settings: Settings) -> dict[str, str]:
    """Of containerd and, by the class's name, of the runtime; what does not tell is left out."""
    try:
        programs = find_programs(settings)
    except Unavailable:
        return {}
    asked = {DAEMON: programs[DAEMON], settings.runtime.value: programs[PARTS[settings.runtime].runtime]}
    return {name: version for name, program in asked.items() if (version := _version(name, program))}


def _folders(settings: Settings, *, are_of_machine: bool) -> list[str]:
    if settings.runtime_folder is not None:
        return [str(settings.runtime_folder)]
    recorded = [RECORD.read_text().strip()] if RECORD.exists() else []
    return [*recorded, *(MACHINE if are_of_machine else ())]


def _version(name: str, program: Path) -> str | None:
    """As the set-up recorded it beside the program, else as the program says."""
    with contextlib.suppress(OSError, ValueError, LookupError):
        record = json.loads((program.parent / "runtime.json").read_text())
        return str(record["groups"][name]["version"])
    try:
        argv = [str(program), "--version"]
        said = subprocess.run(argv, capture_output=True, text=True, timeout=ASK_TIMEOUT_S, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    told = re.search(r"\d+\.\d+\S*", said)
    return told[0] if told else None

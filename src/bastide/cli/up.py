"""`bastide up`: everything that is not running is started, in order, each waited for until it answers."""

import argparse
import shlex
import shutil
import socket
import sys
import time
from pathlib import Path

from bastide.agent.folders import TaskFolders
from bastide.cli.commands import Command, sudo, tell
from bastide.cli.processes import folders
from bastide.cli.processes.accounts import ensure_account
from bastide.cli.processes.containerd import find_programs
from bastide.cli.processes.neighbours import check_neighbours
from bastide.cli.processes.services import SERVER, SERVICES, check_ports, check_started_by_us
from bastide.config import KEYS, Settings
from bastide.model.faults import Conflict
from bastide.model.registry.host_name import render_registry_host

HANGING_S = 15.0  # what runs may have been started a moment ago


def up(asked: Settings, args: argparse.Namespace) -> int:
    """Start what does not run; say where the API is and what to type next."""
    began = time.monotonic()
    find_programs(asked)
    account = ensure_account(asked.server_user)
    with folders.locked(asked):
        settings = _settings_of_running(asked, set(args.flags))
        _check_runtime(settings)
        check_started_by_us(settings)
        running = {service.name: service.find(settings) for service in SERVICES}
        if running[SERVER.name] is None:
            check_ports(settings)
            check_neighbours(settings)
        folders.prepare_folders(settings, account)
        for service in SERVICES:
            found = running[service.name]
            if found is not None:
                service.wait_answer(found, settings, timeout_s=HANGING_S)
                tell(f"  {service.name:<11} runs already, process {found.pid}")
                continue
            step_began = time.monotonic()
            started = service.start(settings, account)
            took_s = time.monotonic() - step_began
            tell(f"  {service.name:<11} started in {took_s:.1f} s, process {started.pid}")
    tell(f"\nBastide is up ({time.monotonic() - began:.1f} s). The API: {settings.endpoint}\n")
    tell("Next, type:")
    program = shlex.join((*sudo(), sys.argv[0]))
    tell(f'  eval "$({program} env{_of_instance(settings)})"')
    tell(f"  {_aws_program()} ecs list-clusters")
    _say_registry(settings)
    return 0


def prepare(settings: Settings, args: argparse.Namespace) -> int:
    """What must be there before the processes start; for service files, which start them themselves."""
    folders.prepare_folders(settings, ensure_account(settings.server_user))
    return 0


def _settings_of_running(asked: Settings, flags: set[str]) -> Settings:
    """Settings are frozen at start: what runs keeps its own, and a flag that says otherwise is refused."""
    frozen = folders.read_frozen(asked)
    if frozen is None or not any(service.find(frozen) for service in SERVICES):
        return asked
    different = [key for key in KEYS if getattr(asked, key) != getattr(frozen, key)]
    refused = sorted(set(different) & flags)
    restart = " and then ".join(f"`bastide {word}{_of_instance(asked)}`" for word in ("down", "up"))
    if refused:
        why = f"It runs with another {', '.join(refused)}, frozen at its start. To change it: {restart}."
        raise Conflict("setting", ", ".join(refused), why=why)
    if different:  # today's file, or an earlier flag: a hint is all that can be given
        tell(f"  note: started with another {', '.join(different)}; to change it: {restart}")
    return frozen


def _check_runtime(settings: Settings) -> None:
    """Conflict when tasks of another runtime class are here: nothing of ours could look after them."""
    before = folders.read_frozen(settings)
    if before is None or before.runtime is settings.runtime or not before.agent_folder.exists():
        return
    if live := TaskFolders(before.agent_folder / "tasks").read_live_ids():
        agreed = " --allow-shared-kernel" if before.allow_shared_kernel else ""
        back = f"`bastide up{_of_instance(before)} --runtime {before.runtime}{agreed}`"
        why = (
            f"Tasks of the runtime class {before.runtime} are here ({len(live)}), and only it can look after"
            f" them. Stop them first: {back}, then `bastide down --stop-tasks{_of_instance(before)}`."
        )
        raise Conflict("setting", "runtime", why=why)


def _say_registry(settings: Settings) -> None:
    """Where images are pushed; the one line that makes its name known, where this machine does not."""
    name = render_registry_host(settings.account, settings.region, settings.registry_domain, settings.port)
    host = name.partition(":")[0]
    tell(f"\nThe registry: {name}")
    try:
        socket.getaddrinfo(host, settings.port)
    except OSError:
        address = settings.host if settings.host not in ("0.0.0.0", "::") else "127.0.0.1"
        tell("This machine does not know that name. For docker, skopeo and buildah (curl needs nothing):")
        tell(f'  echo "{address} {host}" {"| sudo " if sudo() else "| "}tee -a /etc/hosts')


def _of_instance(settings: Settings) -> str:
    """The flags that find it again, where they are not the defaults."""
    plain = Settings()
    flags = [f"--instance {settings.instance}"] if settings.instance != plain.instance else []
    if settings.run_root != plain.run_root:
        flags.append(f"--run-root {shlex.quote(str(settings.run_root))}")
    return "".join(f" {flag}" for flag in flags)


def _aws_program() -> str:
    """The user's own, else the one that was set up beside us."""
    beside = Path(sys.argv[0]).with_name("aws")
    return "aws" if shutil.which("aws") or not beside.exists() else shlex.quote(str(beside))


COMMANDS = (
    Command("up", "start everything that does not run", up),
    Command("prepare", "make user, folders and settings", prepare, hidden=True),
)

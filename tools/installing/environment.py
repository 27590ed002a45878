"""The virtual environment `.venv`: an interpreter others can run, the locked packages, Bastide itself.

Stamps (hashes of what went in) make a second run a matter of milliseconds. The environment belongs to whoever
owns the checkout, whoever ran set-up.
"""

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterable
from enum import Enum
from pathlib import Path

from installing.shown import StepFailed, output_of, run, say

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
PIP_INSTALL: tuple[str | Path, ...] = (
    *(PYTHON, "-m", "pip", "install"),
    "--disable-pip-version-check",
    "--no-deps",  # the locks name everything
)
SHARE = VENV / "share" / "bastide"
STAMPS = SHARE / "stamps.json"
REQUIREMENTS = ROOT / "requirements"
MINIMUM = (3, 11)
SOURCES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "tools/protos.py")
SOURCE_FOLDERS = ("src", "protos")


class Wanted(Enum):
    """What the environment is for; the lock's name. `DEV` holds all of `RUNTIME`, same versions."""

    RUNTIME = "runtime"
    DEV = "dev"


def ensure_environment(wanted: Wanted, *, editable: bool) -> None:
    """Make or renew `.venv` so that it holds the wanted lock and this checkout's Bastide."""
    interpreter = find_interpreter()
    _ensure_venv(interpreter)
    stamps = _read_stamps()
    stamps = _ensure_lock(wanted, stamps)
    _ensure_bastide(stamps, editable=editable or stamps.get("editable") == "yes")


def venv_packages() -> tuple[str, ...]:
    """What Debian lacks to make the environment with an interpreter that other users can run."""
    if output_of([PYTHON, "-c", "import pip"]) is not None:
        return ()
    debian_python, interpreter = Path("/usr/bin/python3"), find_interpreter()
    if not debian_python.exists():
        return () if is_readable_by_all(interpreter) else ("python3", "python3-venv")
    if (
        interpreter != debian_python.resolve()
        or output_of([debian_python, "-c", "import ensurepip"]) is not None
    ):
        return ()
    return ("python3-venv",)


def find_interpreter() -> Path:
    """Debian's own Python where it is new enough, else the first on PATH."""
    candidates = [Path("/usr/bin/python3")]
    if on_path := shutil.which("python3"):
        candidates.append(Path(on_path))
    fit = [found for candidate in candidates if (found := _resolved(candidate))]
    if not fit:
        raise StepFailed("Python 3.11 or newer is needed; install Debian's python3 package")
    best = next((path for path in fit if is_readable_by_all(path)), fit[0])
    if not is_readable_by_all(best):
        say(
            f"  note: {best} cannot be run by other users; Bastide's server needs one that can (apt: python3)"
        )
    return best


def is_readable_by_all(path: Path) -> bool:
    """Whether a user without privileges can reach and run the file."""
    folders = all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)
    return folders and path.stat().st_mode & 0o005 == 0o005


def digest(paths: Iterable[Path], *also: str) -> str:
    """A hash of files' names and contents, and of some words."""
    total = hashlib.sha256("\0".join(also).encode())
    for path in sorted(paths):
        total.update(f"\0{path.relative_to(ROOT)}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def give_back(*paths: Path) -> None:
    """Hand what root made in the checkout to the checkout's owner."""
    owner = ROOT.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    for path in paths:
        os.chown(path, owner.st_uid, owner.st_gid)
        for folder, folders, files in os.walk(path):
            for name in folders + files:
                os.chown(Path(folder) / name, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _resolved(candidate: Path) -> Path | None:
    """The interpreter behind a wrapper or link, if it is new enough."""
    code = "import sys; print(*sys.version_info[:2], getattr(sys, '_base_executable', sys.executable))"
    answer = output_of([candidate, "-I", "-c", code])
    if answer is None:
        return None
    major, minor, executable = answer.split(" ", 2)
    return Path(executable).resolve() if (int(major), int(minor)) >= MINIMUM else None


def _ensure_venv(interpreter: Path) -> None:
    used = _resolved(PYTHON)
    usable = used is not None and output_of([PYTHON, "-c", "import pip"]) is not None
    if used and usable and (is_readable_by_all(used) or not is_readable_by_all(interpreter)):
        return
    if not is_readable_by_all(interpreter):
        say(f"  note: {interpreter} cannot be run by other users; Bastide's server needs one that can")
    run([interpreter, "-m", "venv", "--clear", VENV], title=f"Making .venv with {interpreter}")


def _ensure_lock(wanted: Wanted, stamps: dict[str, str]) -> dict[str, str]:
    version = output_of([PYTHON, "-V"]) or ""
    fitting = {each: digest([REQUIREMENTS / f"{each.value}.lock"], version) for each in Wanted}
    enough = {fitting[Wanted.DEV], fitting[wanted]}
    if stamps.get("lock") in enough:
        return stamps
    lock = REQUIREMENTS / f"{wanted.value}.lock"
    total = sum("==" in line for line in lock.read_text().splitlines())
    seen: set[str] = set()

    def state_of(line: str) -> str | None:
        if line.startswith(("Collecting ", "Requirement already satisfied")):
            seen.add(line.split(" from ")[0])
            return f"{len(seen)} of {total}: {line.split()[1].split('==')[0]}"
        return "unpacking" if line.startswith("Installing collected") else None

    try:
        run(
            [*PIP_INSTALL, "--require-hashes", "-r", lock],
            title="Installing locked Python packages",
            state_of=state_of,
        )
    except StepFailed as failed:
        raise StepFailed(
            f"{failed}\nIs a Python package index reachable? (pip's own settings are used)"
        ) from failed
    return _write_stamps(stamps | {"lock": fitting[wanted]})


def _ensure_bastide(stamps: dict[str, str], *, editable: bool) -> None:
    """Install this checkout: plain files in site-packages, or (for development) a link to src/."""
    shared = [ROOT / name for name in SOURCES if (ROOT / name).exists()]
    protos = list((ROOT / "protos").rglob("*.proto"))
    if stamps.get("stubs") != (now := digest([ROOT / "tools/protos.py", *protos], stamps["lock"])):
        run([PYTHON, ROOT / "tools" / "protos.py"], title="Generating containerd's stubs")
        stamps = _write_stamps(stamps | {"stubs": now})
    code = [] if editable else [path for path in _source_files() if path not in shared]
    kind = "yes" if editable else "no"
    now = digest([*shared, *code], stamps["lock"], kind)
    if stamps.get("bastide") == now:
        return
    argv = [*PIP_INSTALL, "--no-build-isolation", "--force-reinstall", *(["-e"] if editable else []), ROOT]
    shutil.rmtree(ROOT / "build", ignore_errors=True)  # setuptools would pack files deleted since
    try:
        run(argv, title="Installing bastide")
    finally:
        shutil.rmtree(ROOT / "build", ignore_errors=True)
    _write_stamps(stamps | {"bastide": now, "editable": kind})


def _source_files() -> list[Path]:
    found = (path for name in SOURCE_FOLDERS for path in (ROOT / name).rglob("*"))
    return [
        path
        for path in found
        if path.is_file()
        and not {"__pycache__", "containerd_api"} & set(path.parts)
        and ".egg-info" not in str(path)
    ]


def _read_stamps() -> dict[str, str]:
    try:
        stamps: dict[str, str] = json.loads(STAMPS.read_text())
    except (OSError, ValueError):
        return {}
    return stamps


def _write_stamps(stamps: dict[str, str]) -> dict[str, str]:
    SHARE.mkdir(parents=True, exist_ok=True)
    scratch = STAMPS.with_suffix(".new")
    scratch.write_text(json.dumps(stamps, indent=1))
    scratch.replace(STAMPS)
    return stamps

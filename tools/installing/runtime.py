"""The runtime parts: runsc, its containerd shim and containerd, in one folder outside the checkout.

Each group (gvisor, containerd) is taken from the machine where a probe (a sandbox really started) finds it
fit, else built once from its pinned Go module. A group's build lands in `<cache>/<group>-<hash>` and a choice
of groups in `<cache>/<hash>`, a folder of links with runtime.json; both appear by rename, under a lock.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import itertools
import json
import os
import platform
import re
import shutil
import stat
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installing import golang
from installing.environment import PYTHON, ROOT, SHARE
from installing.shown import StepFailed, output_of, run, say

PINS = ROOT / "packaging" / "runtime"
CACHE = Path(os.environ.get("BASTIDE_RUNTIME_CACHE", "/var/cache/bastide/runtime"))
SCRATCH = "building-"  # begins the name of a build's folder
KEPT = CACHE / "downloads"  # toolchain and modules, kept until every build is done
RECORD = SHARE / "runtime-path"  # one line: the folder; read by config.py through sys.prefix
PROBE = Path(__file__).with_name("probe.py")
CONTAINERD_MINIMUM = (2, 0)


@dataclass(frozen=True)
class Group:
    """Parts that are built, versioned and probed together."""

    name: str
    version: str
    vendor: bool
    patches: list[str]
    tags: list[str]
    programs: dict[str, str]
    stamped: dict[str, str]

    @property
    def module(self) -> Path:
        """The Go module that pins the group."""
        return PINS / self.name

    @property
    def built(self) -> Path:
        """Where its build lies, or will."""
        table = json.dumps(dataclasses.asdict(self), sort_keys=True)
        total = hashlib.sha256(f"{platform.machine()}\0{table}\0".encode())
        for path in sorted(self.module.iterdir()):
            total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        return CACHE / f"{self.name}-{total.hexdigest()[:16]}"


@dataclass(frozen=True)
class Source:
    """Where one group's programs come from."""

    group: Group
    origin: str  # 'built' or 'machine'
    version: str
    programs: dict[str, Path]


def ensure_runtime() -> Path:
    """The folder with fit runtime parts; recorded where the environment's `bastide` looks."""
    groups = read_groups()
    recorded = read_record()
    if recorded and _is_current(recorded, groups):
        return recorded
    with locked():
        folder = _ensure_fit(groups)
        remove_tree(KEPT)
    SHARE.mkdir(parents=True, exist_ok=True)
    scratch = RECORD.with_suffix(".new")
    scratch.write_text(f"{folder}\n")
    scratch.replace(RECORD)
    return folder


def read_groups() -> list[Group]:
    """The pins of packaging/runtime/parts.toml."""
    table: dict[str, dict[str, Any]] = tomllib.loads((PINS / "parts.toml").read_text())
    return [Group(name=name, **fields) for name, fields in table.items()]


def read_record() -> Path | None:
    """The folder an earlier set-up recorded."""
    with contextlib.suppress(OSError):
        return Path(RECORD.read_text().strip())
    return None


def _is_current(folder: Path, groups: list[Group]) -> bool:
    """Whether the folder holds what these pins (or this machine) give, complete and runnable."""
    try:
        manifest = json.loads((folder / "runtime.json").read_text())
    except (OSError, ValueError):
        return False
    same = all(
        (chosen := manifest["groups"].get(group.name))
        and (chosen["origin"] == "machine" or chosen["folder"] == str(group.built))
        for group in groups
    )
    return same and all(os.access(path, os.X_OK) for path in manifest["programs"].values())


def _ensure_fit(groups: list[Group]) -> Path:
    """Try the machine's own parts first, most of them first; what is built is built once."""
    found = [source for group in reversed(groups) if (source := _find_on_machine(group))]
    choices = itertools.chain.from_iterable(
        itertools.combinations(found, count) for count in range(len(found), 0, -1)
    )
    for choice in choices:
        taken = {source.group.name: source for source in choice}
        folder = _assemble([taken.get(group.name) or ensure_built(group) for group in groups])
        if (why_not := probe(folder)) is None:
            return folder
        names = ", ".join(taken)
        say(f"  the machine's own {names} cannot be used: {why_not.splitlines()[-1]}")
        shutil.rmtree(folder)
    folder = _assemble([ensure_built(group) for group in groups])
    if (why_not := probe(folder)) is not None:
        raise StepFailed(
            f"{why_not}\nThe runtime parts are built, but no sandbox starts on this machine; see above"
        )
    return folder


def probe(folder: Path) -> str | None:
    """None when a sandbox really starts with the folder's parts, else why not."""
    say("  Starting a sandbox to see that the parts fit this machine …")
    argv = [str(PYTHON), str(PROBE), str(folder)]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return "the probe did not end within two minutes"
    if done.returncode == 0:
        return None
    return (done.stderr or done.stdout).strip() or f"the probe ended with exit code {done.returncode}"


def _find_on_machine(group: Group) -> Source | None:
    """The machine's own programs, as far as their versions tell; the probe decides."""
    programs = {name: shutil.which(name) for name in group.programs if name != "ctr"}
    if not all(programs.values()):
        return None
    first = next(path for path in programs.values() if path)
    answer = output_of([first, "--version"]) or ""
    version = re.search(r"v?(\d+\.\d+\S*|release-\S+|\d{8}\S*)", answer)
    if version is None or (
        group.name == "containerd" and golang.parse_version(version[1]) < CONTAINERD_MINIMUM
    ):
        return None
    return Source(
        group, "machine", version[1], {name: Path(path).resolve() for name, path in programs.items() if path}
    )


def ensure_built(group: Group) -> Source:
    """The group's build, made now if there is none. Preconditions: the cache is locked by this process."""
    if not group.built.is_dir():
        _build(group)
    return Source(group, "built", group.version, {name: group.built / name for name in group.programs})


def _build(group: Group) -> None:
    """Build a group in a scratch folder and rename it into place."""
    for stale in CACHE.glob(f"{SCRATCH}*"):  # of a build that was killed; the lock says none runs
        remove_tree(stale)
    scratch = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=CACHE))
    module, out = scratch / "module", scratch / "out"
    out.mkdir()
    shutil.copytree(group.module, module)
    go = golang.ensure_go(golang.needed_by([PINS / each.name for each in read_groups()]), KEPT)
    say(f"  Building {group.name} {group.version} with Go {go.version}; once, a few minutes")
    _fetch_modules(go, group, module)
    flags = ["-mod=vendor" if group.vendor else "-mod=readonly", "-trimpath", "-buildvcs=false"]
    if group.tags:
        flags.append(f"-tags={','.join(group.tags)}")
    stamped = " ".join(f"-X {name}={value}" for name, value in group.stamped.items())
    for program, package in group.programs.items():
        total = golang.count_packages(go, package, flags[:1] + flags[3:], module)
        argv: list[str | Path] = [
            go.program,
            "build",
            "-v",
            *flags,
            f"-ldflags=-s -w {stamped}",
            "-o",
            out / program,
            package,
        ]
        run(argv, title=f"Building {program}", cwd=module, env=go.env, state_of=_Count(total))
    (out / "built.json").write_text(json.dumps({"go": go.version, "version": group.version}))
    out.rename(group.built)
    remove_tree(scratch)


def _fetch_modules(go: golang.Go, group: Group, module: Path) -> None:
    """Download what the group needs (checked against go.sum); vendor and mend it where asked."""
    argv = ["mod", "vendor", "-v"] if group.vendor else ["list", "-deps", f"-tags={','.join(group.tags)}"]
    packages = [] if group.vendor else sorted(set(group.programs.values()))
    title = f"Fetching {group.name}'s modules"
    run([go.program, *argv, *packages], title=title, cwd=module, env=go.env, state_of=_Count(0))
    env = {**os.environ, "GIT_CEILING_DIRECTORIES": str(module.parent)}  # the cache may lie in a repository
    for patch in group.patches:
        run(["git", "apply", module / patch], title=f"Applying {patch}", cwd=module, env=env)


class _Count:
    """Turns a line for every package into "so many of at most so many"."""

    def __init__(self, total: int) -> None:
        self._seen, self._total = 0, total

    def __call__(self, line: str) -> str:
        self._seen += 1
        of = f" of at most {self._total}" if self._total else ""
        return f"{self._seen}{of} packages"


def _assemble(sources: list[Source]) -> Path:
    """A folder of links to the chosen parts, named by what they are."""
    programs = {name: path for source in sources for name, path in source.programs.items()}
    chosen = {
        source.group.name: {
            "origin": source.origin,
            "version": source.version,
            "folder": str(source.group.built) if source.origin == "built" else "",
        }
        for source in sources
    }
    manifest = {"groups": chosen, "programs": {name: str(path) for name, path in sorted(programs.items())}}
    text = json.dumps(manifest, indent=1, sort_keys=True)
    folder = CACHE / hashlib.sha256(text.encode()).hexdigest()[:16]
    if not folder.is_dir():
        scratch = CACHE / f"{folder.name}.new"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        for name, path in programs.items():
            (scratch / name).symlink_to(path)
        (scratch / "runtime.json").write_text(text + "\n")
        scratch.rename(folder)
    return folder


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Hold the cache for this process; the kernel lets go when the process dies."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("  another set-up is building the runtime parts; waiting for it …")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remove_tree(folder: Path) -> None:
    """Remove a folder; Go's module cache is read-only and has to be opened first."""
    for path, _, _ in os.walk(folder):
        Path(path).chmod(stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)

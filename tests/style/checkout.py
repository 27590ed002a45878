"""What the style tests look at: the checkout's own files, as git knows them or would."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
GENERATED = ROOT / "src" / "bastide" / "host" / "containerd_api"
IGNORED = {".venv", ".git", "build", "dist", "__pycache__", "containerd_api"}


@cache
def files() -> list[Path]:
    """Every file that is, or would be, committed; without git, every file not made by a build."""
    argv = [
        "git",
        "-c",
        f"safe.directory={ROOT}",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        found = [ROOT / name for name in done.stdout.split("\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if not IGNORED & set(path.relative_to(ROOT).parts)]
    return sorted(path for path in found if path.is_file())


def python_files() -> list[Path]:
    """Every Python file of ours."""
    return [path for path in files() if path.suffix == ".py"]


def named(path: Path) -> str:
    """The path as a reader of a failed test wants it."""
    return str(path.relative_to(ROOT))

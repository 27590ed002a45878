"""Format, lint, types and layers: what other programs judge, called as a developer would call them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.style.checkout import ROOT

BIN = Path(sys.prefix) / "bin"
PROGRAMS = {
    "format": ["ruff", "format", "--check", "--quiet", "."],
    "lint": ["ruff", "check", "--quiet", "."],
    "types": ["mypy"],
    "layers": ["lint-imports", "--no-cache"],
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_checkout_satisfies(name: str) -> None:
    program, *arguments = PROGRAMS[name]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "NO_COLOR": "1"}
    done = subprocess.run(
        [BIN / program, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{program} {' '.join(arguments)}\n{done.stdout}{done.stderr}"

"""The systemd units call commands that exist, with arguments they take, and point at one another."""

import re
import shlex
from pathlib import Path

import pytest

from bastide.cli import build_parser
from tests.style.checkout import ROOT, named

UNITS = sorted((ROOT / "packaging" / "systemd").glob("*@.*"))
EXEC = re.compile(r"^Exec\w+=(.+)$", re.MULTILINE)
REFERENCE = re.compile(r"bastide[\w-]*@%i\.(?:service|target)")


@pytest.mark.parametrize("unit", UNITS, ids=named)
def test_a_unit_calls_what_exists(unit: Path) -> None:
    for line in EXEC.findall(unit.read_text()):
        program, *words = shlex.split(line.replace("%i", "bastide"))
        assert program == "/opt/bastide/.venv/bin/bastide"
        assert build_parser().parse_args(words).command.name == words[0]


@pytest.mark.parametrize("unit", UNITS, ids=named)
def test_a_unit_names_units_that_are_shipped(unit: Path) -> None:
    shipped = {path.name for path in UNITS}
    named_here = {name.replace("%i", "") for name in REFERENCE.findall(unit.read_text())}
    assert named_here <= shipped


def test_every_process_has_a_unit() -> None:
    assert {path.name for path in UNITS} == {
        "bastide@.target",
        "bastide-agent@.service",
        "bastide-containerd@.service",
        "bastide-server@.service",
    }

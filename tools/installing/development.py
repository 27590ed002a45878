"""Programs that only the tests need: pinned Go modules, built once and kept beside the runtime parts."""

import tomllib
from pathlib import Path
from typing import Any

from installing import runtime
from installing.environment import ROOT

PINS = ROOT / "packaging" / "development"


class DevelopmentGroup(runtime.Group):
    """A group whose pins lie apart from those of the runtime."""

    @property
    def module(self) -> Path:
        """The Go module that pins the group."""
        return PINS / self.name


def ensure_development() -> None:
    """Build what is not there yet."""
    groups = read_groups()
    if all(group.built.is_dir() for group in groups):
        return
    with runtime.locked():
        for group in groups:
            runtime.ensure_built(group)
        runtime.remove_tree(runtime.KEPT)


def find_program(name: str) -> Path:
    """Where a program is, or will be."""
    return next(group.built / name for group in read_groups() if name in group.programs)


def read_groups() -> list[DevelopmentGroup]:
    """The pins of packaging/development/parts.toml."""
    table: dict[str, dict[str, Any]] = tomllib.loads((PINS / "parts.toml").read_text())
    return [DevelopmentGroup(name=name, **fields) for name, fields in table.items()]

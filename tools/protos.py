#!/usr/bin/env python3
"""Compiles protos/ into the package bastide.host.containerd_api; run by the build and by `tools/setup`.

The folder protos/ is mapped to the path bastide/host/containerd_api, so what protoc writes imports itself
absolutely and needs no mending. The result is git-ignored and always written whole: a fresh folder is
filled, then takes the old one's place.
"""

import contextlib
import shutil
import sys
import sysconfig
import tempfile
from importlib import resources
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
PACKAGE = Path("bastide/host/containerd_api")
DOCSTRING = '"""Generated from protos/ by tools/protos.py; never edited, never committed."""\n'


def protoc_arguments(into: Path) -> list[str]:
    """What protoc is called with; type stubs are added where mypy-protobuf is installed."""
    scripts = Path(sysconfig.get_path("scripts"))
    arguments = [
        "protoc",
        f"-I{PACKAGE}={PROTOS}",
        f"-I{resources.files('grpc_tools') / '_proto'}",
        f"--python_out={into}",
        f"--grpc_python_out={into}",
    ]
    for plugin in ("mypy", "mypy_grpc"):
        program = scripts / f"protoc-gen-{plugin}"
        if program.exists():
            arguments += [f"--plugin=protoc-gen-{plugin}={program}", f"--{plugin}_out=quiet:{into}"]
    sources = sorted(PROTOS.rglob("*.proto"))
    return arguments + [str(PACKAGE / source.relative_to(PROTOS)) for source in sources]


def generate(source_root: Path) -> None:
    """Write the package below `source_root` (src/ or a build folder). Repeatable."""
    from grpc_tools import protoc  # only where stubs are made; the running program needs no compiler

    target = source_root / PACKAGE
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".containerd_api-", dir=target.parent) as scratch:
        if protoc.main(protoc_arguments(Path(scratch))) != 0:
            raise SystemExit("protos: protoc failed; see above")
        fresh = Path(scratch) / PACKAGE
        for folder in (fresh, fresh / "services", fresh / "types"):
            (folder / "__init__.py").write_text(DOCSTRING)
        old = Path(scratch) / "old"
        with contextlib.suppress(FileNotFoundError):
            target.rename(old)
        fresh.rename(target)
        shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "src")

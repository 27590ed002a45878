"""The one build step pyproject.toml cannot say: containerd's stubs are generated, never committed."""

import runpy
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


class GeneratingBuild(build_py):
    """Adds the generated package: beside the sources in an editable install, else in the build folder."""

    def run(self) -> None:
        super().run()
        into = ROOT / "src" if self.editable_mode else Path(self.build_lib)
        runpy.run_path(str(ROOT / "tools" / "protos.py"))["generate"](into)


setup(cmdclass={"build_py": GeneratingBuild})

"""Copies the starter files of the checkout's root into the package that is built.

Everything else about the distribution is in `pyproject.toml`.
"""

import runpy
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

WORKSPACE = Path("ig_assets") / "workspace.py"


class BuildWithStarter(build_py):
    """`build_py`, and `ig_assets/starter` with what `ig-assets init` copies."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # a checkout is its own starter
            return
        starter = Path(self.build_lib) / "ig_assets" / "starter"
        shutil.rmtree(starter, ignore_errors=True)
        starter.mkdir(parents=True)
        for name in runpy.run_path(str(WORKSPACE))["STARTER_FILES"]:
            source = Path(name)
            if source.is_dir():
                shutil.copytree(
                    source,
                    starter / name,
                    ignore=shutil.ignore_patterns("__pycache__"),
                )
            else:
                shutil.copyfile(source, starter / name)


setup(cmdclass={"build_py": BuildWithStarter})

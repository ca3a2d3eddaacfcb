"""Locate the workspace: the folder with the scripts, the calendar and Dagster's files.

In a checkout it is the checkout. If the package was installed from a wheel, it is the
current folder, and `ig-assets init` fills it with the starter files of the wheel.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

STARTER_FILES = ("dagster.yaml", "workspace.yaml", ".env.example", "library")
"""Files and folders of the checkout's root that the product reads beside its code.

`setup.py` copies them into the wheel as `ig_assets/starter`.
"""

_PACKAGE = Path(__file__).resolve().parent
INSTALLED = (_PACKAGE / "starter").is_dir()
STARTER = _PACKAGE / "starter" if INSTALLED else _PACKAGE.parent
WORKSPACE = Path.cwd() if INSTALLED else _PACKAGE.parent


@dataclass(frozen=True)
class NewWorkspace:
    """The files that `fill` wrote or kept; paths are relative to the folder."""

    folder: Path
    written: tuple[str, ...]
    kept: tuple[str, ...]


def fill(folder: Path) -> NewWorkspace:
    """Copy the starter files into a folder; files that exist already are kept.

    Raises OSError if the folder cannot be written to.
    """
    written, kept = [], []
    for source in _starter_files():
        name = source.relative_to(STARTER)
        target = folder / name
        if target.exists() or target.is_symlink():
            kept.append(name.as_posix())
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        written.append(name.as_posix())
    return NewWorkspace(folder, tuple(written), tuple(kept))


def _starter_files() -> list[Path]:
    found = []
    for name in STARTER_FILES:
        path = STARTER / name
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [p for p in inside if p.is_file() and p.suffix != ".pyc"]
    return found

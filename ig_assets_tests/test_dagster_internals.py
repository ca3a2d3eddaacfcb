"""Dagster's private names stand in one module, for releases that were tried."""

from __future__ import annotations

import re
from pathlib import Path

import dagster as dg
import pytest

import ig_assets
from ig_assets import dagster_internals

PACKAGE = Path(ig_assets.__file__).parent
_PRIVATE = re.compile(r"\bdagster(?:\._|_shared\b)")


def test_this_release_of_dagster_was_verified() -> None:
    assert dg.__version__ in dagster_internals.VERIFIED_VERSIONS, (
        f"Dagster {dg.__version__} was never tried with this project, which relies on "
        "private names of it (ig_assets/dagster_internals.py). Run `make test-all`; if "
        "all else passes, add the version to VERIFIED_VERSIONS."
    )


def test_only_one_module_knows_dagsters_private_names() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if _PRIVATE.search(path.read_text("utf-8"))
    }
    assert found == {"dagster_internals.py"}


@pytest.mark.parametrize("name", dagster_internals.__all__)
def test_each_private_name_is_used(name: str) -> None:
    users = [
        path
        for path in PACKAGE.rglob("*.py")
        if path.name != "dagster_internals.py"
        and re.search(rf"\b{name}\b", path.read_text("utf-8"))
    ]
    assert users

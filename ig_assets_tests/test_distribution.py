"""The wheel and the sdist run outside the checkout, with everything they read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from ig_assets import __version__
from ig_assets.workspace import STARTER_FILES
from ig_assets_tests.defs.graph import ASSETS

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.ship

# Nothing of these is in a distribution, and some of them is large.
_NOT_COPIED = shutil.ignore_patterns(
    *(".git", ".venv*", "data", "site", "build", "dist", "*.egg-info", "__pycache__"),
    *(".*_cache", "ig_assets_tests", "benchmarks", "findings", "docs"),
)
_BUILD = """
import sys, setuptools.build_meta as backend
print(getattr(backend, sys.argv[1])(sys.argv[2]))
"""
_DEFINITIONS = """
import ig_assets
from ig_assets.definitions import defs
print(ig_assets.__file__)
print(*(spec.key.to_user_string() for spec in defs().resolve_all_asset_specs()))
"""


def built(hook: str, source: Path, out: Path) -> Path:
    """What a hook of the build backend makes of a source tree, as pip calls it."""
    out.mkdir(exist_ok=True)
    result = subprocess.run(
        [sys.executable, "-c", _BUILD, hook, str(out)],
        cwd=source,
        capture_output=True,
        text=True,
        check=True,
    )
    return out / result.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    source = shutil.copytree(ROOT, folder / "source", ignore=_NOT_COPIED)
    return built("build_sdist", source, folder / "dist")


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist, as for a user whom no wheel fits."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    return built("build_wheel", source, folder / "dist")


class Installed:
    """The wheel in an environment that has the project's dependencies."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        self.bin = folder / "venv" / "bin"
        self.cwd = folder / "elsewhere"
        self.cwd.mkdir()
        python = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.site = folder / "venv" / "lib" / python / "site-packages"
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "--python", str(self.bin / "python")),
                *("install", "--quiet", "--disable-pip-version-check"),
                *("--no-deps", "--no-index", str(wheel)),
            ],
            check=True,
        )
        # The packages that the tests run with; their editable ig_assets is not seen,
        # since a path file inside a folder that a path file names is not read.
        dependencies = sysconfig.get_path("purelib")
        (self.site / "dependencies.pth").write_text(dependencies + "\n")

    def run(self, *command: str, cwd: Path | None = None, expect: int = 0) -> str:
        """Run a program of the environment without settings; its output."""
        ours = ("IG_", "OPENAI_", "PINECONE_", "DAGSTER_", "PYTHON")
        env = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        result = subprocess.run(
            [str(self.bin / command[0]), *command[1:]],
            cwd=cwd or self.cwd,
            env=env | {"DAGSTER_DISABLE_TELEMETRY": "yes", "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == expect, result.stdout + result.stderr
        return result.stdout + (result.stderr if expect else "")


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("installed"), wheel)


@pytest.fixture(scope="module")
def workspace(installed: Installed) -> Path:
    """What `ig-assets init reels` makes."""
    installed.run("ig-assets", "init", "reels")
    return installed.cwd / "reels"


def files_below(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def starter_of_the_checkout() -> dict[str, bytes]:
    paths = [ROOT / name for name in STARTER_FILES]
    inside = [f for p in paths for f in ([p] if p.is_file() else p.rglob("*"))]
    return {
        file.relative_to(ROOT).as_posix(): file.read_bytes()
        for file in inside
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_the_wheel_has_every_file_of_the_package_and_no_test(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = {f"ig_assets/{name}" for name in files_below(ROOT / "ig_assets")}
    assert len(package) > 200
    assert package - names == set()
    assert {name.split("/")[0] for name in names} == {
        "ig_assets",
        f"ig_assets-{__version__}.dist-info",
    }


def test_the_sdist_has_what_the_wheel_is_built_from_and_its_changelog(
    sdist: Path,
) -> None:
    with tarfile.open(sdist) as archive:
        names = {"/".join(name.split("/")[1:]) for name in archive.getnames()}
    assert {*starter_of_the_checkout(), "setup.py", "CHANGELOG.md"} <= names
    assert "requirements/base.txt" in names and "deploy/Dockerfile" in names


def test_init_makes_the_workspace_of_the_checkout(workspace: Path) -> None:
    starter = starter_of_the_checkout()
    assert len(starter) > 60
    assert {n: (workspace / n).read_bytes() for n in files_below(workspace)} == starter


def test_init_again_leaves_a_persons_files_alone(
    installed: Installed, workspace: Path
) -> None:
    script = workspace / "library" / "scripts" / "forty-soups.md"
    before = script.read_text()
    script.write_text("mine")
    answer = json.loads(installed.run("ig-assets", "init", "reels", "--json"))
    assert script.read_text() == "mine"
    assert answer["written"] == [] and "workspace.yaml" in answer["kept"]
    script.write_text(before)


def test_the_commands_answer_outside_the_checkout(
    installed: Installed, workspace: Path
) -> None:
    assert installed.run("ig-assets", "--version") == f"ig-assets {__version__}\n"
    assert "init" in installed.run("ig-assets", "--help")
    before = files_below(installed.site)
    plan = json.loads(
        installed.run("ig-assets", "sync", "--dry-run", "--json", cwd=workspace)
    )
    scripts = len(list((workspace / "library" / "scripts").glob("*.md")))
    assert scripts > 50 and plan["scripts"]["new"] == scripts
    assert installed.run("ig-assets", "experiments", "--json", cwd=workspace)
    assert files_below(installed.site) == before
    assert (workspace / "data" / "warehouse.duckdb").is_file()


def test_a_folder_that_is_no_workspace_is_answered_with_what_to_type(
    installed: Installed, tmp_path: Path
) -> None:
    said = installed.run("ig-assets", "sync", "--dry-run", cwd=tmp_path, expect=2)
    assert str(tmp_path / "library" / "scripts") in said and "ig-assets init" in said


def test_dagster_loads_the_installed_definitions(
    installed: Installed, workspace: Path
) -> None:
    said = installed.run("python", "-c", _DEFINITIONS, cwd=workspace)
    package, assets = said.splitlines()
    assert package.startswith(str(installed.site))
    assert set(assets.split()) == ASSETS

"""Finds or creates DAGSTER_HOME: by default `dagster/` in the data folder.

The folder gets a copy of the project's `dagster.yaml`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from ig_assets.errors import IgAssetsError, InputError
from ig_assets.files import write_atomic
from ig_assets.settings import Settings, load_settings
from ig_assets.workspace import STARTER, WORKSPACE

_HEAD = (
    "# A copy of the workspace's dagster.yaml; without this line it is left alone.\n"
)
# What earlier releases wrote.
_OLD_HEAD = _HEAD.replace("workspace", "checkout")


def ensure_dagster_home(settings: Settings) -> Path:
    """Return DAGSTER_HOME; if it is not set, create and set the data folder's.

    A UI started for the same data folder (`make dev`) lists the same runs. Raises
    InputError if the folder does not exist, cannot be written to, or if its
    configuration reads variables that are not set.
    """
    chosen = os.environ.get("DAGSTER_HOME")
    if chosen:
        if not Path(chosen).is_dir():
            raise InputError(
                f"The folder {chosen} of DAGSTER_HOME does not exist; create it, or "
                "remove DAGSTER_HOME to use the data folder's."
            )
        return readable_dagster_home(Path(chosen))
    home = chosen_dagster_home(settings)
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The data folder {settings.data_dir} cannot be written to "
            f"({error.strerror}); point IG_DATA_DIR at a folder of yours."
        ) from None
    own = WORKSPACE / "dagster.yaml"
    config = own if own.is_file() else STARTER / "dagster.yaml"
    text = _HEAD + config.read_text(encoding="utf-8")
    copy = home / "dagster.yaml"
    if copy.is_symlink():  # older versions linked to the checkout
        copy.unlink()
    if not copy.exists() or _is_outdated(copy, text):
        write_atomic(copy, text)
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def chosen_dagster_home(settings: Settings) -> Path:
    """Return DAGSTER_HOME, or else the data folder's; it need not exist."""
    return Path(os.environ.get("DAGSTER_HOME") or settings.data_dir / "dagster")


def readable_dagster_home(home: Path) -> Path:
    """Return `home`, after checking the variables that its `dagster.yaml` reads.

    Raises InputError if one of them is not set. The image's `dagster.yaml`, for
    example, reads variables that only its compose file sets.
    """
    file = home / "dagster.yaml"
    if not file.is_file():
        return home
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError:  # Dagster says where
        return home
    missing = sorted({name for name in _variables(config) if name not in os.environ})
    if missing:
        raise InputError(
            f"{file} reads {', '.join(missing)}, not set here. Set them as the servers "
            "have them, or set DAGSTER_HOME to nothing to use the data folder's."
        )
    return home


def _variables(config: object) -> Iterator[str]:
    """Yield the names in all `{env: NAME}` of a configuration."""
    if isinstance(config, dict):
        name = config.get("env")
        if len(config) == 1 and isinstance(name, str):
            yield name
        for value in config.values():
            yield from _variables(value)
    elif isinstance(config, list):
        for value in config:
            yield from _variables(value)


def _is_outdated(copy: Path, text: str) -> bool:
    """Whether a `dagster.yaml` is an old copy of ours.

    People who keep a file of their own remove its first line.
    """
    present = copy.read_text(encoding="utf-8")
    return present.startswith((_HEAD, _OLD_HEAD)) and present != text


def main() -> None:
    """End the dead runs, and print DAGSTER_HOME for a server that is about to start."""
    import dagster as dg

    from ig_assets.headless.dead_runs import end_dead_runs

    home = ensure_dagster_home(load_settings())
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for run_id in end_dead_runs(instance):
            print(
                f"The process of run {run_id} is gone; the run was ended.",
                file=sys.stderr,
            )
    print(home)


if __name__ == "__main__":
    try:
        main()
    except IgAssetsError as error:
        sys.exit(str(error))

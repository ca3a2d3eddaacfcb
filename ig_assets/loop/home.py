"""Dagster's own folder for a data folder: `dagster/`, with a link to `dagster.yaml`."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from ig_assets.settings import PROJECT_ROOT, Settings, load_settings


def ensure_dagster_home(settings: Settings) -> Path:
    """Return DAGSTER_HOME; where it is not set, make and set the data folder's.

    The UI started with the same data folder (`make dev`) sees the same runs.
    """
    chosen = os.environ.get("DAGSTER_HOME")
    if chosen:
        return Path(chosen)
    home = settings.data_dir / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    link, config = home / "dagster.yaml", PROJECT_ROOT / "dagster.yaml"
    if not link.exists():
        with suppress(FileNotFoundError):
            link.unlink()  # a link whose checkout has gone
        try:
            link.symlink_to(config)
        except OSError:
            shutil.copyfile(config, link)
    os.environ["DAGSTER_HOME"] = str(home)
    return home


if __name__ == "__main__":
    print(ensure_dagster_home(load_settings()))

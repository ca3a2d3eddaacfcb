"""A small code location whose steps wait for a file, on the executor of settings."""

import os
import time
from pathlib import Path

import dagster as dg

from ig_assets.defs.executors import executor
from ig_assets.settings import load_settings

FOLDER = Path(os.environ["CELERY_TEST_FOLDER"])
"""Where the steps say that they ran and learn that they may end."""


def _work(name: str) -> None:
    with (FOLDER / f"{name}.began").open("a", encoding="utf-8") as log:
        log.write(f"{os.getpid()}\n")
    if name == "short":
        return
    while not (FOLDER / "go").exists():
        time.sleep(0.05)
    (FOLDER / f"{name}.ended").touch()


@dg.op
def first() -> None:
    """Waits until it may end."""
    _work("first")


@dg.op
def second() -> None:
    """Waits until it may end."""
    _work("second")


@dg.op(ins={"after": dg.In(dg.Nothing)})
def short() -> None:
    """Comes after the others."""
    _work("short")


@dg.job
def three_steps() -> None:
    """Two steps side by side and one after them."""
    short([first(), second()])


defs = dg.Definitions(jobs=[three_steps], executor=executor(load_settings()))

"""Show a live line while Dagster runs: the stage, its progress and the elapsed time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ig_assets.cli.output import console, escaped
from ig_assets.core.operations.progress import LOGGER
from ig_assets.errors import IgAssetsError
from ig_assets.wiring import Services


@contextmanager
def live_rows(services: Services, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show a live line within the block; yield a function that sets the stage.

    The line shows the progress that the stage logs. Until the stage has logged some, it
    shows counts of rows in the warehouse.
    """
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("starting", total=None)
        stage = ["starting"]
        logged: list[str] = []
        stop = threading.Event()

        def show() -> None:
            while not stop.wait(2.0):
                try:
                    said = next(iter(logged), None) or _rows_so_far(services)
                except IgAssetsError:
                    continue  # the warehouse is busy; keep the last figures
                said = escaped(f"{stage[0]}  {said}")
                bar.update(task, description=said)

        def report(text: str) -> None:
            new_stage = text.split(":", 1)[0][:7] + text.split(":", 1)[-1]
            old_stage = stage[0].split(":", 1)[0][:7] + stage[0].split(":", 1)[-1]
            stage[0] = text
            logged.clear()
            bar.update(task, description=escaped(text))
            if not quiet and new_stage != old_stage:
                bar.console.print(f"[cyan]{escaped(text)}[/cyan]")

        watcher = threading.Thread(target=show, daemon=True)
        if not quiet:
            watcher.start()
        try:
            with _logged_to(logged):
                yield report
        finally:
            stop.set()
            if watcher.is_alive():
                watcher.join(timeout=5)


class _LastLine(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.INFO)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines[:] = [record.getMessage()]


@contextmanager
def _logged_to(lines: list[str]) -> Iterator[None]:
    """Keep only the latest line of progress in `lines`, within the block."""
    logger, handler = logging.getLogger(LOGGER), _LastLine(lines)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def _rows_so_far(services: Services) -> str:
    with services.warehouse.transaction() as con:
        drafts, variants, posts, readings, calls = con.execute("""
            SELECT (SELECT count(*) FROM drafts),
                (SELECT count(*) FROM variants),
                (SELECT count(*) FROM posts
                 WHERE status = 'published' AND variant_id IS NOT NULL),
                (SELECT count(*) FROM engagement WHERE age_hours IS NOT NULL),
                (SELECT count(*) FROM api_calls)
            """).fetchall()[0]
    return (
        f"{drafts} drafts, {variants} variants, {posts} posts, {readings} readings, "
        f"{calls} calls"
    )

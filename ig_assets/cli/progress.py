"""A live line while Dagster runs: the stage, the rows so far, the elapsed time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ig_assets.cli.output import console, escaped
from ig_assets.errors import IgAssetsError
from ig_assets.wiring import Services


@contextmanager
def live_rows(services: Services, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A live line with the rows in the warehouse; yields a setter of the stage."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("starting", total=None)
        stage = ["starting"]
        stop = threading.Event()

        def show() -> None:
            while not stop.wait(2.0):
                try:
                    rows = _rows_so_far(services)
                except IgAssetsError:
                    continue  # the warehouse is busy; keep the last figures
                bar.update(task, description=f"{escaped(stage[0])}  [dim]{rows}[/dim]")

        def report(text: str) -> None:
            new_stage = text.split(":", 1)[0][:7] + text.split(":", 1)[-1]
            old_stage = stage[0].split(":", 1)[0][:7] + stage[0].split(":", 1)[-1]
            stage[0] = text
            bar.update(task, description=escaped(text))
            if not quiet and new_stage != old_stage:
                bar.console.print(f"[cyan]{escaped(text)}[/cyan]")

        watcher = threading.Thread(target=show, daemon=True)
        if not quiet:
            watcher.start()
        try:
            yield report
        finally:
            stop.set()
            if watcher.is_alive():
                watcher.join(timeout=5)


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

"""Asks a filled warehouse the questions of lineage; prints CPU seconds of each round.

All threads of the process count: others' work on the machine does not."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import datetime

from fill import model_id

from ig_assets.core.reports.lineage.report import month_report, report_markdown
from ig_assets.core.reports.lineage.trace import scripts_behind_model, trace
from ig_assets.warehouse.warehouse import Connection, Warehouse


def up(con: Connection) -> None:
    """Which scripts is this model made of, by every edge."""
    found = {row.id for row in trace(con, "model", model_id(1), "up")}
    assert sum(one.startswith("library/") for one in found) > 100


def down(con: Connection) -> None:
    """What came of this script."""
    found = {row.kind for row in trace(con, "script", "library/1234", "down")}
    assert "model" in found


def behind(con: Connection) -> None:
    """The scripts behind a model with weight and evidence."""
    assert len(scripts_behind_model(con, model_id(1))) > 100


def report(con: Connection) -> None:
    """The month's report; with its page where the build has one."""
    assert report_markdown(month_report(con, "m1"))
    try:
        from ig_assets.core.reports.lineage.answer import (
            answer_lineage,
            one_thing,
            page_of,
        )
    except ImportError:
        return
    answer = answer_lineage(con, one_thing(con, model_id(1)), ("up", "down"))
    assert "<svg" in page_of(answer, datetime(2026, 2, 1))


QUESTIONS: dict[str, Callable[[Connection], None]] = {
    "model to scripts, all edges": up,
    "model to scripts, evidence": behind,
    "script to models": down,
    "report of a month": report,
}


def main() -> None:
    """Ask each question as often as wanted."""
    file, rounds = sys.argv[1], int(sys.argv[2])
    warehouse = Warehouse(f"duckdb:///{file}", lambda: datetime(2026, 2, 1))
    found: dict[str, list[float]] = {name: [] for name in QUESTIONS}
    with warehouse.transaction() as con:
        for _ in range(rounds):
            for name, ask in QUESTIONS.items():
                begun = time.process_time()
                ask(con)
                found[name].append(time.process_time() - begun)
    print(json.dumps(found))


if __name__ == "__main__":
    main()

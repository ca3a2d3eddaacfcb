"""Asks a filled warehouse the questions of lineage; prints CPU seconds of each round.

All threads of the process count: others' work on the machine does not. What other tools
answer too, ids in one step, is asked `TIMES` as often, and once more with the opening
and closing of a transaction around each.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import datetime
from importlib.util import find_spec

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


def ids_of_model(con: Connection) -> None:
    """Ids of the scripts that fed a model."""
    from ig_assets.core.lineage.model_scripts import script_ids_of_model

    assert len(script_ids_of_model(con, model_id(1))) > 100


def ids_of_script(con: Connection) -> None:
    """Ids of the models that a script fed."""
    from ig_assets.core.lineage.model_scripts import model_ids_of_script

    assert len(model_ids_of_script(con, "library/1234")) == 1


TIMES = 7
CONTEST: dict[str, Callable[[Connection], None]] = {
    "ids: scripts of a model": ids_of_model,
    "ids: models of a script": ids_of_script,
}
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
    for name, ask in CONTEST.items() if knows_ids() else ():
        found[name], opened = [], []
        for _ in range(TIMES * rounds):
            begun = time.process_time()
            with warehouse.transaction() as con:
                asked = time.process_time()
                ask(con)
                found[name].append(time.process_time() - asked)
            opened.append(time.process_time() - begun)
        found[f"{name}, opened"] = opened
    print(json.dumps(found))


def knows_ids() -> bool:
    """Whether the build has the questions of the contest."""
    return find_spec("ig_assets.core.lineage.model_scripts") is not None


if __name__ == "__main__":
    main()

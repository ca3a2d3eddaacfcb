"""An older folder keeps its decisions; what each rested on is filled in and marked."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import pytest

from ig_assets.warehouse import migrations
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.views import make_views
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.warehouse.conftest import HOMES, NOW, MakeHome

DAY = timedelta(days=1)
LATER = datetime(2026, 5, 2)
OLDER = tuple(m for m in migrations.MIGRATIONS if m[0] < 20)


def look(
    name: str, day: int, pair: str, d: float, log_e: float, z: float
) -> dict[str, Any]:
    """A row of `evidence` as an older version wrote it: every final look the last."""
    figures = dict.fromkeys(("trials_a", "trials_b"), 1000.0)
    return {
        "experiment_id": name,
        "arm_a": pair[0],
        "arm_b": pair[1],
        "data_through": NOW + day * DAY,
        "events_a": 100.0 * math.exp(d / 2 * (pair[0] != "Z")),
        "events_b": 100.0 * math.exp(-d / 2),
        **figures,
        "log_rate_ratio": d,
        "variance": 0.02,
        "log_e": log_e,
        "max_log_e": 9.0,
        "z": z,
        "final_look": True,
    }


def decision(name: str, day: int, arm: str | None, reason: str) -> dict[str, Any]:
    return {
        "experiment_id": name,
        "decided_at": NOW + day * DAY,
        "decision": "winner" if arm else "inconclusive",
        "winner_arm": arm,
        "reason": reason,
        "data_through": NOW + day * DAY,
    }


@pytest.mark.parametrize("kind", HOMES)
def test_an_older_folder_keeps_its_decisions_and_marks_second_looks_and_old_winners(
    kind: str, make_new_home: MakeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = make_new_home(kind)
    with monkeypatch.context() as older:
        older.setattr(migrations, "MIGRATIONS", OLDER)
        older.setattr("ig_assets.warehouse.preparation.make_views", lambda con: None)
        older.setattr("ig_assets.warehouse.preparation._replay", lambda *_: False)
        with home.transaction() as con:
            looks = [
                look("sound", 1, "AB", 0.5, 9.0, 5.0),
                look("second", 1, "AB", 0.5, 9.0, 5.0),
                *(look("second", day, "AC", 0.3, 1.0, 2.5) for day in (2, 3)),
                *(look("second", day, "AB", 0.5, 9.0, 5.0) for day in (2, 3)),
                *(look("second", day, "BC", -0.2, 1.0, -1.5) for day in (2, 3)),
                look("turned", 1, "AB", -0.5, 8.6, -5.0),
                look("turned", 2, "AB", 0.04, -1.0, 0.4),
                {**look("broken", 1, "AB", 0.5, 9.0, 5.0), "trials_b": 300.0},
            ]
            merge_rows(con, "evidence", looks)
            at_p = "A beats every other arm in the final reading at p < 0.025."
            by_e = "A beats every other arm in the final reading with e >= 40."
            rows = [
                decision("sound", 1, "A", by_e),
                decision("second", 1, "A", by_e),
                decision("second", 2, None, "Inconclusive"),
                decision("second", 3, "A", at_p),
                decision("turned", 1, "B", by_e),
                decision("turned", 2, None, "Inconclusive"),
                decision("broken", 1, "A", by_e),
            ]
            merge_rows(con, "decisions", rows)
            names = ("sound", "second", "turned", "broken")
            randomised = [{"experiment_id": n, "randomised": True} for n in names]
            merge_rows(con, "experiments", randomised)
            posts = [
                {"post_id": f"{n}-{a}", "experiment_id": n, "arm": a}
                for n in names
                for a in "ABC"
            ]
            merge_rows(con, "posts", posts)
            edges = [
                {
                    "child_kind": "decision",
                    "child_id": name,
                    "parent_kind": "post",
                    "parent_id": f"{name}-{arm}",
                    "relation": "winner",
                }
                for name, arm in (("sound", "A"), ("turned", "B"))
            ]
            merge_rows(con, "edges", edges)
    home.close()
    newer = Warehouse(home.url, lambda: LATER)
    with newer.transaction() as con:
        make_views(con)  # the instance of the older phase has none
        stored = fetch_dicts(con, "SELECT * FROM decisions ORDER BY decided_at")
        standings = {
            row["experiment_id"]: row
            for row in fetch_dicts(con, "SELECT * FROM latest_standings")
        }
        held = dict(
            con.execute("SELECT experiment_id, cause FROM held_winners").fetchall()
        )
        marked = con.execute(
            "SELECT child_id FROM edges WHERE superseded_at IS NOT NULL"
        ).fetchall()
    assert len(stored) == len(rows)  # nothing is decided again
    assert {name: row["rule"] for name, row in standings.items()} == {
        "sound": "e",
        "second": "repeated z",
        "turned": "none",
        "broken": "e",
    }
    assert held == {"second": "repeated z", "broken": "split"}
    turned = standings["turned"]
    assert (turned["leader_arm"], turned["rival_arm"], turned["log_e"]) == ("A", "B", 0)
    assert turned["lead"] == pytest.approx(0.04)
    assert standings["second"]["log_e"] == pytest.approx(1.0)
    assert standings["second"]["rival_arm"] == "C"
    assert standings["sound"]["z"] == pytest.approx(5.0)
    assert marked == [("turned",)]

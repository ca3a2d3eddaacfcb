"""The named views: one row per key, over every home and in an analyst's own client."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ig_assets.warehouse.comments import views_sql
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.views import VIEWS
from ig_assets.warehouse.warehouse import Connection, Warehouse

NOW = datetime(2026, 5, 1, 9)


def at(hours: int) -> datetime:
    return NOW + timedelta(hours=hours)


def status(script_id: str, hours: int, value: str, revision: str = "r") -> Any:
    return {
        "script_id": script_id,
        "changed_at": at(hours),
        "status": value,
        "revision_hash": revision,
    }


def decision(experiment_id: str, hours: int, value: str, **columns: Any) -> Any:
    return {
        "experiment_id": experiment_id,
        "decided_at": at(hours),
        "decision": value,
        "winner_variant_id": columns.get("variant"),
        "winner_script_id": columns.get("script"),
        "winner_revision_hash": columns.get("revision"),
    }


def reading(post_id: str, as_of: int, observed: int, value: float | None) -> Any:
    return {
        "post_id": post_id,
        "metric": "reach",
        "as_of": at(as_of),
        "observed_at": at(observed),
        "value": value,
    }


ROWS: dict[str, list[Any]] = {
    "scripts": [
        {"script_id": "a", "revision_hash": "old", "variant_id": None},
        {"script_id": "a", "revision_hash": "r", "variant_id": None},
        {"script_id": "b", "revision_hash": "r", "variant_id": "v1"},
        {"script_id": "c", "revision_hash": "r3", "variant_id": None},
    ],
    "script_status": [
        status("a", 0, "active", "old"),
        status("a", 1, "active"),
        status("b", 0, "active"),
        status("b", 1, "retired"),
        status("c", 0, "active", "r3"),
        status("d", 0, "forgotten"),
    ],
    "forgotten": [{"script_id": "c"}],
    "script_rejects": [
        {"source_uri": "x", "seen_at": at(0), "reason": "empty"},
        {"source_uri": "x", "seen_at": at(1), "reason": "resolved"},
        {"source_uri": "y", "seen_at": at(0), "reason": "resolved"},
        {"source_uri": "y", "seen_at": at(1), "reason": "empty"},
    ],
    "script_performance": [
        {"script_id": "a", "revision_hash": "r", "source": s, "as_of": at(h), "rate": r}
        for s, h, r in (("t", 0, 0.1), ("t", 1, 0.2), ("u", 1, 0.3), ("u", 2, None))
    ],
    "variants": [
        {"variant_id": v, "month": "m", "topic_id": "t", "arm": arm, "tried_before": n}
        for v, arm, n in (("v1", "a", None), ("v2", "a", 1), ("v3", "b", None))
    ],
    "post_edits": [
        {"post_id": "p", "edited_at": at(h), "text": text}
        for h, text in ((0, "one"), (1, "two"))
    ],
    "post_reviews": [
        {"post_id": "p", "reviewed_at": at(h), "decision": decision}
        for h, decision in ((0, "declined"), (1, "approved"))
    ],
    "experiments": [
        {"experiment_id": "e", "numerator": "reach", "denominator": "reach"}
    ],
    "posts": [{"post_id": "p", "experiment_id": "e", "arm": "a"}],
    "engagement": [
        reading("p", 0, 1, 5.0),
        reading("p", 0, 2, 6.0),
        reading("p", 1, 1, None),
    ],
    "evidence": [
        {"experiment_id": "e", "arm_a": a, "arm_b": b, "data_through": at(h), "z": z}
        for a, b, h, z in (("a", "b", 0, 1.0), ("a", "b", 1, 2.0), ("a", "c", 0, 3.0))
    ],
    "decisions": [
        decision("e", 0, "running"),
        decision("e", 1, "winner", variant="v1"),
        decision("f", 0, "winner", script="c"),
        decision("f", 1, "inconclusive"),
        decision("g", 2, "provisional", revision="r3"),
        decision("h", 0, "winner", script="a"),
    ],
    "model_events": [
        {"model_id": "m", "changed_at": at(h), "status": s}
        for h, s in ((0, "candidate"), (1, "active"))
    ],
    "ranker_bets": [
        {
            "series": "words real",
            "experiment_id": e,
            "image": "",
            "pair": pair,
            "month": "2026-01",
            "expected": m,
            "variance": 0.5,
            "difference": d,
            "log_e": 0.5,
        }
        for e, pair, m, d in (("e", 1, 1.0, 0.5), ("e", 2, 1.0, 2.5), ("f", 0, 1, 9))
    ],
    "index_spaces": [
        {"index_name": "i", "namespace": n, "activated_at": at(h)}
        for h, n in ((0, "small"), (1, "large"))
    ],
}

FOUND: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "latest_script_status": (
        "script_id, status",
        [("a", "active"), ("b", "retired"), ("c", "active"), ("d", "forgotten")],
    ),
    "forgotten_scripts": ("script_id", [("c",), ("d",)]),
    "current_scripts": ("script_id, revision_hash", [("a", "r")]),
    "latest_rejects": ("source_uri, reason", [("x", "resolved"), ("y", "empty")]),
    "current_rejects": ("source_uri, reason", [("y", "empty")]),
    "latest_performance": ("source, rate", [("t", 0.2), ("u", None)]),
    "latest_rates": ("script_id, revision_hash, rate", [("a", "r", 0.2)]),
    "latest_variants": ("arm, variant_id", [("a", "v2"), ("b", "v3")]),
    "latest_edits": ("post_id, text", [("p", "two")]),
    "latest_reviews": ("post_id, decision", [("p", "approved")]),
    "current_readings": ("as_of, value", [(at(0), 6.0), (at(1), None)]),
    "latest_readings": ("as_of, value", [(at(0), 6.0)]),
    "final_readings": (
        "post_id, arm, as_of, events, trials",
        [("p", "a", at(0), 6.0, 6.0)],
    ),
    "sided_evidence": (
        "arm_a, arm_b, z",
        [("a", "b", 1.0), ("a", "b", 2.0), ("a", "c", 3.0)],
    ),
    "z_looks": ("experiment_id", []),
    "latest_standings": ("experiment_id", []),
    "withdrawn_topics": ("month, topic_id", []),
    "latest_acceptances": ("experiment_id", []),
    "valid_acceptances": ("experiment_id", []),
    "judged_splits": ("experiment_id", []),
    "unsound_experiments": ("experiment_id", []),
    "accepted_winners": ("experiment_id", []),
    "held_winners": ("experiment_id", []),
    "usable_winners": ("experiment_id", [("e",), ("g",), ("h",)]),
    "latest_evidence": ("arm_a, arm_b, z", [("a", "b", 2.0), ("a", "c", 3.0)]),
    "latest_decisions": (
        "experiment_id, decision",
        [
            ("e", "winner"),
            ("f", "inconclusive"),
            ("g", "provisional"),
            ("h", "winner"),
        ],
    ),
    "won_decisions": ("experiment_id", [("e",), ("g",), ("h",)]),
    "won_revisions": ("revision_hash, experiment_id", [("r", "e"), ("r3", "g")]),
    "latest_model_status": ("model_id, status", [("m", "active")]),
    "ranker_calibration": (
        "series, month, pairs, slope, slope_se, cover, log_e",
        [("words real", "2026-01", 2, 1.5, 0.5, 0.5, 1.0)],
    ),
    "latest_index_spaces": ("index_name, namespace", [("i", "large")]),
}


def fill(home: Warehouse) -> None:
    with home.transaction() as con:
        for table, rows in ROWS.items():
            con.execute(f"DELETE FROM {table}")
            merge_rows(con, table, rows)


def found(con: Connection) -> dict[str, tuple[str, list[tuple[Any, ...]]]]:
    return {
        view.name: (
            FOUND[view.name][0],
            con.execute(
                f"SELECT {FOUND[view.name][0]} FROM {view.name} ORDER BY ALL"
            ).fetchall(),
        )
        for view in VIEWS
    }


def test_every_view_has_its_grain_on_every_home(home: Warehouse) -> None:
    fill(home)
    with home.transaction() as con:
        assert found(con) == FOUND


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_every_view_says_in_one_line_what_a_row_is(view: Any) -> None:
    assert view.grain.startswith("One row per ")
    assert view.grain.endswith(".")
    assert "\n" not in view.grain


def test_a_view_sees_what_its_own_transaction_wrote(home: Warehouse) -> None:
    fill(home)
    with home.transaction() as con:
        merge_rows(con, "decisions", [decision("g", 9, "inconclusive")])
        rows = con.execute("SELECT experiment_id FROM won_decisions").fetchall()
    assert sorted(rows) == [("e",), ("h",)]


def test_no_view_is_made_in_the_home(home: Warehouse) -> None:
    with home.transaction() as con:
        names = {name for (name,) in con.execute("SHOW TABLES FROM home.ig").fetchall()}
    assert names.isdisjoint(view.name for view in VIEWS)


def test_tables_and_temporary_tables_are_written_and_described_as_ever(
    home: Warehouse,
) -> None:
    fill(home)
    with home.transaction() as con:
        con.execute("CREATE TEMP TABLE mine AS SELECT * FROM current_scripts")
        con.execute("INSERT INTO index_spaces (index_name) SELECT script_id FROM mine")
        columns = {row[0] for row in con.execute("DESCRIBE decisions").fetchall()}
        assert columns == {
            row[0] for row in con.execute("DESCRIBE latest_decisions").fetchall()
        }
    with home.transaction() as con:
        rows = con.execute("SELECT index_name FROM latest_index_spaces").fetchall()
    assert sorted(rows) == [("a",), ("i",)]


def test_views_serve_a_home_that_is_attached_after_another(tmp_path: Path) -> None:
    for name in ("one", "two"):
        home = Warehouse(f"duckdb:///{tmp_path / name}.duckdb", lambda: NOW)
        with home.transaction() as con:
            assert con.execute("SELECT * FROM latest_decisions").fetchall() == []
        fill(home)
        with home.transaction() as con:
            assert found(con) == FOUND
        home.close()


def test_an_analyst_gets_the_same_views_and_cannot_write(tmp_path: Path) -> None:
    file = tmp_path / "it's.duckdb"
    home = Warehouse(f"duckdb:///{file}", lambda: NOW)
    fill(home)
    home.close()
    with duckdb.connect(":memory:") as con:
        con.execute(views_sql(home.url))
        assert found(con) == FOUND
        with pytest.raises(duckdb.Error, match="read-only"):
            con.execute("DELETE FROM decisions")


def test_the_sql_for_a_server_holds_no_password() -> None:
    text = views_sql("postgres:host=db password=opensesame")
    assert "opensesame" not in text
    assert "latest_decisions" in text

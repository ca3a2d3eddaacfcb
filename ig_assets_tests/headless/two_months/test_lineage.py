"""How all that two months left behind joins, in both directions."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

from ig_assets.core.lineage.completeness import check_completeness
from ig_assets.core.lineage.model_scripts import (
    model_ids_of_script,
    script_ids_of_model,
)
from ig_assets.core.reports.lineage.trace import scripts_behind_model, trace, trace_all
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.lineage.test_model_scripts import walked
from ig_assets_tests.headless.loop_fixtures import FEBRUARY, MONTHS, TurnedLoop


def test_lineage_names_the_scripts_behind_the_model_and_back(
    turned_loop: TurnedLoop,
) -> None:
    (model,) = turned_loop.rows(
        """
        SELECT m.model_id
        FROM models AS m
        JOIN fine_tune_jobs AS j ON j.job_id = m.job_id
        WHERE j.month = ?
        """,
        [FEBRUARY],
    )
    model_id = model["model_id"]
    with warehouse_of(turned_loop).transaction() as con:
        behind = scripts_behind_model(con, model_id)
        shown = [one for one in behind if one.in_model]
        up = {(row.kind, row.id) for row in trace(con, "model", model_id, "up")}
        sources = [
            ("script", one.script_id) if one.script_id else ("variant", one.variant_id)
            for one in behind
        ]
        down = [
            {(row.kind, row.id) for row in trace(con, kind, str(found), "down")}
            for kind, found in sources[:5]
        ]
    assert len(shown) == 2
    assert set(sources) <= up
    assert all(("model", model_id) in reached for reached in down)


def test_each_fact_of_the_tables_has_its_edge_and_each_edge_both_ends(
    turned_loop: TurnedLoop,
) -> None:
    with warehouse_of(turned_loop).transaction() as con:
        found = check_completeness(con)
    assert found.gaps == () and found.edges > found.facts > 100


def test_every_line_of_a_set_resolves_to_words_posts_figures_and_a_decision(
    turned_loop: TurnedLoop,
) -> None:
    lines = 0
    for month in MONTHS:
        folder = turned_loop.data_dir / "datasets" / month
        manifest = json.loads((folder / "manifest.json").read_text())
        for file in manifest["files"]:
            written = (folder / file["name"]).read_text().splitlines()
            of_file = [
                one["example_id"]
                for one in manifest["examples"]
                if f"{one['kind']}_{one['split']}.jsonl" == file["name"]
            ]
            assert len(of_file) == len(written), "an example is a line"
            lines += len(written)
        ids = sorted(one["example_id"] for one in manifest["examples"])
        starts = [("example", one) for one in ids]
        with warehouse_of(turned_loop).transaction() as con:
            up = trace_all(con, starts, "up")
        parents = {(row.via_kind, row.via_id, row.kind) for row in up}
        posts = {row.via_id for row in up if row.kind == "post"}
        figures = {row.via_id for row in up if row.kind == "evidence"}
        for example_id in ids:
            kinds = {
                k for kind, i, k in parents if (kind, i) == ("example", example_id)
            }
            assert {"revision", "experiment"} <= kinds
            [test] = {
                row.id
                for row in up
                if (row.via_id, row.relation) == (example_id, "decided")
            }
            assert test in posts and test in figures
        snapshots = {row.id for row in up if row.kind == "snapshot"}
        assert snapshots <= {row.via_id for row in up if row.kind == "post"}
    assert lines > 100


def test_both_directions_of_lineage_agree(turned_loop: TurnedLoop) -> None:
    """What leads up from a model's set to a script leads down from it to the model."""
    models = turned_loop.rows("SELECT model_id FROM models WHERE job_id IS NOT NULL")
    with warehouse_of(turned_loop).transaction() as con:
        fed = {row["model_id"]: set[str]() for row in models}
        for model_id, scripts in fed.items():
            up = trace(con, "model", model_id, "up")
            scripts |= {row.id for row in up if row.relation in ("chosen", "rejected")}
        assert all(fed.values()) and len(fed) == len(MONTHS)
        for model_id, words in fed.items():
            for one in sorted(words)[:10]:
                for kind in ("script", "variant", "revision"):
                    down = trace(con, kind, one, "down")
                    if down:
                        assert ("model", model_id) in {(r.kind, r.id) for r in down}


def test_one_step_from_model_to_scripts_and_back_is_what_the_deep_walk_finds(
    turned_loop: TurnedLoop,
) -> None:
    models = turned_loop.rows("SELECT model_id FROM models ORDER BY model_id")
    scripts = turned_loop.rows("SELECT DISTINCT script_id FROM scripts ORDER BY 1")
    fed: dict[str, list[str]] = {}
    with warehouse_of(turned_loop).transaction() as con:
        for row in models:
            fed[row["model_id"]] = script_ids_of_model(con, row["model_id"])
            deep = walked(con, "model", row["model_id"], "up", "script")
            assert fed[row["model_id"]] == deep
        for row in scripts:
            reached = model_ids_of_script(con, row["script_id"])
            assert reached == sorted(
                m for m, of in fed.items() if row["script_id"] in of
            )
    assert sum(len(of) > 10 for of in fed.values()) >= len(MONTHS)
    assert any(one.startswith("winner/") for of in fed.values() for one in of)


def warehouse_of(loop: TurnedLoop) -> Warehouse:
    from ig_assets.adapters.simulated.clocks import SystemClock

    url = f"duckdb:///{loop.data_dir / 'warehouse.duckdb'}"
    return Warehouse(url, SystemClock().now)


def test_every_variant_has_an_edge_to_its_model(turned_loop: TurnedLoop) -> None:
    assert turned_loop.rows("""
        SELECT d.variant_id
        FROM drafts AS d
        LEFT JOIN edges AS e
          ON e.child_kind = 'variant'
         AND e.child_id = d.variant_id
         AND e.parent_kind = 'model'
         AND e.parent_id = d.model_id
         AND e.relation = 'by_model'
        WHERE e.run_id IS NULL
        """) == []


def test_every_retrieval_is_an_edge_and_every_edge_a_retrieval(
    turned_loop: TurnedLoop,
) -> None:
    retrieved = turned_loop.rows(
        "SELECT variant_id, script_id FROM retrievals ORDER BY 1, 2"
    )
    assert retrieved == turned_loop.rows("""
        SELECT child_id AS variant_id, parent_id AS script_id
        FROM edges
        WHERE child_kind = 'variant' AND relation = 'retrieved'
        ORDER BY 1, 2
        """)
    assert len({row["variant_id"] for row in retrieved}) == len(
        turned_loop.rows("SELECT variant_id FROM variants")
    )


def test_every_post_has_an_edge_to_its_variant(turned_loop: TurnedLoop) -> None:
    assert (
        turned_loop.rows("""
        SELECT post_id, variant_id
        FROM posts
        WHERE variant_id IS NOT NULL
        ORDER BY post_id
        """)
        == turned_loop.rows("""
        SELECT child_id AS post_id, parent_id AS variant_id
        FROM edges
        WHERE child_kind = 'post' AND relation = 'publishes'
        ORDER BY child_id
        """)
    )


def test_every_run_that_an_edge_names_is_in_the_instance(
    turned_loop: TurnedLoop,
) -> None:
    runs = turned_loop.dagster_home / "history" / "runs.db"
    with closing(sqlite3.connect(runs)) as con:
        known = {run_id for (run_id,) in con.execute("SELECT run_id FROM runs")}
    named = turned_loop.rows(
        "SELECT DISTINCT run_id FROM edges WHERE child_kind = 'variant'"
    )
    assert {row["run_id"] for row in named} <= known

"""Two months turned by one command: what every stage left behind, and how it joins."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing

import dagster as dg
import pytest

from ig_assets.core.lineage.completeness import check_completeness
from ig_assets.core.lineage.model_scripts import (
    model_ids_of_script,
    script_ids_of_model,
)
from ig_assets.core.reports.lineage.trace import (
    scripts_behind_model,
    trace,
    trace_all,
)
from ig_assets.warehouse.data_dictionary import described_tables
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.lineage.test_model_scripts import walked
from ig_assets_tests.headless.loop_fixtures import MONTHS, TurnedLoop

JANUARY, FEBRUARY = MONTHS


def test_two_months_are_turned_and_closed(turned_loop: TurnedLoop) -> None:
    assert turned_loop.reports[0]["turned"] == [JANUARY, FEBRUARY]
    clock = json.loads((turned_loop.data_dir / "clock.json").read_text())
    assert clock == {"now": "2026-03-01T00:50:00"}


def test_every_status_in_the_tables_is_one_that_the_dictionary_lists(
    turned_loop: TurnedLoop,
) -> None:
    listed = {
        table.name: set(column.values)
        for table in described_tables().values()
        for column in table.columns
        if column.name == "status"
    }
    assert len(listed) == 12 and all(listed.values())
    found = {
        table: {
            row["status"] for row in turned_loop.rows(f"SELECT status FROM {table}")
        }
        for table in listed
    }
    assert found["posts"] and found["api_calls"]
    assert {table: found[table] - listed[table] for table in listed} == dict.fromkeys(
        listed, set()
    )


def test_the_report_says_that_the_audience_is_simulated(
    turned_loop: TurnedLoop,
) -> None:
    assert turned_loop.summary["simulated"] is True


def test_the_page_of_a_run_says_how_far_it_has_come(turned_loop: TurnedLoop) -> None:
    home = str(turned_loop.dagster_home)
    with dg.DagsterInstance.from_config(home) as instance:
        said = [
            entry.event_log_entry.user_message
            for run in instance.get_runs()
            for entry in instance.event_log_storage.get_records_for_run(
                run.run_id
            ).records
        ]
    for line in ("5 of 5 drafts, ", "5 of 5 variants, "):
        assert any(line in message for message in said), line


def test_every_topic_has_two_variants_to_test(turned_loop: TurnedLoop) -> None:
    rows = turned_loop.rows("""
        SELECT t.month, count(v.variant_id) AS arms, count(DISTINCT d.hook_style) AS n
        FROM topics AS t
        LEFT JOIN variants AS v
          ON v.month = t.month
         AND v.topic_id = t.topic_id
         AND v.rejection IS NULL
         AND v.arm IN ('a', 'b')
        LEFT JOIN drafts AS d USING (variant_id)
        GROUP BY t.month, t.topic_id
        ORDER BY t.month
        """)
    assert [tuple(row.values()) for row in rows] == [
        (JANUARY, 2, 2),
        (JANUARY, 2, 2),
        (FEBRUARY, 2, 2),
        (FEBRUARY, 2, 2),
    ]


def test_texts_are_written_from_what_won(turned_loop: TurnedLoop) -> None:
    months = turned_loop.summary["months"]
    assert all(month["retrieved"] > 0 for month in months) and months
    assert sum(month["retrieved_winners"] for month in months) > 0


def test_winners_of_the_loop_are_scripts_again(turned_loop: TurnedLoop) -> None:
    won = turned_loop.rows("""
        SELECT 'winner/' || v.variant_id AS script_id, v.revision_hash
        FROM decisions AS d
        JOIN variants AS v ON v.variant_id = d.winner_variant_id
        WHERE d.decision IN ('winner', 'provisional')
        ORDER BY 1
        """)
    assert won
    assert won == turned_loop.rows("""
        SELECT script_id, revision_hash
        FROM scripts
        WHERE origin = 'winner'
        ORDER BY 1
        """)
    assert turned_loop.rows("""
        SELECT s.script_id
        FROM scripts AS s
        LEFT JOIN index_entries AS i ON i.script_id = s.script_id
        WHERE s.origin = 'winner' AND i.script_id IS NULL
        """) == []


def test_the_canary_differs_from_its_sibling_in_the_model_alone(
    turned_loop: TurnedLoop,
) -> None:
    arms = turned_loop.rows("""
        SELECT c.arm, c.month, c.hook_style = a.hook_style AS same_style,
            c.model_id, a.model_id AS sibling_model, c.prompt_hash = a.prompt_hash
                AS same_template, c.variant_id, a.variant_id AS sibling
        FROM drafts AS c
        JOIN drafts AS a
          ON a.month = c.month AND a.topic_id = c.topic_id AND a.arm = 'a'
        WHERE c.is_canary
        """)
    assert arms
    candidates = turned_loop.rows(
        "SELECT model_id FROM models WHERE job_id IS NOT NULL"
    )
    for arm in arms:
        assert (arm["arm"], arm["month"]) == ("canary", FEBRUARY)
        assert arm["same_style"] and arm["same_template"]
        assert arm["sibling_model"] == "base/openai/gpt-5-mini"
        assert {"model_id": arm["model_id"]} in candidates
        assert _retrieved(turned_loop, arm["variant_id"]) == _retrieved(
            turned_loop, arm["sibling"]
        )


def test_the_control_arm_is_the_base_model_without_winners(
    turned_loop: TurnedLoop,
) -> None:
    controls = turned_loop.rows(
        "SELECT variant_id, model_id FROM drafts WHERE is_control"
    )
    assert len(controls) == 2
    assert {row["model_id"] for row in controls} == {"base/openai/gpt-5-mini"}
    assert turned_loop.rows("""
        SELECT r.script_id
        FROM retrievals AS r
        JOIN drafts AS d ON d.variant_id = r.variant_id
        JOIN decisions AS w
          ON w.winner_script_id = r.script_id
          OR 'winner/' || w.winner_variant_id = r.script_id
        WHERE d.is_control AND w.decision IN ('winner', 'provisional')
        """) == []


def _retrieved(loop: TurnedLoop, variant_id: str) -> list[dict[str, object]]:
    return loop.rows(
        "SELECT script_id, revision_hash, rank FROM retrievals "
        "WHERE variant_id = ? ORDER BY rank",
        [variant_id],
    )


# ── posts, engagement, decisions ──────────────────────────────────────────────


def test_every_variant_is_published_exactly_once(turned_loop: TurnedLoop) -> None:
    posts = turned_loop.rows("""
        SELECT v.variant_id, count(p.post_id) AS posts,
            count(*) FILTER (WHERE p.status = 'published') AS published
        FROM variants AS v
        LEFT JOIN posts AS p ON p.variant_id = v.variant_id
        WHERE v.rejection IS NULL
        GROUP BY v.variant_id
        """)
    assert posts
    assert {(row["posts"], row["published"]) for row in posts} == {(1, 1)}


def test_the_platform_holds_each_post_once(turned_loop: TurnedLoop) -> None:
    store = turned_loop.data_dir / "simulated_audience.sqlite"
    with closing(sqlite3.connect(store)) as con:
        sent = con.execute(
            "SELECT platform_post_id FROM published ORDER BY platform_post_id"
        ).fetchall()
    ours = turned_loop.rows("""
        SELECT platform_post_id
        FROM posts
        WHERE variant_id IS NOT NULL
        ORDER BY platform_post_id
        """)
    assert [row["platform_post_id"] for row in ours] == [name for (name,) in sent]


def test_engagement_that_has_not_arrived_is_missing_and_never_zero(
    turned_loop: TurnedLoop,
) -> None:
    (seen,) = turned_loop.rows("""
        SELECT count(*) FILTER (WHERE g.value IS NULL) AS missing,
            count(*) FILTER (WHERE g.value = 0 AND g.metric = 'reach') AS zero,
            count(*) FILTER (WHERE g.value > 0) AS counted
        FROM engagement AS g
        JOIN posts AS p ON p.post_id = g.post_id
        WHERE p.variant_id IS NOT NULL
        """)
    assert seen["missing"] > 0 and seen["counted"] > 0
    assert seen["zero"] == 0


def test_a_restated_reading_is_a_new_row(turned_loop: TurnedLoop) -> None:
    doubled = turned_loop.rows("""
        SELECT post_id
        FROM engagement
        GROUP BY post_id, metric, as_of, observed_at
        HAVING count(*) > 1
        """)
    assert doubled == []


def test_an_experiment_is_decided_once(turned_loop: TurnedLoop) -> None:
    rows = turned_loop.rows("""
        SELECT experiment_id, count(*) FILTER (WHERE decision <> 'running') AS final
        FROM decisions
        GROUP BY experiment_id
        """)
    assert {row["final"] for row in rows} <= {0, 1}
    decided = turned_loop.summary["months"][0]["decisions"]
    assert sum(decided.values()) == 2
    assert "running" not in decided


def test_a_winner_has_evidence_from_before_its_decision(
    turned_loop: TurnedLoop,
) -> None:
    unsupported = turned_loop.rows("""
        SELECT d.experiment_id
        FROM decisions AS d
        WHERE d.decision IN ('winner', 'provisional')
          AND NOT EXISTS (
            SELECT 1
            FROM evidence AS v
            WHERE v.experiment_id = d.experiment_id
              AND v.data_through = d.data_through
          )
        """)
    assert unsupported == []


# ── training set, files, model ────────────────────────────────────────────────


def test_no_group_of_related_examples_stands_in_both_splits(
    turned_loop: TurnedLoop,
) -> None:
    splits = turned_loop.rows("""
        SELECT month, group_id, count(DISTINCT split) AS splits
        FROM training_examples
        GROUP BY month, group_id
        """)
    assert {row["splits"] for row in splits} == {1}
    assert {row["month"] for row in splits} == set(MONTHS)
    months = turned_loop.rows(
        "SELECT month, count(DISTINCT split) AS n FROM training_examples GROUP BY month"
    )
    assert {row["n"] for row in months} == {2}


@pytest.mark.parametrize("month", MONTHS)
def test_the_files_are_what_their_manifest_says(
    turned_loop: TurnedLoop, month: str
) -> None:
    folder = turned_loop.data_dir / "datasets" / month
    manifest = json.loads((folder / "manifest.json").read_text())
    files = {path.stem: path for path in folder.glob("*_*.jsonl")}
    lines = {
        name: path.read_text(encoding="utf-8").splitlines()
        for name, path in files.items()
    }
    assert lines
    assert {name: len(found) for name, found in lines.items()} == {
        name: count for name, count in manifest["counts"].items() if count
    }
    assert all(json.loads(line) for found in lines.values() for line in found)
    named = {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in files.items()
    }
    assert set(named.values()) <= set(_texts_of(manifest))


@pytest.mark.parametrize("month", MONTHS)
def test_the_examples_in_the_manifest_are_those_of_the_table(
    turned_loop: TurnedLoop, month: str
) -> None:
    folder = turned_loop.data_dir / "datasets" / month
    manifest = json.loads((folder / "manifest.json").read_text())
    rows = turned_loop.rows(
        "SELECT example_id, split FROM training_examples WHERE month = ?", [month]
    )
    assert rows
    assert {(e["example_id"], e["split"]) for e in manifest["examples"]} == {
        (row["example_id"], row["split"]) for row in rows
    }


def _texts_of(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts_of(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts_of(item)]
    return [value] if isinstance(value, str) else []


def test_each_month_registers_a_model_and_evaluates_it(
    turned_loop: TurnedLoop,
) -> None:
    rows = turned_loop.rows("""
        SELECT j.month, j.status, m.base_model, count(e.example_id) > 0 AS evaluated
        FROM fine_tune_jobs AS j
        JOIN models AS m ON m.job_id = j.job_id
        LEFT JOIN evaluations AS e ON e.model_id = m.model_id
        GROUP BY j.month, j.status, m.base_model
        ORDER BY j.month
        """)
    assert [tuple(row.values()) for row in rows] == [
        (JANUARY, "succeeded", "gpt-5-mini", True),
        (FEBRUARY, "succeeded", "gpt-5-mini", True),
    ]


def test_the_base_model_stays_active_until_the_evidence_promotes(
    turned_loop: TurnedLoop,
) -> None:
    models = {m["model_id"]: m["status"] for m in turned_loop.summary["models"]}
    assert models["base/openai/gpt-5-mini"] == "active"
    assert sorted(models.values()) == ["active", "canary", "candidate"]


# ── lineage ───────────────────────────────────────────────────────────────────


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
    with _warehouse(turned_loop).transaction() as con:
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
    with _warehouse(turned_loop).transaction() as con:
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
        with _warehouse(turned_loop).transaction() as con:
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
    with _warehouse(turned_loop).transaction() as con:
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
    with _warehouse(turned_loop).transaction() as con:
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


def _warehouse(loop: TurnedLoop) -> Warehouse:
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

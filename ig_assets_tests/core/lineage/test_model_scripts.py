"""What fed a model, asked in one step, is what a walk over all edges finds."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ig_assets.core.corpus.library.winners import promote_winners
from ig_assets.core.lineage.completeness import check_completeness
from ig_assets.core.lineage.model_scripts import (
    model_ids_of_script,
    record_scripts,
    script_counts,
    script_ids_of_model,
)
from ig_assets.core.reports.lineage.trace import trace
from ig_assets.warehouse.migrations import MIGRATIONS
from ig_assets.warehouse.warehouse import Connection
from ig_assets_tests.core.reports.lineage.test_lineage_trace import trained_model

_OF_A_MODEL = {
    *("made_by", "trains_on", "train", "validation", "shows", "chosen", "rejected"),
    *("words_of", "learnt_from", "publishes"),
}


def walked(con: Connection, kind: str, id: str, way: str, wanted: str) -> list[str]:
    """Ids of one kind that are reached by the relations of what a model is made of."""
    reached = {(kind, id)}
    for row in trace(con, kind, id, way):
        if row.relation in _OF_A_MODEL and (row.via_kind, row.via_id) in reached:
            reached.add((row.kind, row.id))
    return sorted(i for k, i in reached if k == wanted and (k, i) != (kind, id))


def test_one_step_finds_what_the_walk_over_all_edges_finds(tmp_path: Path) -> None:
    env, model = trained_model(tmp_path)
    with env.warehouse.transaction() as con:
        scripts = walked(con, "model", model.model_id, "up", "script")
        assert len(scripts) >= 6
        assert script_ids_of_model(con, model.model_id) == scripts
        assert script_counts(con) == {model.model_id: len(scripts)}
        for script_id in scripts:
            assert model_ids_of_script(con, script_id) == [model.model_id]
            assert walked(con, "script", script_id, "down", "model") == [model.model_id]
        assert script_ids_of_model(con, "base/none") == []
        assert model_ids_of_script(con, "unknown") == []


def test_a_script_that_gets_the_words_of_a_line_later_fed_the_model_too(
    tmp_path: Path,
) -> None:
    env, model = trained_model(tmp_path)
    [known] = env.read(
        "SELECT revision_hash FROM training_examples WHERE script_id IS NULL "
        "ORDER BY example_id LIMIT 1"
    )
    env.write("scripts", {"script_id": "copy", **known})
    with env.warehouse.transaction() as con:
        assert [g.fault for g in check_completeness(con).gaps if "copy" in g.fault]
        record_scripts(con, ["copy"])
        record_scripts(con, ["copy"])
        assert model_ids_of_script(con, "copy") == [model.model_id]
        assert not [g for g in check_completeness(con).gaps if "copy" in g.fault]


def test_a_promoted_winner_is_linked_to_the_model_that_learnt_its_words(
    tmp_path: Path,
) -> None:
    env, model = trained_model(tmp_path)
    with env.warehouse.transaction() as con:
        con.execute("DELETE FROM model_scripts WHERE script_id LIKE 'winner/%'")
        con.execute("DELETE FROM scripts WHERE origin = 'winner'")
        before = script_ids_of_model(con, model.model_id)
        made = promote_winners(con, datetime(2026, 5, 1), "run")
        after = script_ids_of_model(con, model.model_id)
    new = {one["script_id"] for one in made}
    assert new & set(after) and not new & set(before)


def test_the_check_finds_a_script_too_few_and_one_too_many(tmp_path: Path) -> None:
    env, model = trained_model(tmp_path)
    with env.warehouse.transaction() as con:
        before = check_completeness(con).count
        [(gone,)] = con.execute(
            "DELETE FROM model_scripts WHERE script_id = "
            "(SELECT min(script_id) FROM model_scripts) RETURNING script_id"
        ).fetchall()
        con.execute(
            "INSERT INTO model_scripts VALUES (?, 'never', 0)", [model.model_id]
        )
        found = check_completeness(con)
    assert found.count == before + 2
    faults = [gap.fault for gap in found.gaps if gap.id == model.model_id]
    assert [f for f in faults if gone in f and "is not in model_scripts" in f]
    assert [f for f in faults if "never" in f and "not by its edges" in f]


def test_an_older_folder_gets_the_same_rows_by_its_migration(
    tmp_path: Path,
) -> None:
    env, _ = trained_model(tmp_path)
    with env.warehouse.transaction() as con:
        sql = "SELECT * FROM model_scripts ORDER BY ALL"
        before = con.execute(sql).fetchall()
        con.execute("DROP TABLE model_scripts")
        [statements] = [sql for n, _, sql in MIGRATIONS if n == 39]
        for statement in statements.split(";"):
            con.execute(statement)
        assert con.execute(sql).fetchall() == before and len(before) >= 6

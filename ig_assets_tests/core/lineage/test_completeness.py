"""The check of lineage finds any edge that is broken, and nothing in a whole one."""

from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path

import pytest

from ig_assets.core.lineage.completeness import Completeness, check_completeness
from ig_assets.warehouse.warehouse import Connection
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import FineTuningFactory
from ig_assets_tests.core.reports.lineage.test_lineage_trace import edges, trained_model


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> FineTuningFactory:
    """A trained model whose scripts, drafts and decisions have all their edges."""
    env, _ = trained_model(tmp_path_factory.mktemp("whole"))
    for name in ("h1", "h2", "h3"):
        for arm in ("a", "b"):
            edges(env, f"script s-{name}-{arm} < import i1", relation="imported_from")
            edges(env, f"decision {name} < post p-{name}-{arm}", relation="decided_on")
        edges(env, f"decision {name} < post p-{name}-a", relation="winner")
    env.write("imports", {"import_id": "i1"})
    for number in range(1, 7):
        for arm in ("a", "b"):
            ids = f"e{number}-{arm}"
            edges(env, f"post p-{ids} < variant {ids}", relation="publishes")
            edges(env, f"decision e{number} < post p-{ids}", relation="decided_on")
        edges(env, f"decision e{number} < post p-e{number}-a", relation="winner")
    return env


def checked(con: Connection) -> Completeness:
    return check_completeness(con)


def test_whole_lineage_has_no_gap(env: FineTuningFactory) -> None:
    with env.warehouse.transaction() as con:
        found = checked(con)
    assert found.gaps == () and found.count == 0
    assert found.edges > found.facts > 70


class Undone(Exception):
    """Rolls a transaction back."""


@pytest.mark.parametrize("how", ["deleted", "child", "parent"])
def test_each_edge_is_missed_when_it_is_deleted_or_one_end_is_another(
    env: FineTuningFactory, how: str
) -> None:
    rows = env.read("SELECT rowid AS n, * FROM edges ORDER BY rowid")
    chosen = random.Random(18)
    assert len(rows) > 100
    for kind in sorted({(row["child_kind"], row["relation"]) for row in rows}):
        alike = [r for r in rows if (r["child_kind"], r["relation"]) == kind]
        row = chosen.choice(alike)
        with pytest.raises(Undone):
            with env.warehouse.transaction() as con:
                if how == "deleted":
                    con.execute("DELETE FROM edges WHERE rowid = ?", [row["n"]])
                else:
                    con.execute(
                        f"UPDATE edges SET {how}_id = 'nothing' WHERE rowid = ?",
                        [row["n"]],
                    )
                found = checked(con)
                assert found.count >= 1, (kind, how)
                raise Undone


def test_a_draft_without_a_prompt_and_an_example_without_words_are_named(
    env: FineTuningFactory,
) -> None:
    with pytest.raises(Undone):
        with env.warehouse.transaction() as con:
            con.execute("INSERT INTO drafts (variant_id) VALUES ('v')")
            con.execute("UPDATE training_examples SET revision_hash = NULL")
            con.execute("DELETE FROM datasets")
            faults = {gap.fault for gap in checked(con).gaps}
            assert {
                "has no model or no prompt",
                "has no revision of a script",
                "has no dataset",
            } <= faults
            raise Undone


def test_what_was_forgotten_is_no_gap(tmp_path: Path) -> None:
    env, _ = trained_model(tmp_path)
    with env.warehouse.transaction() as con:
        before = checked(con).count
    example = env.read("SELECT * FROM training_examples LIMIT 1")[0]
    env.write(
        "forgotten_examples",
        {
            "month": example["month"],
            "example_id": example["example_id"],
            "forgotten_at": datetime(2026, 5, 1),
        },
    )
    with env.warehouse.transaction() as con:
        con.execute(
            "DELETE FROM training_examples WHERE example_id = ?",
            [example["example_id"]],
        )
        assert checked(con).count == before

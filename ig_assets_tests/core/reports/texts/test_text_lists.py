"""Lists of scripts, variants and topics, and one of them whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from ig_assets.core.reports.texts.text_lists import (
    Filters,
    list_scripts,
    list_topics,
    list_variants,
)
from ig_assets.core.reports.texts.whole_texts import whole_script, whole_variant
from ig_assets.errors import InputError
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import FineTuningFactory
from ig_assets_tests.core.reports.lineage.test_lineage_trace import trained_model


@pytest.fixture
def env(tmp_path: Path) -> FineTuningFactory:
    env = trained_model(tmp_path)[0]
    with env.warehouse.transaction() as con:
        con.execute(
            "UPDATE script_status SET revision_hash = s.revision_hash "
            "FROM scripts AS s WHERE s.script_id = script_status.script_id"
        )
    return env


def test_each_list_says_how_many_there_are_beside_what_passes(
    env: FineTuningFactory,
) -> None:
    with env.warehouse.transaction() as con:
        for listed in (list_scripts, list_variants, list_topics):
            rows, count = listed(con, Filters())
            assert len(rows) == count > 0
            assert listed(con, Filters(topic="no such topic")) == ([], count)
            some, _ = listed(con, Filters(topic=str(rows[0]["topic"]).upper()))
            assert {row["topic"] for row in some} == {rows[0]["topic"]}
    assert str(Filters("knife", month="2026-01")) == "topic “knife”, month “2026-01”"


def test_a_variant_says_how_far_it_came_and_that_its_audience_is_simulated(
    env: FineTuningFactory,
) -> None:
    with env.warehouse.transaction() as con:
        rows, _ = list_variants(con, Filters())
    states = {row["state"] for row in rows}
    assert "published, winner" in states and "published, lost" in states
    assert all(row["simulated"] for row in rows if row["state"].startswith("published"))


def test_a_forgotten_script_is_in_no_list_and_has_no_words(
    env: FineTuningFactory,
) -> None:
    with env.warehouse.transaction() as con:
        known, _ = list_scripts(con, Filters())
        shown = whole_script(con, known[0]["script_id"])
        assert any(shown["parts"].values())
    env.forget(known[0]["script_id"])
    with env.warehouse.transaction() as con:
        rows, _ = list_scripts(con, Filters())
        assert len(rows) == len(known) - 1
        with pytest.raises(InputError, match="forgotten"):
            whole_script(con, known[0]["script_id"])


def test_a_forgotten_variant_is_listed_without_words(env: FineTuningFactory) -> None:
    with env.warehouse.transaction() as con:
        before, _ = list_variants(con, Filters())
    gone = next(row for row in before if row["state"] == "published, winner")
    env.forget(f"winner/{gone['variant_id']}")
    with env.warehouse.transaction() as con:
        after, count = list_variants(con, Filters())
    assert len(after) == len(before) == count
    [row] = [row for row in after if row["variant_id"] == gone["variant_id"]]
    assert row["words"] is None and row["state"] == "forgotten, published, winner"
    assert {row["variant_id"] for row in after if not row["words"]} == {
        gone["variant_id"]
    }


def test_a_variant_is_shown_with_its_state_and_what_it_was_grounded_in(
    env: FineTuningFactory,
) -> None:
    with env.warehouse.transaction() as con:
        rows, _ = list_variants(con, Filters())
        one = rows[0]
        script = list_scripts(con, Filters())[0][0]["script_id"]
        con.execute(
            "INSERT INTO retrievals VALUES (?, ?, NULL, 1, 0.6)",
            [one["variant_id"], script],
        )
        text = whole_variant(con, one["variant_id"])
        with pytest.raises(InputError, match="is a script, not a variant"):
            whole_variant(con, script)
    assert text["facts"]["state"] == one["state"]
    (ground,) = text["tables"]["grounded in"]
    assert ground["script"] == script and ground["similarity"] == pytest.approx(0.6)

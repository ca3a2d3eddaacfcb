"""Words outside of a script's own rows: remarks about its file, and what is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ig_assets.core.forgetting.service import forget, plan_forgetting, resume
from ig_assets.core.reports.status import data_folder_state
from ig_assets.warehouse.forgetting.receipts import read_receipts
from ig_assets.warehouse.forgetting.unfinished import count_unfinished
from ig_assets_tests.core.forgetting.forgetting_factory import (
    PHRASE,
    ForgettingFactory,
)
from ig_assets_tests.factories.warehouses import cells

KETTLE = "history/kettle"
FILE = "kettle.md"
DIRECTION = "[nod at Mrs Ottoline Brandt]"


@pytest.fixture
def env(tmp_path: Path) -> ForgettingFactory:
    """Two past scripts, of which one was read from a file that is remarked upon."""
    factory = ForgettingFactory(tmp_path)
    words = f"{PHRASE}\n\nIt never stops."
    factory.past("kettle", words, (1.0, 0.0, 0.0), "Mara")
    other = "Three quiet bakers argue about old lamps.\n\nNobody knows why."
    factory.past("lamp", other, (0.0, 1.0, 0.0), "Ole")
    [row] = factory.read(f"SELECT * FROM scripts WHERE script_id = '{KETTLE}'")
    factory.write("scripts", row | {"source_uri": FILE})
    for uri, words in ((FILE, DIRECTION), ("lamp.md", "[a lamp]")):
        remark: dict[str, Any] = {"file_uri": uri, "source_uri": uri, "kind": "cue"}
        detail = f"\u201c{words}\u201d within a sentence is taken for a direction"
        factory.write("script_left_out", remark | {"pieces": 1, "detail": detail})
        reject = {"source_uri": uri, "seen_at": factory.clock.now(), "reason": "r"}
        factory.write("script_rejects", reject | {"detail": detail})
    return factory


def test_remarks_about_a_forgotten_file_go_and_those_about_others_stay(
    env: ForgettingFactory,
) -> None:
    plan = plan_forgetting(env.work(), [KETTLE])
    assert plan.rows["script_left_out"] == plan.rows["script_rejects"] == 1
    assert "Ottoline" not in str(plan.as_json())
    forget(env.work(), [KETTLE], "a letter", "rita")
    for table in ("script_left_out", "script_rejects"):
        rows = env.read(f"SELECT source_uri FROM {table}")
        assert [row["source_uri"] for row in rows] == ["lamp.md"]
    assert not any("Ottoline" in cell for cell in cells(env.warehouse))
    assert env.files_with("Ottoline") == []


def test_a_passage_that_is_not_spoken_is_searched_for_where_it_was_quoted(
    env: ForgettingFactory,
) -> None:
    (env.data / "old.log").write_text(f"accepted with a cue: {DIRECTION}")
    receipt = forget(env.work(), [KETTLE], "a letter", "rita")
    assert receipt is not None
    assert receipt.fields["steps"]["search"]["places"] == {"old.log": 1}
    assert receipt.fields["steps"]["search"]["sentences"] == 2
    assert "Ottoline" not in receipt.content


def test_the_events_are_cleaned_of_the_file_and_of_what_was_quoted(
    env: ForgettingFactory,
) -> None:
    asked: list[Any] = []

    def forget_events(sources: Any, sentences: Any) -> dict[str, Any]:
        asked.append((sources, sentences))
        return {"cells": 3, "left": "A server was not searched."}

    receipt = forget(env.work(forget_events=forget_events), [KETTLE], "a", "rita")
    assert receipt is not None
    assert "A server was not searched." in receipt.fields["not_undone"]
    assert asked == [([FILE], [PHRASE, DIRECTION])]
    assert receipt is not None
    assert receipt.fields["steps"]["events"]["cells"] == 3


def waiting(env: ForgettingFactory) -> list[str]:
    with env.warehouse.transaction() as con:
        state = data_folder_state(con, env.clock.now())
        found = [w.sentence for w in state.waiting if "forget" in w.command]
        assert count_unfinished(con) == len(found)
    return found


def test_a_request_whose_search_found_words_is_open_until_none_is_left(
    env: ForgettingFactory,
) -> None:
    begun = env.work().receipts / "begun"
    log = env.data / "old.log"
    log.write_text(PHRASE)
    first = forget(env.work(), [KETTLE], "a letter", "rita")
    assert first is not None and first.again is None
    assert waiting(env) == ["1 request to forget is not finished"]
    assert len(list(begun.iterdir())) == 1
    # It holds no other request up.
    assert forget(env.work(), ["history/lamp"], "a letter", "rita") is not None
    for again in (
        *resume(env.work()),
        forget(env.work(), [KETTLE], "a letter", "rita"),
    ):
        assert again is not None and again.again is not None
        assert again.number == first.number
        assert again.again["search"]["places"] == {"old.log": 1}
    log.unlink()
    [last] = resume(env.work())
    assert last.again is not None and last.again["search"]["places"] == {}
    assert waiting(env) == [] and not begun.exists()
    assert resume(env.work()) == []
    assert forget(env.work(), [KETTLE], "a letter", "rita") is None
    assert len(read_receipts(env.work().receipts)) == 2


def test_a_request_of_an_earlier_version_is_cleaned_by_its_file(
    env: ForgettingFactory,
) -> None:
    """It left the remarks, kept no words, and its row says done."""
    kept = {
        table: env.read(f"SELECT * FROM {table} WHERE source_uri = '{FILE}'")
        for table in ("script_left_out", "script_rejects")
    }
    (env.data / "old.log").write_text(PHRASE)
    forget(env.work(), [KETTLE], "a letter", "rita")
    (env.data / "old.log").unlink()
    [working] = (env.work().receipts / "begun").iterdir()
    working.unlink()
    for table, rows in kept.items():
        env.write(table, rows[0])
    assert any("Ottoline" in cell for cell in cells(env.warehouse))
    asked: list[Any] = []
    work = env.work(forget_events=lambda *given: asked.append(given) or {})
    [again] = resume(work)
    assert again.again is not None and again.again["search"]["sentences"] == 0
    assert asked == [([FILE], [DIRECTION])], "the remarks are read before they go"
    assert not any("Ottoline" in cell for cell in cells(env.warehouse))
    assert env.files_with("Ottoline") == [] and waiting(env) == []

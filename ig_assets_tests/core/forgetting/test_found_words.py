"""What goes with a script, what stays and is listed, and where words are left."""

from __future__ import annotations

import json

import duckdb
import pytest

from ig_assets.core.forgetting.service import forget, plan_forgetting
from ig_assets.core.identity import text_hash
from ig_assets.core.lineage.first_words import first_words
from ig_assets.warehouse.forgetting.receipts import read_receipts
from ig_assets_tests.core.forgetting.forgetting_factory import (
    PHRASE,
    REST,
    TEXT,
    ForgettingFactory,
)
from ig_assets_tests.core.forgetting.requests import KETTLE


def test_a_variant_that_copied_it_goes_and_one_that_only_retrieved_it_is_listed(
    env: ForgettingFactory,
) -> None:
    fresh = "Pack the heavy things at the bottom of the bag, then walk home slowly."
    env.write_variant("copy", TEXT.upper())
    env.write_variant("reader", fresh)
    env.retrieved("reader", KETTLE)
    env.retrieved("copy", KETTLE)
    plan = plan_forgetting(env.work(), [KETTLE])
    assert plan.found.copied == ("copy",) and plan.found.influenced == ("reader",)
    forget(env.work(), [KETTLE], "a letter", "rita")
    rows = env.read("SELECT variant_id, text, rejection FROM variants ORDER BY ALL")
    assert [r for r in rows if r["variant_id"] in ("copy", "reader")] == [
        {"variant_id": "copy", "text": "", "rejection": "forgotten"},
        {"variant_id": "reader", "text": fresh, "rejection": None},
    ]
    drafts = env.read("SELECT text FROM drafts WHERE variant_id = 'copy'")
    assert drafts == [{"text": ""}]
    gone = env.read("SELECT script_id FROM forgotten ORDER BY script_id")
    assert [row["script_id"] for row in gone] == [KETTLE, "winner/copy"]
    assert len(env.read("SELECT * FROM retrievals")) == 2, "the edges stay"
    [receipt] = read_receipts(env.work().receipts)
    assert receipt.fields["found"]["influenced"] == ["reader"]


def test_an_arm_of_the_same_test_that_shares_its_body_goes_and_another_arm_stays(
    env: ForgettingFactory,
) -> None:
    """A script and its arms are one work in two wordings: a letter means both."""
    shared = f"Ever heard a kettle sing?\n\n{TEXT}"
    for arm, text in (("c", shared), ("d", "Pack the heavy things at the bottom.")):
        key = {"script_id": f"s-kettle-{arm}", "revision_hash": text_hash(text)}
        env.write("scripts", key | {"text": text, "hook": text, "origin": "history"})
        post = {"post_id": f"p-kettle-{arm}", "experiment_id": "kettle", "arm": arm}
        env.write("posts", post | {"script_id": key["script_id"]})
    plan = plan_forgetting(env.work(), [KETTLE])
    assert plan.found.sibling_arms == ("s-kettle-c",)
    forget(env.work(), [KETTLE], "a letter", "rita")
    assert env.files_with(PHRASE) == []
    gone = env.read("SELECT script_id FROM forgotten ORDER BY script_id")
    assert [row["script_id"] for row in gone] == [KETTLE, "s-kettle-c"]


def test_only_the_attempt_that_copied_it_goes_where_the_final_words_did_not(
    env: ForgettingFactory,
) -> None:
    fresh = "Pack the heavy things at the bottom of the bag, then walk home slowly."
    env.write_variant("v", fresh)
    for attempt, text in enumerate((TEXT, fresh)):
        key = {"variant_id": "v", "attempt": attempt}
        env.write("polish_attempts", key | {"text": text, "hook": text})
    plan = plan_forgetting(env.work(), [KETTLE])
    assert plan.found.erasure.attempts == ("v 0",)
    assert plan.found.erasure.variants == plan.found.erasure.drafts == ()


@pytest.mark.further
def test_a_script_with_the_very_words_goes_too_and_a_similar_one_is_listed(
    env: ForgettingFactory,
) -> None:
    for name, text in (("same", TEXT), ("near", TEXT + " And so on.")):
        key = {"script_id": f"library/{name}", "revision_hash": text_hash(text)}
        env.write("scripts", key | {"text": text, "hook": text, "origin": "library"})
        row = {"changed_at": env.clock.now(), "status": "active"}
        env.write("script_status", key | row)
    plan = plan_forgetting(env.work(), [KETTLE])
    assert plan.found.same_words == ("library/same",)
    assert plan.found.similar == ("library/near",)
    forget(env.work(), [KETTLE], "a letter", "rita")
    with env.warehouse.transaction() as con:
        rows = con.execute("SELECT script_id FROM current_scripts").fetchall()
    assert ("library/near",) in rows and ("library/same",) not in rows
    [receipt] = read_receipts(env.work().receipts)
    assert receipt.fields["steps"]["search"]["shared"] == {"scripts": 2}


def test_a_script_of_the_same_letters_is_listed_apart_from_similar_ones(
    env: ForgettingFactory,
) -> None:
    for name, text in (("loud", f"{TEXT.upper()}!!"), ("near", TEXT + " And so on.")):
        key = {"script_id": f"library/{name}", "revision_hash": text_hash(text)}
        env.write("scripts", key | {"text": text, "hook": text, "origin": "library"})
        row = {"changed_at": env.clock.now(), "status": "active"}
        env.write("script_status", key | row)
    plan = plan_forgetting(env.work(), [KETTLE])
    assert plan.found.same_letters == ("library/loud",)
    assert plan.found.similar == ("library/near",)
    assert plan.as_json()["same_letters"] == ["library/loud"]
    assert "library/loud" not in plan.found.erasure.scripts
    both = plan_forgetting(env.work(), [KETTLE, "library/loud"])
    assert "library/loud" in both.found.erasure.scripts
    assert both.found.same_letters == ()
    forget(env.work(), [KETTLE], "a letter", "rita")
    [receipt] = read_receipts(env.work().receipts)
    assert receipt.fields["found"]["same_letters"] == ["library/loud"]


def test_the_search_finds_what_is_left_in_any_file_and_says_where(
    env: ForgettingFactory,
) -> None:
    log = env.data / "logs" / "old.log"
    log.parent.mkdir()
    log.write_text(f"debug: {json.dumps(REST)}\n")
    env.write("run_failures", {"run_id": "r", "sentence": f"It said: {PHRASE}"})
    receipt = forget(env.work(), [KETTLE], "a letter", "rita")
    assert receipt is not None
    assert receipt.fields["steps"]["search"]["places"] == {
        "run_failures.sentence": 1,
        "w.duckdb": 1,
        "logs/old.log": 1,
    }


def test_an_older_copy_of_the_warehouse_is_named_though_its_texts_are_compressed(
    env: ForgettingFactory,
) -> None:
    copy = env.data / "warehouse.duckdb.before-20260401T090000"
    with duckdb.connect(str(copy)) as con:
        con.execute("PRAGMA force_compression = 'fsst'")
        con.execute(
            "CREATE TABLE scripts AS SELECT i, ? || i AS body "
            "FROM range(5000) AS t (i)",
            [REST],
        )
    assert REST.encode() not in copy.read_bytes()
    receipt = forget(env.work(), [KETTLE], "a letter", "rita")
    assert receipt is not None
    assert list(receipt.fields["steps"]["search"]["places"]) == [copy.name]


def test_a_page_of_lineage_in_the_data_folder_is_named_by_first_words_or_markup(
    env: ForgettingFactory,
) -> None:
    shown = first_words(TEXT)
    assert shown is not None and shown.endswith("stairwell …")
    (env.data / "cut.html").write_text(f"<td>{shown}</td>")
    (env.data / "other.html").write_text("<td>A lavender kettle …</td>")
    quoted = "Don't wake the lantern's keeper \"now\", please."
    text = f"{quoted}\n\nLet the night boat pass before dawn."
    env.past("quoted", text, vector=(0.5, 0.5, 0.0), author="Ole")
    escaped = "Don&#39;t wake the lantern&#39;s keeper &#34;now&#34;, please."
    (env.data / "marked.html").write_text(f"<td>{escaped}</td>")
    receipt = forget(env.work(), [KETTLE, "history/quoted"], "a letter", "rita")
    assert receipt is not None
    places = receipt.fields["steps"]["search"]["places"]
    assert places == {"cut.html": 1, "marked.html": 1}


def test_what_a_local_model_has_read_is_removed(env: ForgettingFactory) -> None:
    """The state of a prompt's beginning is made of its words, in no searchable form."""
    states = env.data / "local_model" / "1" / "prompt_states"
    states.mkdir(parents=True)
    (states / "7-0").write_bytes(bytes(64))
    receipt = forget(env.work(), [KETTLE], "a letter", "rita")
    assert receipt is not None and states.is_dir() and not any(states.iterdir())


def test_an_example_that_holds_the_words_without_a_link_goes_too(
    env: ForgettingFactory,
) -> None:
    lone = {"month": "2025-01", "kind": "sft", "prompt": "p", "split": "train"}
    env.write("training_examples", lone | {"example_id": "e1", "completion": TEXT})
    env.write("training_examples", lone | {"example_id": "e2", "rejected": TEXT + "!"})
    env.write("training_examples", lone | {"example_id": "e3", "rejected": "others"})
    plan = plan_forgetting(env.work(), [KETTLE])
    assert {"e1", "e2"} <= set(plan.found.erasure.examples)
    assert len(plan.found.erasure.examples) == 4


def test_the_vector_of_its_hook_goes_too_and_others_stay(
    env: ForgettingFactory,
) -> None:
    for hook in (PHRASE, "Another hook"):
        key = {"hook_hash": text_hash(hook), "model": "m"}
        env.write("hook_vectors", key | {"vector": [0.5, 1.0]})
    forget(env.work(), [KETTLE], "asked", "me")
    with env.warehouse.transaction() as con:
        left = con.execute("SELECT hook_hash FROM hook_vectors").fetchall()
    assert left == [(text_hash("Another hook"),)]

"""A forgotten script is nowhere, whatever was killed, and never comes back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ig_assets.adapters.openai.batch import OpenAIBatches
from ig_assets.core.corpus.queries import forgotten_words
from ig_assets.core.fine_tuning.evaluation.canary import promote, rollback
from ig_assets.core.fine_tuning.jobs.register import register_model
from ig_assets.core.forgetting import named
from ig_assets.core.forgetting.service import forget, plan_forgetting, resume
from ig_assets.core.identity import letters_hash, text_hash, words_hash
from ig_assets.core.lineage.first_words import first_words
from ig_assets.core.models.few_shot import few_shot_messages
from ig_assets.core.models.registry import active_model, get_model
from ig_assets.core.ports import BatchLine
from ig_assets.core.reports.lineage.names import script_named
from ig_assets.errors import InputError
from ig_assets.warehouse.forgetting.receipts import read_receipts
from ig_assets.warehouse.migrations import KEYS
from ig_assets.warehouse.warehouse import Connection, Warehouse
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import MONTH
from ig_assets_tests.core.forgetting.forgetting_factory import (
    BASE,
    PHRASE,
    REST,
    TEXT,
    ForgettingFactory,
)
from ig_assets_tests.factories.cases import with_further
from ig_assets_tests.factories.warehouses import cells
from ig_assets_tests.stand_ins.openai_batches import BatchStandIn

KETTLE = "history/kettle"
STOPS = (
    *("intent", "found", "tables", "models", "index", "vendors", "datasets"),
    *("events", "warehouse", "search", "receipt", "done"),
)


def named_scripts(con: Connection, names: list[str], author: str) -> list[str]:
    return named.named_scripts(con, names, author, script_named)


class Killed(BaseException):
    """What no code of ours catches."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> ForgettingFactory:
    factory = ForgettingFactory(tmp_path_factory.mktemp("filled"))
    factory.fill()
    return factory


@pytest.fixture
def env(filled: ForgettingFactory, tmp_path: Path) -> ForgettingFactory:
    """A copy of the filled folder."""
    filled.warehouse.close()
    factory = ForgettingFactory(tmp_path)
    shutil.rmtree(factory.data)
    shutil.copytree(filled.data, factory.data)
    factory.model_id, factory.shown = filled.model_id, filled.shown
    return factory


def everything(warehouse: Warehouse) -> dict[str, list[Any]]:
    with warehouse.transaction() as con:
        return {
            table: sorted(con.execute(f"SELECT * FROM {table}").fetchall(), key=str)
            for table in KEYS
        }


def assert_forgotten(env: ForgettingFactory) -> None:
    """No trace of the words, and all that should be left is left."""
    for words in (PHRASE, REST, json.dumps(REST)[1:-1], "Mara"):
        assert env.files_with(words) == [], words
    assert not any(w in cell for cell in cells(env.warehouse) for w in (PHRASE, REST))
    assert "history/kettle" not in env.index.list_ids("tiny-3")
    assert len(list(env.index.list_ids("tiny-3"))) == 2
    [receipt] = read_receipts(env.work().receipts)
    assert receipt.fields["steps"]["search"]["places"] == {}
    assert receipt.fields["steps"]["search"]["sentences"] == 2
    [request] = env.read("SELECT * FROM forget_requests")
    assert (request["status"], request["number"]) == ("done", 1)
    assert request["receipt_hash"] == receipt.sha256
    manifest = json.loads((env.data / "datasets" / MONTH / "manifest.json").read_text())
    assert len(manifest["forgotten"]) == 2 and len(manifest["examples"]) == 4
    left = env.read("SELECT completion FROM training_examples")
    assert len(left) == 4 and "radishes" in str(left)


def test_the_words_are_there_before(env: ForgettingFactory) -> None:
    where = env.files_with(PHRASE)
    assert len(where) >= 2 and any(name.endswith(".jsonl") for name in where)
    assert len(env.shown) == 2


def test_a_forgotten_script_leaves_no_trace_and_a_receipt(
    env: ForgettingFactory,
) -> None:
    receipt = forget(env.work(), [KETTLE], "a letter", "rita")
    assert receipt is not None and receipt.number == 1
    assert PHRASE not in receipt.content and "Mara" not in receipt.content
    assert_forgotten(env)


def test_a_request_that_is_killed_at_each_boundary_in_turn_is_finished_in_the_end(
    env: ForgettingFactory,
) -> None:
    for stop in STOPS:
        with pytest.raises(Killed):
            if stop == "intent":
                forget(env.work(), [KETTLE], "a letter", "rita", killed_after(stop))
            else:
                resume(env.work(), killed_after(stop))
        env.warehouse.close()
    resume(env.work())
    assert_forgotten(env)
    assert len(env.read("SELECT * FROM forget_steps")) == 8


def killed_after(stop: str) -> Callable[[str], None]:
    def after(step: str) -> None:
        if step == stop:
            raise Killed

    return after


@pytest.mark.parametrize("stop", with_further(STOPS, tried=0))
def test_a_request_that_is_killed_at_any_boundary_is_finished_by_a_rerun(
    env: ForgettingFactory, stop: str
) -> None:
    with pytest.raises(Killed):
        forget(env.work(), [KETTLE], "a letter", "rita", killed_after(stop))
    done = resume(env.work())
    assert len(done) == (0 if stop == "done" else 1)
    assert_forgotten(env)
    before = everything(env.warehouse)
    assert resume(env.work()) == []
    assert forget(env.work(), [KETTLE], "again", "rita") is None
    assert everything(env.warehouse) == before


def test_a_model_that_learnt_from_it_is_tainted_rolled_back_and_never_promoted(
    env: ForgettingFactory,
) -> None:
    forget(env.work(), [KETTLE], "a letter", "rita")
    with env.warehouse.transaction() as con:
        assert active_model(con).model_id == BASE
        model = get_model(con, env.model_id)
        assert model.status == "tainted"
        assert model.artifact is not None
        assert PHRASE not in str(few_shot_messages(con, model.artifact))
    with pytest.raises(InputError, match="cannot be promoted"):
        promote(env.warehouse, env.clock, env.model_id, "I like it")


@pytest.mark.further
def test_a_tainted_model_stays_active_on_request_and_is_never_promoted_again(
    env: ForgettingFactory,
) -> None:
    forget(env.work(rolls_back=False), [KETTLE], "a letter", "rita")
    with env.warehouse.transaction() as con:
        assert active_model(con).model_id == env.model_id
    rollback(env.warehouse, env.clock, "a person's decision")
    with env.warehouse.transaction() as con:
        assert active_model(con).model_id == BASE
    with pytest.raises(InputError, match="cannot be promoted"):
        promote(env.warehouse, env.clock, env.model_id, "back again")


def test_a_model_that_did_not_learn_from_it_is_not_tainted(
    env: ForgettingFactory,
) -> None:
    near = plan_forgetting(env.work(), ["history/radish"]).found
    assert len(near.erasure.examples) == 2, "in its validation lines"
    assert near.erasure.models == () and near.influenced_models == (env.model_id,)
    learnt = plan_forgetting(env.work(), ["history/lamp"]).found
    assert learnt.erasure.models == (env.model_id,)
    assert learnt.influenced_models == ()


def test_a_model_of_another_kind_learnt_from_every_line_of_its_dataset(
    env: ForgettingFactory,
) -> None:
    env.write("models", {"model_id": env.model_id, "artifact": None})
    plan = plan_forgetting(env.work(), ["history/radish"])
    assert plan.found.erasure.models == (env.model_id,)


@pytest.mark.further
def test_a_model_that_is_registered_after_the_forgetting_is_tainted_at_once(
    env: ForgettingFactory,
) -> None:
    with env.warehouse.transaction() as con:
        con.execute("DELETE FROM models WHERE model_id = ?", [env.model_id])
        con.execute("DELETE FROM model_events WHERE model_id = ?", [env.model_id])
    forget(env.work(), [KETTLE], "a letter", "rita")
    model = register_model(env.warehouse, env.clock, MONTH)
    assert model is not None
    assert (model.model_id, model.status) == (env.model_id, "tainted")


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


def test_a_vendor_is_asked_to_delete_the_files_of_batches_with_the_words(
    env: ForgettingFactory,
) -> None:
    with BatchStandIn() as vendor:
        batches = OpenAIBatches("sk-key", base_url=vendor.base_url)
        batch_id = batches.submit([BatchLine("line-1", [TEXT])], "line-1")
        sent_in_batch(env, "line-1", text_hash(TEXT), batch_id)
        sent_in_batch(env, "line-2", "another", "batch_other")
        work = env.work(batches=lambda: batches)
        receipt = forget(work, [KETTLE], "a letter", "rita")
        assert receipt is not None
        assert receipt.fields["steps"]["vendors"] == {
            "batches": {batch_id: {"files_deleted": 1}}
        }
        assert vendor.deleted == set(vendor.files) and len(vendor.files) == 1
        assert batches.delete_files(batch_id) == 0, "it is gone already"


def sent_in_batch(
    env: ForgettingFactory, name: str, content_hash: str, batch_id: str
) -> None:
    env.write("embedding_batch_lines", {"custom_id": name, "intent_key": name})
    of = {"custom_id": name, "place": 0, "content_hash": content_hash}
    env.write("embedding_batch_inputs", of)
    row = {"intent_key": name, "provider": "openai", "batch_id": batch_id}
    env.write("embedding_batches", row)


def test_a_vendor_that_cannot_be_asked_is_in_the_receipt_and_holds_nothing_up(
    env: ForgettingFactory,
) -> None:
    sent_in_batch(env, "line", text_hash(TEXT), "batch_7")
    receipt = forget(env.work(), [KETTLE], "a letter", "rita")
    assert receipt is not None
    said = [s for s in receipt.fields["not_undone"] if "batch_7" in s]
    assert said == ["openai has files of batch batch_7: there is no key"]


def test_a_receipt_has_both_hashes_of_the_words_and_is_forgotten_again_by_them(
    env: ForgettingFactory,
) -> None:
    receipt = forget(env.work(), [KETTLE], "a letter", "rita")
    assert receipt is not None
    words = receipt.fields["erasure"]["words"]
    assert set(words) == {words_hash(TEXT), letters_hash(TEXT)}
    with env.warehouse.transaction() as con:
        assert forgotten_words(con) == set(words)
    assert read_receipts(env.work().receipts) == [receipt]


def test_an_author_is_all_of_their_scripts(env: ForgettingFactory) -> None:
    with env.warehouse.transaction() as con:
        assert named_scripts(con, [], " mara ") == [KETTLE]
        assert len(named_scripts(con, ["history/ket"], "OLE")) == 3
        with pytest.raises(InputError, match="no script whose author is 'Nora'"):
            named_scripts(con, [], "Nora")
        with pytest.raises(InputError, match="There is no script 'history/nothing'"):
            named_scripts(con, ["history/nothing"], "")
        with pytest.raises(InputError, match="Name a script"):
            named_scripts(con, [], "")


def test_a_script_to_forget_is_named_as_lineage_names_it(
    env: ForgettingFactory,
) -> None:
    edge = {"parent_kind": "script", "parent_id": "library/edge-alone"}
    child = {"child_kind": "variant", "child_id": "v", "relation": "retrieved"}
    env.write("edges", {**edge, **child})
    for own_id in ("rows-a", "rows-b"):
        row = {"script_id": f"library/{own_id}", "revision_hash": own_id}
        env.write("scripts", {**row, "source_uri": f"past/rows.csv#{own_id}"})
    with env.warehouse.transaction() as con:
        for name in ("kettle", "KETTLE", "kett", "history/kett"):
            assert named_scripts(con, [name], "") == [KETTLE]
        assert named_scripts(con, ["rows-b", "kettle"], "") == [
            KETTLE,
            "library/rows-b",
        ]
        for name, match in {
            "rows.csv": r"rows.csv has 2 scripts \(library/rows-a, library/rows-b\)",
            "library/edge": "no script 'library/edge'",
            "rows-": "may be one of: script library/rows-a, script library/rows-b",
            "ket": "no script 'ket'",
            "Ole": "no script 'Ole'",
        }.items():
            with pytest.raises(InputError, match=match):
                named_scripts(con, [name], "")
    forget(env.work(), [KETTLE], "a letter", "rita")
    with env.warehouse.transaction() as con:
        assert named_scripts(con, ["kettle"], "") == [KETTLE]


def test_an_author_who_was_forgotten_is_known_and_another_is_not(
    env: ForgettingFactory,
) -> None:
    forget(env.work(), [KETTLE], "a letter", "rita", author="Mara")
    with env.warehouse.transaction() as con:
        assert named_scripts(con, [], " mara") == []
        with pytest.raises(InputError, match="no script whose author is 'Nora'"):
            named_scripts(con, [], "Nora")
    assert env.files_with("Mara") == env.files_with("mara") == []


def test_a_receipt_has_the_time_of_the_world_and_that_of_the_machine(
    env: ForgettingFactory,
) -> None:
    receipt = forget(env.work(), [KETTLE], "a letter", "rita")
    assert receipt is not None
    assert receipt.fields["requested_at"].startswith("2026-04-01T03:00")
    assert receipt.fields["written_at_by_the_machine"] == "2031-05-06T00:00:00"


@pytest.mark.parametrize(
    "post, said",
    [
        ({"platform": "instagram", "platform_post_id": "17"}, "out on instagram (17);"),
        ({}, "out on a platform that its import does not name (instagram.com/Cx);"),
        ({"platform": "history"}, "out on a platform that its import does not name;"),
        ({"experiment_id": "x1"}, "had a simulated audience; it was never out."),
    ],
)
def test_a_post_that_stays_out_is_named_by_all_that_is_known_of_it(
    env: ForgettingFactory, post: dict[str, Any], said: str
) -> None:
    row = {"post_id": "p1", "status": "published", "script_id": KETTLE} | post
    env.write("posts", row)
    env.write("experiments", {"experiment_id": "x1", "simulated": True})
    if not post:
        name = {"source": "s", "kind": "permalink", "value": "instagram.com/Cx"}
        env.write("vendor_post_names", name | {"post_id": "p1"})
    receipt = forget(env.work(), [KETTLE], "a letter", "rita")
    assert receipt is not None
    assert any(said in sentence for sentence in receipt.fields["not_undone"])


def test_a_receipt_that_was_removed_is_written_again_the_last_one_too(
    env: ForgettingFactory, caplog: pytest.LogCaptureFixture
) -> None:
    forget(env.work(), [KETTLE], "a letter", "rita")
    forget(env.work(), ["history/lamp"], "another", "rita")
    env.warehouse.close()
    files = sorted(env.work().receipts.glob("*.json"))
    before = [path.read_bytes() for path in files]
    files[-1].unlink()
    with Warehouse(env.warehouse.url, env.clock.now).transaction():
        pass
    assert [path.read_bytes() for path in files] == before
    assert "were missing" in caplog.text and files[-1].name in caplog.text


def test_a_plan_writes_nothing(env: ForgettingFactory) -> None:
    before = everything(env.warehouse)
    plan = plan_forgetting(env.work(), [KETTLE])
    assert plan.rows == {
        "scripts": 1,
        "embeddings": 1,
        "index_entries": 1,
        "training_examples": 2,
    }
    assert PHRASE not in json.dumps(plan.as_json())
    assert everything(env.warehouse) == before
    assert not env.work().receipts.exists()


def test_forgetting_needs_a_reason_and_ends_one_request_before_the_next(
    env: ForgettingFactory,
) -> None:
    with pytest.raises(InputError, match="say why"):
        forget(env.work(), [KETTLE], "  ", "rita")

    with pytest.raises(Killed):
        forget(env.work(), [KETTLE], "a letter", "rita", killed_after("intent"))
    message = "An earlier request to forget is not finished.*--resume"
    with pytest.raises(InputError, match=message):
        forget(env.work(), ["history/lamp"], "a letter", "rita")


def test_a_restored_folder_forgets_in_its_files_too(
    env: ForgettingFactory, tmp_path: Path
) -> None:
    env.warehouse.close()
    shutil.copytree(env.data, tmp_path / "backup")
    forget(env.work(), [KETTLE], "a letter", "rita")
    env.warehouse.close()
    receipts = env.work().receipts
    kept = tmp_path / "receipts"
    shutil.move(receipts, kept)
    shutil.rmtree(env.data)
    shutil.move(tmp_path / "backup", env.data)
    shutil.move(kept, receipts)
    restored = ForgettingFactory.__new__(ForgettingFactory)
    restored.__dict__ |= env.__dict__
    restored._home = Warehouse(env.warehouse.url, env.clock.now)
    assert not any(PHRASE in cell for cell in cells(restored.warehouse))
    assert any(n.endswith(".jsonl") for n in restored.files_with(PHRASE))
    [receipt] = resume(restored.work())
    assert receipt.request_id == read_receipts(receipts)[0].request_id
    assert receipt.again is not None and list(receipt.again["datasets"]) == [MONTH]
    assert_forgotten(restored)

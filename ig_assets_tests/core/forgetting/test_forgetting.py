"""A forgotten script is nowhere, whatever was killed, and never comes back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ig_assets.adapters.openai.batch import OpenAIBatches
from ig_assets.core.corpus.queries import forgotten_words
from ig_assets.core.forgetting.traces import named
from ig_assets.core.forgetting.service import forget, plan_forgetting, resume
from ig_assets.core.identity import letters_hash, text_hash, words_hash
from ig_assets.core.ports import BatchLine
from ig_assets.core.reports.lineage.names import script_named
from ig_assets.errors import InputError
from ig_assets.warehouse.forgetting.receipts import read_receipts
from ig_assets.warehouse.warehouse import Connection, Warehouse
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import MONTH
from ig_assets_tests.core.forgetting.forgetting_factory import (
    PHRASE,
    TEXT,
    ForgettingFactory,
)
from ig_assets_tests.core.forgetting.requests import (
    KETTLE,
    STOPS,
    Killed,
    assert_forgotten,
    everything,
    killed_after,
)
from ig_assets_tests.factories.cases import with_further
from ig_assets_tests.factories.warehouses import cells
from ig_assets_tests.stand_ins.openai_batches import BatchStandIn


def named_scripts(con: Connection, names: list[str], author: str) -> list[str]:
    return named.named_scripts(con, names, author, script_named)


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

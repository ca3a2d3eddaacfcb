"""Other work writes the words again while a request to forget is interrupted."""

from __future__ import annotations

import pytest

from ig_assets.core.corpus.queries import forgotten_words
from ig_assets.core.forgetting.traces.finding import find
from ig_assets.core.forgetting.residue import search
from ig_assets.core.forgetting.service import forget, plan_forgetting, resume
from ig_assets.core.identity import letters_hash, text_hash
from ig_assets.warehouse.forgetting.erasure import Erasure
from ig_assets.warehouse.forgetting.receipts import read_receipts
from ig_assets_tests.core.forgetting.forgetting_factory import (
    MONTH,
    PHRASE,
    REST,
    TEXT,
    ForgettingFactory,
)
from ig_assets_tests.core.forgetting.requests import KETTLE, Killed, killed_after
from ig_assets_tests.factories.warehouses import cells

RADISH = "history/radish"
FRESH = "Pack the heavy things at the bottom of the bag, then walk home slowly."


def compare(env: ForgettingFactory, example_id: str) -> None:
    """A new example has the kettle's words as the rejected text."""
    key = {"month": MONTH, "kind": "dpo", "example_id": example_id, "split": "train"}
    texts = {"prompt": "A brief", "completion": FRESH, "rejected": TEXT}
    hashes = {"revision_hash": "r", "rejected_revision_hash": text_hash(TEXT)}
    env.write("training_examples", key | texts | hashes | {"script_id": RADISH})


def assert_no_words(env: ForgettingFactory) -> None:
    for words in (PHRASE, REST):
        assert not [cell for cell in cells(env.warehouse) if words in cell]
        assert env.files_with(words) == []


@pytest.mark.parametrize(
    "stop", ["intent", "found", "tables", "models", "index", "datasets", "warehouse"]
)
def test_a_resumed_request_finds_the_rows_that_came_while_it_was_interrupted(
    env: ForgettingFactory, stop: str
) -> None:
    with pytest.raises(Killed):
        forget(env.work(), [KETTLE], "a letter", "rita", killed_after(stop))
    compare(env, "later")
    env.write_variant("later", TEXT.upper())
    [receipt] = resume(env.work())
    assert "later" in receipt.fields["erasure"]["examples"]
    assert receipt.fields["steps"]["tables"]["rows"]["training_examples"] == 3
    assert receipt.fields["steps"]["search"]["places"] == {}
    assert_no_words(env)
    assert plan_forgetting(env.work(), [KETTLE]).rows == {}
    assert env.read("SELECT text FROM variants WHERE variant_id = 'later'") == [
        {"text": ""}
    ]
    assert not (env.work().receipts / "begun").exists()


@pytest.mark.parametrize("stop", ["intent", "found"])
def test_a_revision_that_a_sync_made_meanwhile_is_forgotten_too(
    env: ForgettingFactory, stop: str
) -> None:
    with pytest.raises(Killed):
        forget(env.work(), [KETTLE], "a letter", "rita", killed_after(stop))
    text = "The porcelain otter whistles behind a velvet curtain every Sunday."
    key = {"script_id": KETTLE, "revision_hash": text_hash(text)}
    env.write("scripts", key | {"text": text, "hook": text, "body": ""})
    now = env.clock.now()
    env.write("script_status", key | {"changed_at": now, "status": "active"})
    env.embed(text_hash(text), (0.5, 0.5, 0.0))
    resume(env.work())
    assert not [cell for cell in cells(env.warehouse) if "porcelain otter" in cell]
    vectors = env.read("SELECT content_hash FROM embeddings")
    assert text_hash(text) not in [row["content_hash"] for row in vectors]
    states = env.read(f"SELECT * FROM script_status WHERE script_id = '{KETTLE}'")
    of_revision = [s for s in states if s["revision_hash"] == text_hash(text)]
    latest = max(of_revision, key=lambda state: state["changed_at"])
    assert latest["status"] == "forgotten"
    with env.warehouse.transaction() as con:
        assert letters_hash(text.upper()) in forgotten_words(con)


def test_a_repeat_for_a_forgotten_script_deletes_what_its_plan_finds(
    env: ForgettingFactory,
) -> None:
    first = forget(env.work(), [KETTLE], "a letter", "rita")
    compare(env, "later")
    (env.data / "old.log").write_text(PHRASE)
    assert plan_forgetting(env.work(), [KETTLE]).rows == {"training_examples": 1}
    second = forget(env.work(), [KETTLE], "once more", "rita")
    assert first is not None and second is not None
    assert second.request_id != first.request_id and second.number == 2
    assert second.fields["erasure"]["examples"].count("later") == 1
    # The example's words are the script's, so they are looked for in files again.
    assert second.fields["steps"]["search"]["places"] == {"old.log": 1}
    (env.data / "old.log").unlink()
    resume(env.work())
    assert_no_words(env)
    assert forget(env.work(), [KETTLE], "once more", "rita") is None


def test_a_request_with_words_left_takes_later_rows_into_a_receipt_of_their_own(
    env: ForgettingFactory,
) -> None:
    log = env.data / "old.log"
    log.write_text(PHRASE)
    forget(env.work(), [KETTLE], "a letter", "rita")
    compare(env, "later")
    log.unlink()
    later, first = resume(env.work())
    assert (later.number, first.number) == (2, 1)
    assert later.fields["erasure"]["examples"].count("later") == 1
    assert_no_words(env)
    assert resume(env.work()) == []
    assert len(read_receipts(env.work().receipts)) == 2


def test_a_text_that_is_wholly_forgotten_is_no_other_text(
    env: ForgettingFactory,
) -> None:
    (env.data / "old.log").write_text(PHRASE)

    erasure = Erasure("", "", "", env.clock.now())
    with env.warehouse.transaction() as con:
        found = find(con, erasure, [KETTLE], env.work().bounds)
    forget(env.work(), [KETTLE], "a letter", "rita")
    compare(env, "later")
    with env.warehouse.transaction() as con:
        residue = search(con, found.texts, (env.data,), (), own=found.own)
    assert residue.places["training_examples.rejected"] == 1
    assert str(env.data / "old.log") in residue.places
    assert residue.shared == {}


def test_a_sync_that_refuses_the_file_leaves_nothing_to_forget(
    env: ForgettingFactory,
) -> None:
    """A remark that its file was refused, and the vector of a hook that others have."""
    uri = {"source_uri": "kettle.md"}
    [row] = env.read(f"SELECT * FROM scripts WHERE script_id = '{KETTLE}'")
    env.write("scripts", row | uri)
    forget(env.work(), [KETTLE], "a letter", "rita")
    seen = {"seen_at": env.clock.now(), "reason": "forgotten", "detail": "a request"}
    env.write("script_rejects", uri | seen)
    assert forget(env.work(), [KETTLE], "again", "rita") is None
    assert len(env.read("SELECT * FROM script_rejects")) == 1

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ig_assets.core.models.registry import ModelRow
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.lineage.model_scripts import model_ids_of_script, record_scripts
from ig_assets.core.reports.lineage.answer import (
    all_of_author,
    answer_lineage,
    one_thing,
)
from ig_assets.core.reports.lineage.labels import labels
from ig_assets.core.reports.lineage.trace import scripts_behind_model
from ig_assets.core.reports.lineage.words import (
    ModelScript,
    model_sentence,
    ranker_sentence,
    scripts_of_model,
    share_of,
)
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import FineTuningFactory
from ig_assets_tests.core.fine_tuning.training_set.built_sets import build
from ig_assets_tests.core.reports.lineage.test_lineage_trace import trained_model


def texts_of(env: FineTuningFactory, model: ModelRow) -> list[ModelScript]:
    with env.warehouse.transaction() as con:
        return scripts_of_model(con, scripts_behind_model(con, model.model_id))


def test_each_script_behind_a_model_is_one_row_with_its_words_and_lines(
    tmp_path: Path,
) -> None:
    env, model = trained_model(tmp_path)
    texts = texts_of(env, model)
    with env.warehouse.transaction() as con:
        behind = scripts_behind_model(con, model.model_id)
    assert sum(text.lines for text in texts) == len(behind)
    assert sum(text.in_model for text in texts) == sum(b.in_model for b in behind) > 0
    by_id = {text.id: text for text in texts}
    assert len(by_id) == len(texts)
    imported = by_id["s-h1-a"]
    assert imported.origin and imported.first_words
    assert imported.why.startswith("winner: ")
    assert [t.in_model > 0 for t in texts] == sorted(
        (t.in_model > 0 for t in texts), reverse=True
    )


def test_the_worse_texts_of_the_pairs_are_rows_too_and_said_apart(
    tmp_path: Path,
) -> None:
    env, model = trained_model(tmp_path)
    texts = texts_of(env, model)
    pairs = env.read(
        "SELECT rejected_revision_hash FROM training_examples " "WHERE kind = 'dpo'"
    )
    assert sum(text.as_worse for text in texts) == len(pairs) > 0
    found = {text.revision for text in texts if text.as_worse}
    assert found == {pair["rejected_revision_hash"] for pair in pairs}
    only = [text for text in texts if not text.lines]
    assert only and all(text.first_words and not text.in_model for text in only)
    said = model_sentence(model.name, texts)
    assert said.endswith(f"{len(only)} more are in its pairs as the worse text only.")


def test_the_sentence_counts_what_the_model_learnt_from_and_what_is_simulated(
    tmp_path: Path,
) -> None:
    env, model = trained_model(tmp_path)
    learnt = [text for text in texts_of(env, model) if text.in_model]
    said = model_sentence(model.name, texts_of(env, model))
    assert said.startswith(f"{model.name} learnt from {len(learnt)} scripts (")
    assert "simulated evidence" in said
    assert model_sentence("qwen", []).endswith("no script of yours is behind it.")


def test_a_forgotten_text_has_no_words_any_more(tmp_path: Path) -> None:
    env, model = trained_model(tmp_path)
    (before,) = [text for text in texts_of(env, model) if text.id == "s-h1-a"]
    env.forget("s-h1-a")
    (text,) = [text for text in texts_of(env, model) if text.id == "s-h1-a"]
    assert before.first_words is not None and text.first_words is None
    with env.warehouse.transaction() as con:
        nodes = [("script", "s-h1-a"), ("revision", before.revision or "")]
        assert labels(con, nodes) == {}


def test_a_forgotten_script_is_one_row_however_many_examples_it_had(
    tmp_path: Path,
) -> None:
    env, model = trained_model(tmp_path)
    before = texts_of(env, model)
    env.forget("s-h1-a")
    build(env)  # which deletes the rows of its examples
    after = texts_of(env, model)
    assert len(after) == len(before)
    (text,) = [text for text in after if text.id == "s-h1-a"]
    assert (text.lines, text.first_words) == (2, None)


def same_words(env: FineTuningFactory, like: str, **columns: object) -> str:
    """Write a library script in the words of another; return their revision."""
    [row] = env.read("SELECT * FROM scripts WHERE script_id = ?", like)
    [edited] = [row | {"script_id": "library/quill", "origin": "library"} | columns]
    env.write("scripts", edited)
    return str(row["revision_hash"])


def rate(
    env: FineTuningFactory, script: str, words: str, at: datetime, n: float
) -> None:
    keys = {"script_id": script, "revision_hash": words, "source": "history"}
    env.write("script_performance", keys | {"as_of": at, "rate": n})


def test_all_labels_of_a_row_are_those_of_the_script_that_it_names(
    tmp_path: Path,
) -> None:
    env, model = trained_model(tmp_path)
    (before,) = [text for text in texts_of(env, model) if text.id == "s-h1-a"]
    words = same_words(
        env,
        "s-h1-a",
        author="Quill",
        topic="another topic",
        hook_style="question",
        first_seen_at=datetime(2026, 1, 1),
    )
    rate(env, "library/quill", words, datetime(2026, 2, 1), 0.9)
    rate(env, "s-h1-a", words, datetime(2026, 2, 1), 0.1)
    rate(env, "s-h1-a", words, datetime(2026, 5, 1), 0.2)
    (after,) = [text for text in texts_of(env, model) if text.id == "s-h1-a"]
    assert after == replace(before, rate=0.2) and after.author is None
    shares = dict(share_of(texts_of(env, model), "author"))
    assert "Quill" not in shares
    with env.warehouse.transaction() as con:
        behind = scripts_behind_model(con, model.model_id)
        then = scripts_of_model(con, behind, datetime(2026, 4, 2))
        for kind, id in (("script", "s-h1-a"), ("revision", words)):
            found = labels(con, [(kind, id)], datetime(2025, 12, 1))[kind, id]
            assert "Quill" not in found and "old topic h1" in found
    assert [text.rate for text in then if text.id == "s-h1-a"] == [0.1]


def test_a_text_without_a_script_of_its_own_has_the_labels_of_one_that_was_there(
    tmp_path: Path,
) -> None:
    env, model = trained_model(tmp_path)
    words = same_words(
        env,
        "s-h1-a",
        author=None,
        topic="first",
        first_seen_at=datetime(2026, 1, 1),
    )
    second = {"author": "Quill", "topic": "second", "script_id": "library/a"}
    same_words(env, "library/quill", first_seen_at=datetime(2026, 5, 1), **second)
    with env.warehouse.transaction() as con:
        con.execute("DELETE FROM scripts WHERE script_id = 's-h1-a'")
        label = labels(con, [("revision", words)])["revision", words]
        behind = scripts_behind_model(con, model.model_id)
        early = scripts_of_model(con, behind, datetime(2025, 12, 1))
    assert "first" in label and "Quill" not in label
    (text,) = [text for text in texts_of(env, model) if text.id == "s-h1-a"]
    assert (text.topic, text.author, text.origin) == ("first", None, "library")
    (text,) = [text for text in early if text.id == "s-h1-a"]
    assert (text.topic, text.author, text.first_words) == (None, None, None)


def test_what_only_had_a_script_in_its_prompt_is_counted_apart_from_its_words(
    tmp_path: Path,
) -> None:
    env, model = trained_model(tmp_path)
    zoe = {"script_id": "library/zoe", "author": "zoe", "origin": "library"}
    env.write("scripts", zoe | {"revision_hash": "zoe", "hook": "Not in any line."})
    ted = zoe | {"script_id": "library/ted", "author": "ted"}
    [learnt] = env.read("SELECT revision_hash FROM scripts WHERE script_id = 's-h1-a'")
    with env.warehouse.transaction() as con:
        edges = [Edge("variant", "e1-a", "script", "library/zoe", "retrieved")]
        record_edges(con, edges, "run", env.clock.now())
        said = answer_lineage(con, all_of_author(con, "zoe"), ("down",)).sentence
        assert model_ids_of_script(con, "library/zoe") == []
    assert said == (
        "1 script by zoe: their words are in 0 training lines and behind 0 models; "
        "they were in the prompt of 1 variant, whose words are in 2 more training "
        "lines and behind 1 more model."
    )
    env.write("scripts", ted | learnt)
    with env.warehouse.transaction() as con:
        record_scripts(con, ["library/ted"])
        said = answer_lineage(con, all_of_author(con, "ted"), ("down",)).sentence
        assert model_ids_of_script(con, "library/ted") == [model.model_id]
    assert said is not None and "in 2 training lines and behind 1 model;" in said


def test_the_label_of_a_script_is_that_of_one_revision(tmp_path: Path) -> None:
    env = FineTuningFactory(tmp_path)
    row = {"script_id": "s", "origin": "library", "hook": "Said so."}
    for n, author in ((1, "Mara"), (2, None)):
        seen = {"first_seen_at": datetime(2026, n, 1), "revision_hash": f"r{n}"}
        env.write("scripts", row | seen | {"author": author})
    with env.warehouse.transaction() as con:
        assert labels(con, [("script", "s")]) == {("script", "s"): "Said so."}
        then = labels(con, [("script", "s")], datetime(2026, 1, 15))
    assert then == {("script", "s"): "Said so. (Mara)"}


def test_a_day_before_a_forgetting_does_not_say_that_it_is_forgotten(
    tmp_path: Path,
) -> None:
    env, _ = trained_model(tmp_path)
    env.forget("s-h1-a")  # on 2026-04-01
    with env.warehouse.transaction() as con:
        subject = one_thing(con, "s-h1-a")
        said = {
            day: answer_lineage(con, subject, ("down",), as_of=datetime(2026, *day))
            for day in ((2, 11), (4, 2))
        }
    assert said[2, 11].sentence == (
        "It was not forgotten yet on that day; its words are gone since."
    )
    assert (said[4, 2].sentence or "").startswith("Forgotten on 2026-04-01")


def test_a_day_before_a_forgetting_counts_no_post_of_a_ranker_as_forgotten(
    tmp_path: Path,
) -> None:
    env = FineTuningFactory(tmp_path)
    for n, names in enumerate(({"script_id": "s"}, {"variant_id": "v"}, {})):
        arm = {"model_id": "hooks", "post_id": f"p{n}", "experiment_id": "e"}
        env.write("ranker_arms", arm | names)
    env.forget("s")  # on 2026-04-01
    env.forget("winner/v")
    with env.warehouse.transaction() as con:
        now = ranker_sentence(con, "hooks")
        then = ranker_sentence(con, "hooks", datetime(2026, 3, 1))
    assert now.endswith("; 2 forgotten since are not used any more.")
    assert then.endswith("0 of them simulated.")


def test_the_evidence_of_a_forgotten_text_is_unknown_not_real() -> None:
    gone = ModelScript(None, None, None, None, False, 1, 1, "gone", "g", None)
    kept = ModelScript("x", "t", "Mara", "history", True, 1, 1, "won", "k", "r")
    said = model_sentence("m", [gone])
    assert "evidence of 1 is not known any more" in said and "none of" not in said
    both = model_sentence("m", [gone, kept])
    assert "on simulated evidence; the evidence of 1 is not known any more" in both


def test_every_kind_of_node_has_a_label_in_words(tmp_path: Path) -> None:
    env, model = trained_model(tmp_path)
    with env.warehouse.transaction() as con:
        nodes = {
            (kind, id)
            for side in ("child", "parent")
            for kind, id in con.execute(
                f"SELECT DISTINCT {side}_kind, {side}_id FROM edges"
            ).fetchall()
            if kind not in ("decision", "import")
        }
        found = labels(con, nodes)
    assert nodes and set(found) == nodes
    assert all(found.values())

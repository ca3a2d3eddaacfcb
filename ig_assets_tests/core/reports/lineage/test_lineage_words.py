from __future__ import annotations

from pathlib import Path

from ig_assets.core.models.registry import ModelRow
from ig_assets.core.reports.lineage.labels import labels
from ig_assets.core.reports.lineage.trace import scripts_behind_model
from ig_assets.core.reports.lineage.words import (
    ModelScript,
    model_sentence,
    scripts_of_model,
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

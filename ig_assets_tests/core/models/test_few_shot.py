from __future__ import annotations

import json
from pathlib import Path

import pytest

from ig_assets.adapters.simulated.few_shot_trainer import FewShotTrainer
from ig_assets.core.fine_tuning.jobs.register import register_model
from ig_assets.core.fine_tuning.jobs.submit import submit_job
from ig_assets.core.models.few_shot import (
    ExampleCandidate,
    choose_examples,
    choose_for_month,
    few_shot_messages,
)
from ig_assets.core.models.registry import ModelRow
from ig_assets.core.ports import TrainingRequest
from ig_assets.errors import RefusedError
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import (
    DIMENSIONS,
    MODEL,
    MONTH,
    FineTuningFactory,
)
from ig_assets_tests.core.fine_tuning.training_set.built_sets import filled
from ig_assets_tests.core.fine_tuning.training_set.built_sets import build


def candidate(
    name: str, weight: float, *vector: float, words: str = ""
) -> ExampleCandidate:
    return ExampleCandidate(name, words or name, weight, vector or None)


def test_the_largest_lifts_come_first() -> None:
    rows = [candidate("low", 0.1), candidate("high", 0.9), candidate("mid", 0.5)]
    assert choose_examples(rows, 2) == ["high", "mid"]


def test_a_text_much_like_a_chosen_one_gives_way_to_a_different_one() -> None:
    rows = [
        candidate("first", 1.0, 1.0, 0.0),
        candidate("alike", 0.9, 0.9, 0.436),
        candidate("different", 0.7, 0.0, 1.0),
    ]
    assert choose_examples(rows, 2) == ["first", "different"]


def test_lift_outweighs_a_little_diversity() -> None:
    rows = [
        candidate("first", 1.0, 1.0, 0.0),
        candidate("alike", 0.9, 0.9, 0.436),
        candidate("poor", 0.1, 0.0, 1.0),
    ]
    assert choose_examples(rows, 2) == ["first", "alike"]


def test_near_duplicates_are_skipped_even_when_nothing_else_is_left() -> None:
    rows = [
        candidate("first", 1.0, 1.0, 0.0),
        candidate("near", 0.9, 0.99, 0.141),
        candidate("words", 0.8, words="first"),
    ]
    assert choose_examples(rows, 3) == ["first"]


def test_nothing_to_choose_from_chooses_nothing() -> None:
    assert choose_examples([], 3) == []
    assert choose_examples([candidate("a", 0.0)], 3) == ["a"]


def trainer(env: FineTuningFactory, n: int = 2) -> FewShotTrainer:
    return FewShotTrainer(
        env.folder / "trainer",
        lambda request: choose_for_month(
            env.warehouse, request.month, n, MODEL, DIMENSIONS
        ),
        "qwen",
    )


def trained(env: FineTuningFactory) -> ModelRow:
    dataset = filled(env)
    submit_job(env.warehouse, env.clock, trainer(env), MONTH, dataset, 7)
    model = register_model(env.warehouse, env.clock, MONTH)
    assert model is not None and model.artifact is not None
    assert model.name == f"few_shot:qwen:{dataset.dataset_hash[:8]}"
    return model


def test_the_model_has_train_winners_and_holds_ids_only(
    env: FineTuningFactory,
) -> None:
    model = trained(env)
    assert model.artifact is not None
    assert sorted(model.artifact) == ["example_ids", "kind", "month", "revision_hashes"]
    rows = env.read(
        "SELECT DISTINCT kind, split FROM training_examples "
        "WHERE list_contains(?::TEXT[], example_id)",
        model.artifact["example_ids"],
    )
    assert rows == [{"kind": "sft", "split": "train"}]
    stored = json.dumps(model.artifact) + "".join(
        path.read_text() for path in (env.folder / "trainer").iterdir()
    )
    assert "hook e" not in stored and "body of" not in stored


def test_texts_are_read_when_they_are_used_and_the_forgotten_are_gone(
    env: FineTuningFactory,
) -> None:
    artifact = trained(env).artifact
    assert artifact is not None
    with env.warehouse.transaction() as con:
        before = few_shot_messages(con, artifact)
    assert [prompt.startswith("Topic: topic e") for prompt, _ in before] == [True] * 2
    first = artifact["example_ids"][0]
    (row,) = env.read(
        "SELECT variant_id FROM training_examples WHERE example_id = ?", first
    )
    env.forget(f"winner/{row['variant_id']}")
    for _ in range(2):  # at once, and after the set was rebuilt
        with env.warehouse.transaction() as con:
            assert few_shot_messages(con, artifact) == before[1:]
        build(env)


def request(*example_ids: str) -> TrainingRequest:
    return TrainingRequest("key", MONTH, "qwen", "d" * 64, {}, example_ids, 7)


def test_the_trainer_finds_after_a_restart_what_it_was_sent(tmp_path: Path) -> None:
    sent: list[str] = []

    def choose(asked: TrainingRequest) -> dict[str, object]:
        sent.append(asked.intent_key)
        return {"example_ids": ["x1"]}

    assert FewShotTrainer(tmp_path, choose, "qwen").find("key") is None
    state = FewShotTrainer(tmp_path, choose, "qwen").submit(request("x1"))
    reopened = FewShotTrainer(tmp_path, choose, "qwen")
    assert reopened.find("key") == reopened.poll(state.provider_job_id) == state
    assert reopened.submit(request("x1")) == state
    assert sent == ["key"]
    assert [path.name for path in tmp_path.iterdir()] == ["key.json"]


def test_no_examples_are_a_refusal_and_an_unknown_job_is_an_error(
    tmp_path: Path,
) -> None:
    empty = FewShotTrainer(tmp_path, lambda _: {"example_ids": []}, "qwen")
    assert empty.submit(request()).status == "refused"
    with pytest.raises(RefusedError, match="no job few_shot-other"):
        empty.poll("few_shot-other")

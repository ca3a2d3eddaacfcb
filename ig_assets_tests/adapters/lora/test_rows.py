"""Rows are what generation asks, with the weights of their evidence, and counted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from ig_assets.adapters.lora.fit.batches import (
    ChatTokenizer,
    plan_steps,
    token_rows,
)
from ig_assets.adapters.lora.fit.recipe import Recipe
from ig_assets.adapters.lora.rows import (
    TrainingRow,
    read_rows,
    relative_weights,
    rows_as_lines,
    rows_of_dataset,
)
from ig_assets.core.fine_tuning.training_set.vendor_lines import asked_and_answered
from ig_assets_tests.adapters.lora.lora_jobs import LOST, TEXT, dataset

ROW = TrainingRow("x", "sft", "train", 1.0, "You write.", "Topic: salt", "Salt late.")
# A STAND-IN for a tokenizer: a token a character; 1 and 2 begin and end a turn.
TOKENIZER = ChatTokenizer(
    prompt_ids=lambda instructions, prompt: [
        *(1, *map(ord, instructions), 2),
        *(1, *map(ord, prompt), 2),
        1,
    ],
    text_ids=lambda text: list(map(ord, text)),
    special=frozenset({1, 2}),
    end=2,
)


def test_rows_are_what_generation_asks_with_the_weights_of_the_manifest(
    tmp_path: Path,
) -> None:
    found = rows_of_dataset(dataset(tmp_path))
    supervised, pairs = found.of("sft", "train"), found.of("dpo", "train")
    assert [row.weight for row in pairs] == [0.1, 0.2]
    assert [row.example_id for row in supervised] == [f"sft{n}" for n in range(12)]
    line = json.loads((tmp_path / "sft_train.jsonl").read_text().split("\n")[3])
    asked = asked_and_answered(line["messages"][0]["content"], TEXT)
    row = supervised[3]
    assert (row.instructions, row.prompt, row.answer) == asked
    lost = asked_and_answered(line["messages"][0]["content"], LOST)
    assert lost is not None and pairs[0].rejected == lost[2]
    kept = tmp_path / "rows.jsonl"
    kept.write_bytes(rows_as_lines(found.rows))
    assert tuple(read_rows(kept)) == found.rows


def test_a_text_without_the_parts_of_an_answer_is_left_out_and_counted(
    tmp_path: Path,
) -> None:
    folder = dataset(tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    path = folder / "dpo_train.jsonl"
    payload = path.read_text().replace("One thing. Another. A third.", "One.", 1)
    path.write_text(payload)
    import hashlib

    digest = hashlib.sha256(payload.encode()).hexdigest()
    manifest["files"][1]["sha256"] = digest
    (folder / "manifest.json").write_text(json.dumps(manifest))
    found = rows_of_dataset(folder)
    assert (len(found.of("dpo", "train")), dict(found.left_out)) == (1, {"dpo": 1})


def test_too_long_rows_and_control_tokens_are_excluded_and_counted_by_reason() -> None:
    rows = [
        replace(ROW, weight=3.0),
        replace(ROW, answer="x" * 100),
        replace(ROW, answer="\x02 and then"),
        replace(ROW, prompt="Topic: \x01"),
        ROW,
    ]
    kept, excluded = token_rows(rows, TOKENIZER, most_tokens=60)
    assert excluded == {"too long": 1, "control token": 2}
    assert [row.weight for row in kept] == [1.5, 0.5], "over the mean of those kept"
    assert (
        kept[0].chosen.ids[-1] == 2 and kept[0].chosen.answer == len("Salt late.") + 1
    )
    assert relative_weights([replace(ROW, weight=0.0)] * 2) == [1.0, 1.0]


def test_a_row_of_just_the_most_tokens_is_kept_whole() -> None:
    [kept], excluded = token_rows([ROW], TOKENIZER, most_tokens=37)
    assert (len(kept.chosen.ids), excluded) == (37, {})
    assert token_rows([ROW], TOKENIZER, most_tokens=36) == ([], {"too long": 1})


def test_steps_take_every_row_once_an_epoch_and_equal_seeds_give_equal_steps() -> None:
    recipe = Recipe(rows_per_step=4, epochs=2, pair_epochs=1)
    steps = plan_steps(10, 3, recipe, seed=7)
    assert steps == plan_steps(10, 3, recipe, seed=7) != plan_steps(10, 3, recipe, 8)
    assert [len(step.rows) for step in steps] == [4, 4, 2, 4, 4, 2, 3]
    assert [step.stage for step in steps] == ["sft"] * 6 + ["dpo"]
    epochs = [sorted(sum((s.rows for s in steps[a : a + 3]), ())) for a in (0, 3)]
    assert epochs == [list(range(10))] * 2
    assert [step.ends_epoch for step in steps] == [False, False, True] * 2 + [True]
    rates = [step.learning_rate for step in steps[:6]]
    assert rates == sorted(rates, reverse=True) and rates[0] == recipe.learning_rate

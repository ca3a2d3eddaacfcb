"""A vendor's model is trained on what generation will ask it, and answers by schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ig_assets.core.fine_tuning.training_set.dataset_files import (
    DatasetFile,
    DatasetSummary,
)
from ig_assets.core.fine_tuning.training_set.training_lines import (
    check_line,
    count_tokens,
    jsonl_line,
)
from ig_assets.core.fine_tuning.training_set.examples import training_prompt
from ig_assets.core.fine_tuning.training_set.vendor_lines import (
    asked_and_answered,
    script_answer,
    vendor_files,
)
from ig_assets.core.generation.writing.arms import PlannedArm, Topic, WritingModel
from ig_assets.core.generation.writing.asked import asked_prompt
from ig_assets.core.generation.writing.draft import draft_prompt
from ig_assets.core.generation.writing.schema import ScriptAnswer, script_text

TEXT = "Salt late.\n\nWater first. Then salt. Then taste.\n\nTry it."
MODEL = WritingModel("m", "openai", "ft:m", "m")


def arm(
    topic: str, brief: str, audience: str, language: str, voice: str = ""
) -> PlannedArm:
    """An arm with a hook style, as it is planned for a topic of the calendar."""
    of = Topic("2026-03", "t", topic, brief, audience, language, voice, False, False)
    return PlannedArm("v", of, "a", "story", MODEL)


@pytest.mark.parametrize(
    ("topic", "brief", "audience", "language"),
    [
        ("salt", "", "", "en"),
        ("salt", "x", "Voice: cooks", "en"),
        ("salt", "be short", "cooks", "de"),
        ("salt", "one\ntwo", "", "fr"),
        ('so-called "salt"', "Language: de\nHook style: no", "cooks", "en"),
        ("Audience: salt", "x\nAudience: y\nLanguage: z", "", "en"),
        ("salt {{ 7 * 7 }} <b>", "", "", "en"),
    ],
)
def test_what_is_trained_is_what_generation_asks(
    topic: str, brief: str, audience: str, language: str
) -> None:
    for voice in ("", "dry, warm"):
        stored = training_prompt(topic, "story", language, audience, brief, voice)
        planned = arm(topic, brief, audience, language, voice)
        asked = draft_prompt(planned, [], [])
        found = asked_and_answered(stored, TEXT)
        assert found is not None
        assert found[:2] == (asked.instructions, asked.prompt)
        assert asked_prompt(stored, ["won"]) == draft_prompt(planned, [], ["won"])


def test_an_example_without_a_hook_style_has_no_line_for_it() -> None:
    found = asked_and_answered(training_prompt("salt", None, "en"), TEXT)
    assert found is not None and "Hook style" not in found[1]
    assert found[1].startswith("Topic: salt\n\nWrite one new script")


@pytest.mark.parametrize("sentences", [3, 4, 5, 7, 11])
def test_an_answer_fits_the_schema_and_has_every_word(sentences: int) -> None:
    body = " ".join(f"Sentence {number}." for number in range(sentences))
    text = script_text("Why 3.5 grams?", body, "Try it.")
    answer = script_answer(text)
    assert answer is not None
    again = ScriptAnswer.model_validate_json(answer.model_dump_json())
    assert 3 <= len(again.beats) <= 4
    assert script_text(again.hook, " ".join(again.beats), again.call_to_action) == text


@pytest.mark.parametrize(
    "text",
    ["", "Salt late.", "Salt late.\n\nOne. Two. Three.", "Salt.\n\nOne. Two.\n\nTry."],
)
def test_a_text_that_lacks_a_part_is_no_answer(text: str) -> None:
    assert script_answer(text) is None
    assert asked_and_answered(training_prompt("salt", "story", "en"), text) is None


def summary(folder: Path, texts: list[str]) -> DatasetSummary:
    """A month whose supervised file has a line for each text."""
    path = folder / "sft_train.jsonl"
    user = {"role": "user", "content": training_prompt("salt", "story", "en")}
    path.write_text(
        "".join(
            json.dumps({"messages": [user, {"role": "assistant", "content": text}]})
            + "\n"
            for text in texts
        )
    )
    file = DatasetFile("sft", "train", path, "of the set", len(texts), 9)
    return DatasetSummary("2026-03", (file,), "hash", ("x",), 1, 1)


def test_files_are_there_while_they_are_sent_and_counted(tmp_path: Path) -> None:
    line_separated = TEXT.replace("Water", "Wa\u2028ter")
    with vendor_files(summary(tmp_path, [TEXT, "No parts.", line_separated])) as files:
        (name, file), *others = files.items()
        lines = Path(file.path).read_text("utf-8").splitlines()
        assert (name, others, file.lines, file.left_out) == ("sft_train", [], 2, 1)
    assert not Path(file.path).exists() and not Path(file.path).parent.exists()
    assert [check_line("sft", line) for line in lines] == [None, None]
    contents = [m["content"] for line in lines for m in json.loads(line)["messages"]]
    assert file.tokens == count_tokens(contents)
    with vendor_files(summary(tmp_path, [TEXT, "No parts.", line_separated])) as files:
        assert files["sft_train"].sha256 == file.sha256


def test_files_are_removed_where_sending_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        with vendor_files(summary(tmp_path, [TEXT])):
            raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["sft_train.jsonl"]


def test_a_pair_is_sent_with_both_answers_as_a_writer_gives_them(
    tmp_path: Path,
) -> None:
    worse = TEXT.replace("Salt late.", "Salt early.")
    brief = training_prompt("salt", "story", "en")
    pairs = [(TEXT, worse), (TEXT, "No parts."), ("No parts.", worse)]
    rows = [
        {"kind": "dpo", "prompt": brief, "completion": chosen, "rejected": rejected}
        for chosen, rejected in pairs
    ]
    path = tmp_path / "dpo_train.jsonl"
    path.write_text("".join(jsonl_line(row) + "\n" for row in rows))
    file = DatasetFile("dpo", "train", path, "of the set", 3, 9)
    dataset = DatasetSummary("2026-03", (file,), "hash", ("x",), 3, 9)
    with vendor_files(dataset) as files:
        sent = files["dpo_train"]
        [line] = Path(sent.path).read_text("utf-8").splitlines()
    assert check_line("dpo", line) is None
    assert (sent.lines, sent.left_out) == (1, 2)
    found, rival = asked_and_answered(brief, TEXT), asked_and_answered(brief, worse)
    assert found is not None and rival is not None
    parsed = json.loads(line)
    contents = [m["content"] for m in parsed["input"]["messages"]]
    assert contents == list(found[:2])
    assert parsed["preferred_output"][0]["content"] == found[2]
    assert parsed["non_preferred_output"][0]["content"] == rival[2]
    assert sent.tokens == count_tokens([*found, *rival])

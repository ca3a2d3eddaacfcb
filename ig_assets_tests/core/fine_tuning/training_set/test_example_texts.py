"""Which words are taught: as published, without secrets, once, in the brand's voice."""

from __future__ import annotations

from datetime import datetime

import pytest

from ig_assets.core.fine_tuning.training_set.decided_experiments import stated_topic
from ig_assets.core.fine_tuning.training_set.examples import training_prompt
from ig_assets.core.identity import text_hash
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import (
    MONTH,
    FineTuningFactory,
)
from ig_assets_tests.core.fine_tuning.training_set.built_sets import (
    build,
    decided,
    rows,
)


def test_near_duplicates_of_different_topics_share_a_split(
    env: FineTuningFactory,
) -> None:
    for number in range(12):
        env.experiment(f"e{number}")
        for arm in "ab":
            env.embed(
                text_hash(f"hook e{number} {arm}\n\nbody of e{number} {arm}"), [1, 0, 0]
            )
    build(env)
    assert len({row["group_id"] for row in rows(env)}) == 1


@pytest.mark.parametrize("stored", ["scripts", "post_edits"])
def test_the_words_that_were_published_are_trained_on_not_the_draft(
    env: FineTuningFactory, stored: str
) -> None:
    env.experiment("e1", arms=("a",))
    edited = "an edited hook\n\nand body"
    env.write(
        "posts",
        {
            "post_id": "p-e1-a",
            "experiment_id": "e1",
            "variant_id": "e1-a",
            "arm": "a",
            "status": "published",
            "published_revision_hash": text_hash(edited),
        },
    )
    assert build(env).excluded == {"published text is not stored": 1}
    words = {"variant_id": "e1-a", "hook": "an edited hook", "text": edited}
    words["revision_hash"] = text_hash(edited)
    edit = {"post_id": "p-e1-a", "edited_at": datetime(2026, 2, 1), **words}
    script = {"script_id": "winner/e1-a", **words}
    env.write(stored, edit if stored == "post_edits" else script)
    build(env)
    assert [row["completion"] for row in rows(env)] == [edited]
    named = None if stored == "post_edits" else "winner/e1-a"
    assert [row["script_id"] for row in rows(env)] == [named]


def test_examples_name_the_texts_and_the_decision_that_they_came_from(
    env: FineTuningFactory,
) -> None:
    env.imported("h1")
    build(env)
    (pair,) = [row for row in rows(env) if row["kind"] == "dpo"]
    edges = env.read(
        "SELECT parent_kind, parent_id, relation FROM edges WHERE child_id = ? "
        "AND parent_kind <> 'revision' ORDER BY relation",
        pair["example_id"],
    )
    assert [tuple(edge.values()) for edge in edges] == [
        ("script", "s-h1-a", "chosen"),
        ("experiment", "h1", "decided"),
        ("script", "s-h1-b", "rejected"),
    ]


def test_a_pair_of_different_styles_is_not_asked_for_the_winners_style(
    env: FineTuningFactory,
) -> None:
    env.experiment("e1")
    env.variant("e1", "b", hook_style="story")
    build(env)
    prompts = {row["kind"]: str(row["prompt"]) for row in rows(env)}
    assert "Hook style: question" in prompts["sft"]
    assert "Hook style" not in prompts["dpo"]


def test_the_prompt_is_the_brief() -> None:
    assert training_prompt("Tea", "story", "en", "cooks", "be short") == (
        "Topic: Tea\nBrief: be short\nAudience: cooks\nLanguage: en\n"
        'Hook style: story\n\nWrite one new script about "Tea".'
    )


def test_an_imported_post_without_a_topic_is_taught_by_its_first_sentence() -> None:
    long = "word " * 60
    assert stated_topic("Salt the water.  Then taste it.") == "Salt the water."
    assert stated_topic("") == ""
    assert len(stated_topic(long)) <= 140 and stated_topic(long).endswith("…")


def publish(env: FineTuningFactory, name: str, arm: str, text: str) -> None:
    """Give an arm of an experiment these words, and its post too."""
    env.variant(name, arm, text=text, revision_hash=text_hash(text))
    row = {"post_id": f"p-{name}-{arm}", "published_revision_hash": text_hash(text)}
    env.write("posts", row)


def test_texts_and_briefs_with_control_tokens_are_excluded_and_counted(
    env: FineTuningFactory,
) -> None:
    """A trainer that tokenizes a rendered chat reads them as turns.

    As does the local server with message content (xllamacpp 2026.10.11549; llama.cpp
    issue 24382).
    """
    env.experiment("clean")
    env.experiment("topic", topic="knives <|im_start|>system")
    for name, arm in (("winner", "a"), ("rival", "b")):
        env.experiment(name)
        text = f"hook {name}<|im_end|>\n\nbody"
        publish(env, name, arm, text)
    summary = build(env)
    assert summary.excluded == {
        "control token in the brief": 1,
        "control token in the text": 1,
        "rival: control token in the text": 1,
    }
    assert (summary.sft, summary.dpo) == (2, 1)
    assert decided(env) == {"clean", "rival"}


def test_secrets_and_personal_data_are_excluded_and_counted(
    env: FineTuningFactory,
) -> None:
    env.experiment("clean")
    env.experiment("brief", topic="call +49 30 1234 5678")
    leaks = (
        ("winner", "a", "mail rita@example.org"),
        ("rival", "b", "key sk-never-shown-0123456789abcdef0123456789abcdef"),
    )
    for name, arm, leak in leaks:
        env.experiment(name)
        text = f"hook {name} {leak}\n\nbody"
        publish(env, name, arm, text)
    summary = build(env)
    assert summary.excluded == {
        "personal data in the brief": 1,
        "personal data in the text": 1,
        "rival: secret in the text": 1,
    }
    assert decided(env) == {"clean", "rival"}


def test_a_text_that_won_twice_is_taught_once(env: FineTuningFactory) -> None:
    env.experiment("e1", shrunken_lift=0.1)
    env.experiment("e2", shrunken_lift=0.3)
    for name in ("e1", "e2"):
        same = {"text": "same\n\nwords", "revision_hash": text_hash("same\n\nwords")}
        env.variant(name, "a", **same)
        hashed = {"published_revision_hash": same["revision_hash"]}
        env.write("posts", {"post_id": f"p-{name}-a", **hashed})
    summary = build(env)
    assert decided(env) == {"e2"}
    assert summary.excluded == {"the same words as another winner": 1}


def test_a_winner_in_nearly_the_words_of_another_is_taught_once(
    env: FineTuningFactory,
) -> None:
    words = " ".join(f"word{number}" for number in range(40))
    for name, lift, last in (("e1", 0.1, "one"), ("e2", 0.3, "two"), ("e3", 0.2, "")):
        env.experiment(name, shrunken_lift=lift)
        text = f"hook\n\n{words} {last}" if last else f"hook\n\n{words[::-1]}"
        env.variant(name, "a", text=text, revision_hash=text_hash(text))
        hashed = {"published_revision_hash": text_hash(text)}
        env.write("posts", {"post_id": f"p-{name}-a", **hashed})
    summary = build(env)
    assert decided(env) == {"e2", "e3"}
    assert summary.excluded == {"nearly the words of another winner": 1}


def test_the_brands_voice_is_in_the_prompt_as_generation_asks_for_it(
    env: FineTuningFactory,
) -> None:
    env.experiment("e1")
    env.write("topics", {"month": MONTH, "topic_id": "t-e1", "brand_voice": "dry wit"})
    build(env)
    prompts = [str(row["prompt"]) for row in rows(env)]
    assert prompts and all("\nVoice: dry wit\nLanguage: en" in p for p in prompts)

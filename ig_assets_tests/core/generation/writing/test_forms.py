"""How a small writer on this machine is asked, and how a vendor's model is."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from importlib.resources import files as files_of
from typing import Any

import pytest

from ig_assets.adapters.openai.writer import OpenAIWriter
from ig_assets.core.generation import prompts
from ig_assets.core.generation.polishing.polish import VariantSummary
from ig_assets.core.generation.writing.arms import (
    WritingModel,
    plan_arms,
    planned_topics,
)
from ig_assets.core.generation.writing.forms import (
    Brief,
    best_hook,
    draft_form,
    writes_facts_first,
)
from ig_assets.core.generation.writing.models import (
    base_writing_model,
    writing_models,
)
from ig_assets.core.generation.writing.schema import (
    FactsFirstScript,
    PolishedScript,
    ScriptAnswer,
    shots_of,
)
from ig_assets.core.models.registry import ModelName, set_status
from ig_assets.warehouse.rows import merge_rows
from ig_assets_tests.core.generation.generation_factory import (
    EXAMPLE,
    KEY,
    MONTH,
    GenerationFactory,
)
from ig_assets_tests.stand_ins.openai_server import Fault, OpenAIStandIn

LOCAL = WritingModel("m-local", "local", "small", "small")
BRIEF = Brief(
    topic="sharp knives",
    brief="Hold it at 15 degrees, ten strokes on a mug.",
    audience="cooks",
    brand_voice="calm",
    language="en",
    hook_style="question",
)
WINNER = "Sell your whetstone.\n\nIts secret body.\n\nSave it."


def test_a_small_writer_is_asked_for_facts_first_and_sees_no_other_scripts_body() -> (
    None
):
    form = draft_form(BRIEF, "local", [WINNER], [WINNER])
    assert form.schema is FactsFirstScript
    assert form.prompt.prompt.count("Sell your whetstone.") == 1
    assert "secret body" not in form.prompt.prompt + form.prompt.instructions
    vendors = draft_form(BRIEF, "openai", [WINNER], [])
    assert vendors.schema is ScriptAnswer and "secret body" in vendors.prompt.prompt
    control = draft_form(BRIEF, "openai", [], [], is_control=True)
    assert control.schema is ScriptAnswer and control.prompt != vendors.prompt


@pytest.mark.parametrize(
    ("brief", "files"),
    [
        ("why it is dull", ("facts_first.v1.j2", "facts_first.instructions.v2.j2")),
        (
            "Hone it, wipe it, test it, put it away.",
            ("steps.v1.j2", "steps.instructions.v1.j2"),
        ),
    ],
)
def test_a_control_arm_of_a_small_writer_keeps_its_first_prompt(
    brief: str, files: tuple[str, str]
) -> None:
    asked = replace(BRIEF, brief=brief)
    control = draft_form(asked, "local", [WINNER], [], is_control=True)
    assert control.schema is draft_form(asked, "local", [WINNER], []).schema
    sources = [files_of(prompts.__name__).joinpath(f).read_text("utf-8") for f in files]
    digest = hashlib.sha256("\x1f".join(sources).encode("utf-8")).hexdigest()
    assert control.prompt.prompt_hash == digest


@pytest.mark.parametrize(("language", "word"), [("de", "Handcreme"), ("es", "crema")])
def test_the_worked_example_is_in_the_language_asked_for(
    language: str, word: str
) -> None:
    form = draft_form(replace(BRIEF, language=language), "local", [], [])
    example = form.prompt.instructions.split("Answer: ", 1)[1]
    answer = FactsFirstScript.model_validate_json(example)
    assert word in answer.steps[0].fact
    assert len(answer.hooks) == 3 and all(h.endswith("?") for h in answer.hooks)


def test_a_language_of_other_letters_is_not_held_to_latin_ones() -> None:
    assert writes_facts_first("local", "de-AT")
    assert not writes_facts_first("local", "ja") and not writes_facts_first("x", "de")


def test_every_example_fits_the_patterns_that_hold_the_answer() -> None:
    described = FactsFirstScript.model_json_schema()
    step = described["$defs"]["Step"]["properties"]
    hook = described["properties"]["hooks"]["items"]["pattern"]
    seen = 0
    for language in ("en", "de", "es"):
        for style in ("question", "bold_claim", "story", "number", "mistake", "how_to"):
            asked = replace(BRIEF, language=language, hook_style=style)
            form = draft_form(asked, "local", [], [])
            example = form.prompt.instructions.split("Answer: ", 1)[1]
            answer = json.loads(example)
            assert all(re.fullmatch(hook, one) for one in answer["hooks"])
            for one in answer["steps"]:
                for name, text in one.items():
                    assert re.fullmatch(step[name]["pattern"], text), text
                    seen += 1
    assert seen >= 100
    assert not re.fullmatch(hook, "A secret 秘诀 of knives.")


def test_the_best_hook_is_on_the_topic_and_of_the_style() -> None:
    hooks = ["Why is it so?", "Knives love a mug.", "Why are your knives dull?"]
    assert best_hook(BRIEF, hooks) == "Why are your knives dull?"
    assert best_hook(BRIEF, ["秘诀 knives mug?", "Plain."]) == "Plain."
    assert best_hook(BRIEF, ["Any.", "Other."]) == "Any."


def test_shots_are_kept_only_where_each_beat_has_one() -> None:
    assert shots_of(["a  mug", "a clock"], 2) == ("a mug", "a clock")
    assert shots_of(["a mug"], 2) is None and shots_of(["", "b"], 2) is None
    assert "shots" in PolishedScript.model_json_schema()["required"]


def local_month(
    env: GenerationFactory, server: OpenAIStandIn, canary: WritingModel | None = None
) -> VariantSummary:
    """One topic of two arms, drafted and polished by a model of this machine."""
    writer = OpenAIWriter(
        "small", KEY, base_url=server.base_url, provider="local", local=True
    )
    env._writers["small"] = writer
    with env.warehouse.transaction() as con:
        planned = planned_topics(con, MONTH)
    env.draft(plan_arms(planned, 2, 7, LOCAL, canary, LOCAL))
    return env.polish(model=LOCAL, regenerations=1, coverage_floor=0.5)


def asked_by(server: OpenAIStandIn) -> list[dict[str, Any]]:
    return [body["response_format"]["json_schema"] for body in server.bodies()]


def test_a_small_writers_draft_that_passes_is_the_variant_without_another_call(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("sharp knives", brief="strokes mug degrees")
    summary = local_month(env, server)
    assert (summary.draft_kept, summary.polished, summary.rejected) == (2, 0, 0)
    assert [one["name"] for one in asked_by(server)] == ["FactsFirstScript"] * 2
    for row in env.read("SELECT * FROM variants"):
        assert len(json.loads(row["shots"])) == len(json.loads(row["beats"]))
        assert row["hook"] != "x", "the better hook is kept"


def test_a_small_writers_draft_off_its_brief_is_written_again_with_what_was_wrong(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("sharp knives", brief="strokes mug degrees")
    steps = [{"fact": f"{w}.", "say": f"Cranes {w} now.", "show": w} for w in "abc"]
    off = {"steps": steps, "hooks": ["Cranes fly."], "call_to_action": "Go."}
    server.fail(Fault(text=json.dumps(off | {"on_screen_text": "Cranes"})))
    summary = local_month(env, server)
    assert (summary.draft_kept, summary.polished) == (1, 1)
    again = server.bodies()[-1]["input"]
    assert "it was off the brief" in again and "Cranes" not in again
    calls = env.read("SELECT operation FROM api_calls ORDER BY operation")
    assert [row["operation"] for row in calls] == ["generate", "generate", "polish"]


def test_a_few_shot_model_of_this_machine_is_asked_as_its_base_model(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    base = ModelName("local", "small")
    base_writing_model(env.warehouse, env.clock, base)
    now = env.clock.now()
    row = {
        "model_id": "m-shots",
        "provider": "few_shot",
        "name": "few_shot:small:1",
        "base_model": "small",
        "artifact": json.dumps({"example_ids": ["e1"]}),
        "created_at": now,
    }
    with env.warehouse.transaction() as con:
        merge_rows(con, "models", [row])
        set_status(con, "m-shots", "canary", "a test", now)
    canary = writing_models(env.warehouse, env.clock, base).canary
    assert canary is not None
    tried = {"is_canary": True, "is_control": True}
    env.topics("sharp knives", brief="strokes mug degrees", **tried)
    summary = local_month(env, server, canary)
    assert (summary.draft_kept, summary.polished, summary.rejected) == (4, 0, 0)
    assert [one["name"] for one in asked_by(server)] == ["FactsFirstScript"] * 4
    first, shown = EXAMPLE.splitlines()[0], [b["input"] for b in server.bodies()]
    assert [first in prompt for prompt in shown].count(True) == 1
    (made,) = env.read("SELECT * FROM variants WHERE arm = 'canary'")
    assert (made["provider"], made["model_id"]) == ("few_shot", "m-shots")


def test_a_sentence_that_leaves_its_fact_gives_way_to_the_fact() -> None:
    fact = "zwölf Stunden stehen lassen."
    steps = [
        {"fact": fact, "say": "Schließe die Flasche und sitze.", "show": "Flasche"},
        {"fact": fact, "say": "Lass ihn zwölf Stunden stehen.", "show": "Teig"},
    ]
    answer = FactsFirstScript.model_validate(
        {
            "steps": [*steps, steps[0]],
            "hooks": ["Brot ohne Kneten."],
            "call_to_action": "Back es.",
            "on_screen_text": "Brot",
        }
    )
    assert answer.beats[:2] == [
        "Zwölf Stunden stehen lassen.",
        "Lass ihn zwölf Stunden stehen.",
    ]

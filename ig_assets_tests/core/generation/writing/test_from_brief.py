"""A small writer's answer gives way to its brief wherever it adds to it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ig_assets.core.generation.gates.hook_style import label_for
from ig_assets.core.generation.gates.spoken_length import spoken_seconds
from ig_assets.core.generation.writing.arms import WritingModel
from ig_assets.core.generation.writing.forms import Brief, draft_form
from ig_assets.core.generation.writing.from_brief.phrases import PHRASES
from ig_assets.core.generation.writing.from_brief.spoken import (
    says_only,
    steps_to_speak,
)
from ig_assets.core.generation.writing.schema import (
    HOOK_STYLES,
    FactsFirstScript,
    Spoken,
    StepsScript,
)
from ig_assets_tests.core.generation.generation_factory import GenerationFactory
from ig_assets_tests.core.generation.writing.test_forms import asked_by, local_month
from ig_assets_tests.stand_ins.openai_server import Fault, OpenAIStandIn

LOCAL = WritingModel("m-local", "local", "small", "small")
BIKE = Brief(
    topic="checking a used bicycle",
    brief="Look for cracks near the welds of the frame, spin both wheels, pull both "
    "brakes, and measure the wear of the chain.",
    audience="students",
    brand_voice="",
    language="en",
    hook_style="how_to",
)
KETTLE = replace(
    BIKE,
    topic="Kalk vom Wasserkocher lösen",
    brief="Zwei Esslöffel Zitronensäure in kaltes Wasser geben, eine Stunde warten, "
    "nicht aufkochen, dann gut ausspülen.",
    language="de",
)


def made(brief: Brief, says: list[str], **changed: Any) -> Spoken:
    """The script of an answer that says these steps."""
    answer = {
        "steps": [{"say": say, "show": f"shot {n}"} for n, say in enumerate(says)],
        "hooks": ["How to check a used bicycle."],
        "call_to_action": "Save this so that you find it when you need it.",
        "on_screen_text": "Used bicycle",
    }
    script = StepsScript.model_validate(answer | changed)
    return draft_form(brief, "local", [], []).finish(script)


PLAIN = [
    "First, look for cracks near the welds of the frame.",
    "Then spin both wheels.",
    "Pull both brakes.",
    "Finally, measure the wear of the chain.",
]


def test_a_full_brief_is_asked_for_by_its_steps_and_another_by_its_facts() -> None:
    form = draft_form(BIKE, "local", [], [])
    assert form.schema is StepsScript
    assert "2. Spin both wheels.\n3. Pull both brakes." in form.prompt.prompt
    assert form.sampling(0.7, 5).temperature < 0.5
    short = draft_form(replace(BIKE, brief="Pull both brakes."), "local", [], [])
    assert short.schema is FactsFirstScript and short.sampling(0.2, 5).temperature == (
        0.2
    )
    assert steps_to_speak(BIKE.brief, "fr") == [], "no phrases are known in French"


def test_sentences_that_say_a_step_are_kept_and_purposes_are_not_spoken() -> None:
    kept = made(BIKE, PLAIN)
    assert kept.beats == tuple(PLAIN) and kept.from_brief == ()
    assert kept.hook == "How to check a used bicycle."
    wordy = [f"{PLAIN[0][:-1]} to ensure it is safe.", *PLAIN[1:]]
    mixed = made(BIKE, wordy)
    assert mixed.beats == ("Look for cracks near the welds of the frame.", *PLAIN[1:])
    assert mixed.from_brief == ("beat 1",)


@pytest.mark.parametrize(
    ("say", "step", "is_kept"),
    [
        ("Zwölf Stunden stehen lassen.", "Zwölf Stunden stehen lassen.", True),
        ("Wait for five minutes.", "Wait five minutes.", True),
        ("Wait ten minutes.", "Wait five minutes.", False),
        ("Wait minutes.", "Wait five minutes.", False),
        ("Spin the wheels to test the brakes.", "Spin the wheels.", False),
        ("Both brakes pull.", "Pull both brakes.", False),
        ("Du belichst den Ausdruck.", "Auf das Gesicht belichten.", False),
    ],
)
def test_a_sentence_says_a_step_with_its_words_in_its_order_and_its_numbers(
    say: str, step: str, is_kept: bool
) -> None:
    assert says_only(say, step) is is_kept


def test_a_denial_that_is_lost_and_a_word_of_order_out_of_place_are_not_spoken() -> (
    None
):
    says = ["Das Wasser.", "Eine Stunde warten.", "Aufkochen.", "Zuerst gut ausspülen."]
    script = made(KETTLE, says)
    assert script.beats[1:] == (
        "Eine Stunde warten.",
        "Nicht aufkochen.",
        "Gut ausspülen.",
    )
    own = [part for part in script.from_brief if part.startswith("beat")]
    assert own == ["beat 1", "beat 3", "beat 4"]


@pytest.mark.parametrize(
    "hook",
    [
        pytest.param("How to win every bicycle race.", id="another promise"),
        pytest.param("12 checks of a used bicycle.", id="another number"),
        pytest.param("Never pull both brakes.", id="a denial"),
        pytest.param("Now pull both brakes.", id="a step"),
        pytest.param("Look for cracks near the frame?", id="the first step"),
        pytest.param("This is how it was.", id="nothing of the topic"),
        pytest.param("Cracks near the welds need a look.", id="another topic"),
        pytest.param("Why should you check a used bicycle?", id="no reason is given"),
        pytest.param("What is a used bicycle?", id="no step answers it"),
    ],
)
def test_a_hook_that_claims_what_the_brief_does_not_say_is_made_of_the_topic(
    hook: str,
) -> None:
    script = made(BIKE, PLAIN, hooks=[hook])
    assert script.hook == "How to check a used bicycle."
    assert script.from_brief == ("hook",)
    counted = made(BIKE, PLAIN, hooks=[hook, "4 steps: checking a used bicycle."])
    assert counted.hook == "4 steps: checking a used bicycle."


def test_a_hook_asks_why_where_the_brief_gives_a_reason() -> None:
    hook = "Why should you check a used bicycle?"
    reasoned = f"{BIKE.brief[:-1]}, because a worn chain slips."
    script = made(replace(BIKE, brief=reasoned), PLAIN, hooks=[hook])
    assert script.hook == hook and "hook" not in script.from_brief
    assert made(BIKE, PLAIN, hooks=["Do you check a used bicycle?"]).hook.endswith("?")


def test_a_hook_loses_the_purpose_at_its_end() -> None:
    script = made(BIKE, PLAIN, hooks=["Check a used bicycle first to stay safe."])
    assert script.hook == "Check a used bicycle first." and script.from_brief == ()


def test_a_number_of_the_brief_alone_is_not_kept_in_a_hook() -> None:
    brief = replace(BIKE, brief=f"{BIKE.brief[:-1]}, wait ten minutes.")
    hook = "10 minutes to check a used bicycle."
    assert made(brief, PLAIN, hooks=[hook]).from_brief[0] == "hook"
    asked = replace(brief, topic="checking a used bicycle in ten minutes")
    assert made(asked, PLAIN, hooks=[hook]).hook == hook


def test_hooks_are_the_phrases_of_the_topic_where_small_models_have_wrong_forms() -> (
    None
):
    hook = "Wie du Kalk vom Wasserkocher löst."
    script = made(KETTLE, ["x y."] * 4, hooks=[hook])
    assert script.on_screen_text == KETTLE.topic
    assert script.hook == (
        "Kalk vom Wasserkocher lösen: So kommst du in vier Schritten ans Ziel."
    )


TOPICS = {
    "en": ("keeping kites dry", "kites for two", "why kites fall", "How do kites fly?"),
    "de": ("Drachen trocken halten", "zwei Drachen", "warum Drachen fallen"),
    "es": ("guardar cometas", "cometas para dos", "por qué caen las cometas"),
}


@pytest.mark.parametrize(
    ("topic", "language", "hooks"),
    [
        ("pruning", "en", ["How to do it in two steps: {}.", "Two steps for {}."]),
        (
            "washing machine care",
            "en",
            ["How to do it in two steps: {}.", "Two steps for washing machine care."],
        ),
        (
            "Fold a shirt quickly",
            "en",
            ["How to fold a shirt quickly.", "In two steps: {}."],
        ),
        (
            "never burn garlic",
            "en",
            ["How to do it in two steps: {}.", "In two steps: {}."],
        ),
        ("Sharp knives", "en", ["How to do it in two steps: {}.", "In two steps: {}."]),
        (
            "azúcar moreno casero",
            "es",
            ["Cómo se hace en dos pasos: {}.", "En dos pasos: {}."],
        ),
        (
            "Afilar cuchillos",
            "es",
            ["Cómo afilar cuchillos.", "Dos pasos para afilar cuchillos."],
        ),
    ],
)
def test_a_topic_stands_in_a_hook_as_its_words_allow(
    topic: str, language: str, hooks: list[str]
) -> None:
    phrases = PHRASES[language]
    made_of_it = [phrases.hook(style, topic, 2) for style in ("how_to", "number")]
    wanted = [hook.replace("{}", topic) for hook in hooks]
    assert made_of_it == wanted


@pytest.mark.parametrize("language", PHRASES)
@pytest.mark.parametrize("style", HOOK_STYLES)
def test_each_hook_of_the_topic_is_of_its_style(language: str, style: str) -> None:
    phrases = PHRASES[language]
    for topic in TOPICS[language]:
        hook = phrases.hook(style, topic, 4)
        is_question = topic.endswith("?") and hook.endswith("?")
        assert is_question or label_for(hook, style, language) == style
        assert "?:" not in hook and "?." not in hook
        assert topic.split()[-1].strip("?") in hook
    assert set(phrases.hooks) == set(HOOK_STYLES) and phrases.asks(phrases.action)


@pytest.mark.parametrize(
    ("language", "style", "topic", "hook"),
    [
        ("en", "story", "Storing basil", "These are my four steps for storing basil."),
        ("en", "how_to", "cutting bread", "How to cut bread."),
        ("en", "how_to", "a calm shelf", "How to do it in four steps: a calm shelf."),
        ("en", "number", "why knives rust", "In four steps: why knives rust."),
        ("es", "how_to", "limpiar el horno", "Cómo limpiar el horno."),
        ("es", "number", "un horno limpio", "En cuatro pasos: un horno limpio."),
    ],
)
def test_a_topic_becomes_part_of_the_sentence_where_its_form_allows_it(
    language: str, style: str, topic: str, hook: str
) -> None:
    assert PHRASES[language].hook(style, topic, 4) == hook


def test_a_call_to_action_and_a_screen_text_of_other_things_give_way() -> None:
    script = made(
        KETTLE,
        ["x y."] * 4,
        call_to_action="Speichere dir das für den nächsten Strauß.",
        on_screen_text="Blumen länger frisch",
    )
    assert script.call_to_action == PHRASES["de"].action
    assert script.on_screen_text == KETTLE.topic
    assert set(script.from_brief) >= {"call_to_action", "on_screen_text"}


def test_a_brief_that_describes_keeps_the_models_words_but_for_a_stray_end() -> None:
    brief = replace(BIKE, brief="Why brakes matter; what a worn chain costs; when.")
    form = draft_form(brief, "local", [], [])
    step = {
        "fact": "Brakes matter.",
        "say": "Your brakes matter most of all.",
        "show": "x",
    }
    answer = {
        "steps": [step, step | {"fact": "A chain wears.", "say": "A chain wears out."}],
        "hooks": ["Your used bicycle has a secret."],
        "call_to_action": "Save this for your next bunch of flowers.",
        "on_screen_text": "Used bicycle",
    }
    script = form.finish(FactsFirstScript.model_validate(answer))
    assert script.beats == (step["say"], "A chain wears out.")
    assert script.hook == "Your used bicycle has a secret."
    assert script.call_to_action == PHRASES["en"].action
    assert script.from_brief == ("call_to_action",)
    kept = answer | {"call_to_action": "Share your worn chain."}
    fits = form.finish(FactsFirstScript.model_validate(kept))
    assert fits.call_to_action == "Share your worn chain." and not fits.from_brief


def test_a_script_too_short_to_pass_numbers_its_steps_aloud() -> None:
    brief = replace(BIKE, brief="Spin both wheels, pull both brakes, measure the wear.")
    script = made(brief, ["x y."] * 3)
    assert script.beats[0] == "Step one: Spin both wheels."
    whole = " ".join((script.hook, *script.beats, script.call_to_action))
    shorter = whole.replace("Step one: ", "")
    assert spoken_seconds(whole, "en") > spoken_seconds(shorter, "en")


def test_what_is_the_briefs_own_is_kept_with_the_draft_and_both_arms_differ(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics(BIKE.topic, brief=BIKE.brief)
    wordy = {
        "steps": [{"say": f"Enjoy {w} wonders.", "show": w} for w in "abcd"],
        "hooks": ["Cranes fly."],
        "call_to_action": "Go.",
        "on_screen_text": "Cranes",
    }
    server.fail(*[Fault(text=json.dumps(wordy))] * 2)
    summary = local_month(env, server)
    assert (summary.draft_kept, summary.rejected) == (2, 0)
    assert [one["name"] for one in asked_by(server)] == ["StepsScript"] * 2
    first, second = env.read("SELECT * FROM variants ORDER BY arm")
    assert first["body"] == second["body"] and first["hook"] != second["hook"]
    own = json.loads(first["settings"])["from_brief"]
    assert own == [
        "hook",
        "call_to_action",
        *(f"beat {n}" for n in range(1, 5)),
        "on_screen_text",
    ]

"""Every gate can be passed and failed, with its figure in the message."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from ig_assets.core.generation.gates.banned_words import parse_banned
from ig_assets.core.generation.gates.gates import (
    ADDED_CEILING,
    GATES,
    Candidate,
    Figure,
    Gates,
    failures,
    measure,
    measure_words,
    why_rejected,
)
from ig_assets.core.generation.gates.novelty import CorpusRuns
from ig_assets.core.generation.polishing.feedback import feedback

BOUNDS = Gates(0.5, added_ceiling=0.45, banned=parse_banned("miracle cure", "list"))
HOOK = "Why does your basil grow tall but never bushy?"
BEATS = (
    "Because you pick single leaves from the bottom of the plant.",
    "Cut the whole tip instead, just above a pair of leaves.",
    "Two new shoots grow from that pair within a few warm days.",
)
ACTION = "Try it today and show us the plant next week."


def candidate(
    hook: str = HOOK,
    beats: tuple[str, ...] | None = BEATS,
    action: str = ACTION,
    language: str = "en",
    topic: str = "a bushy basil",
    brief: str = "Pick no single leaves from the bottom of the plant; cut the whole "
    "tip above a pair of leaves; two new shoots grow from there in five days.",
    on_screen: str | None = "Cut the tip",
) -> Candidate:
    body = " ".join(beats or ())
    text = f"{hook}\n\n{body}\n\n{action}"
    return Candidate(hook, beats, body, action, text, language, topic, brief, on_screen)


GOOD = candidate()


def figures(
    text: Candidate = GOOD,
    corpus: tuple[str, ...] = ("Another script about bread and salt.",),
    siblings: tuple[str, ...] | None = (),
    cosine: float | None = 0.4,
) -> dict[str, Figure]:
    measured = measure(BOUNDS, text, CorpusRuns(corpus), siblings, lambda text: cosine)
    return {figure.gate: figure for figure in measured}


def test_a_good_text_passes_every_gate_and_each_has_a_figure() -> None:
    measured = figures()
    assert list(measured) == list(GATES)
    assert all(figure.passed for figure in measured.values())
    assert why_rejected(list(measured.values())) is None


SPANISH = candidate(
    "¿Por qué tu albahaca crece alta pero nunca frondosa?",
    (
        "Porque arrancas hojas sueltas de la parte de abajo de la planta.",
        "Corta mejor la punta, justo por encima de un par de hojas.",
        "De ese par salen dos brotes nuevos en unos días de calor.",
    ),
    "Pruébalo hoy y enséñanos la planta la semana que viene.",
    topic="albahaca frondosa",
    brief="No arrancar hojas sueltas de abajo, cortar la punta por encima de un par "
    "de hojas, salen dos brotes nuevos en unos días de calor.",
    on_screen="Corta la punta",
)
FAILING = {
    "structure": (figures(candidate(beats=("One beat alone, and a long one.",))), 1.0),
    "spoken_seconds": (figures(candidate(beats=("Cut it.", "Now wait."))), None),
    "sibling_similarity": (figures(siblings=(GOOD.text,)), 1.0),
    "novelty": (figures(corpus=(GOOD.text,)), 0.0),
    "copied_words": (
        figures(corpus=(" ".join(("x y z", *BEATS[:2])),)),
        len(" ".join(BEATS[:2]).split()),
    ),
    "banned_words": (
        figures(candidate(action="It is a MIRACLE   cure, try it this very week.")),
        1.0,
    ),
    "language": (figures(SPANISH), None),
    "foreign_letters": (figures(candidate(action="Try it today, 秘诀 and all.")), 2.0),
    "brief_coverage": (
        figures(candidate(topic="a flat bicycle tyre", brief="Patch the tube.")),
        0.0,
    ),
    "added_words": (
        figures(
            candidate(
                beats=(
                    "Cut the whole tip above a pair of leaves, for perfect health.",
                    "Enjoy wonderful flavours, feeling proud, calm, happy, refreshed.",
                    "Impress guests, friends, neighbours, colleagues and cousins.",
                )
            )
        ),
        0.8,
    ),
    "copied_example": (
        figures(candidate(action="Save this for your piano, and its sticky keys too.")),
        3.0,
    ),
    "contradicted_numbers": (
        figures(candidate(action="You will see two new shoots in 3 days.")),
        1.0,
    ),
    "repetition": (
        figures(candidate(beats=(*BEATS, BEATS[1].replace("Cut", "Take")))),
        None,
    ),
    "on_screen": (figures(candidate(on_screen="one two three four five six 秘")), 2.0),
    "nearest_cosine": (figures(cosine=0.93), 0.93),
}


def test_there_is_a_failing_text_for_every_gate() -> None:
    assert set(FAILING) == set(GATES)


@pytest.mark.parametrize("gate", GATES)
def test_the_message_of_a_failed_gate_has_its_figure_and_no_text(gate: str) -> None:
    measured, expected = FAILING[gate]
    figure = measured[gate]
    assert figure.passed is False and figure in failures(list(measured.values()))
    assert expected is None or figure.figure == pytest.approx(expected)
    sentence = why_rejected(list(measured.values()))
    assert sentence is not None and GATES[gate] in sentence
    assert "basil" not in sentence and "albahaca" not in sentence


@pytest.mark.parametrize("gate", GATES)
def test_each_failed_gate_gives_the_polisher_something_to_do(gate: str) -> None:
    measured, _ = FAILING[gate]
    advice = feedback(BOUNDS, GOOD, [measured[gate]])
    assert advice.endswith(".") and len(advice.split()) <= 20


@pytest.mark.parametrize(
    "hook",
    [
        pytest.param(" ".join([HOOK, *BEATS]), id="all of the script"),
        pytest.param(HOOK + " ```json", id="an answer's wrapping"),
        pytest.param('{"hook": "Why?"}', id="an object"),
        pytest.param("  ", id="nothing"),
    ],
)
def test_a_hook_that_cannot_be_spoken_as_one_is_faulty(hook: str) -> None:
    structure = figures(candidate(hook=hook))["structure"]
    assert structure.figure == 1.0 and structure.passed is False


def test_the_feedback_distinguishes_too_long_from_too_short() -> None:
    long = candidate(beats=BEATS * 6)
    figure = figures(long)["spoken_seconds"]
    assert figure.passed is False and "above 60.00" in str(figure.why_not)
    assert "shorter: about 110 words" in feedback(BOUNDS, long, [figure])
    short, _ = FAILING["spoken_seconds"]
    assert "longer: about 80 words" in feedback(BOUNDS, GOOD, [short["spoken_seconds"]])


def test_a_spanish_text_passes_where_spanish_is_asked_for() -> None:
    measured = figures(replace(SPANISH, language="es"))
    assert set(measured) == set(GATES)
    assert all(figure.passed for figure in measured.values())


def test_what_cannot_be_measured_is_neither_passed_nor_failed() -> None:
    measured = figures(replace(GOOD, language="tlh"), siblings=None, cosine=None)
    for gate in ("language", "sibling_similarity", "nearest_cosine"):
        assert measured[gate].figure is None and measured[gate].passed is None
    assert why_rejected(list(measured.values())) is None


def test_a_draft_of_before_beats_were_kept_is_judged_by_its_body() -> None:
    old = replace(candidate(), beats=None)
    assert figures(old)["structure"].passed
    assert not figures(replace(old, body=" "))["structure"].passed


BOUND = st.one_of(st.none(), st.floats(-10, 10))


@given(value=st.floats(-20, 20), low=BOUND, high=BOUND)
def test_a_figure_passes_exactly_where_it_has_no_complaint(
    value: float, low: float | None, high: float | None
) -> None:
    figure = Figure("novelty", value, low, high)
    assert figure.passed is (figure.why_not is None)
    inside = (low is None or value >= low) and (high is None or value <= high)
    assert figure.passed is inside


@given(
    hook=st.text(max_size=40),
    beats=st.lists(st.text(max_size=40), max_size=5),
    action=st.text(max_size=40),
    language=st.sampled_from(["en", "es", "de-AT", "zh", "xx", ""]),
)
def test_any_text_at_all_can_be_measured(
    hook: str, beats: list[str], action: str, language: str
) -> None:
    text = candidate(hook, tuple(beats), action, language)
    measured = figures(text)
    assert list(measured) == list(GATES)
    for figure in measured.values():
        assert figure.figure is None or figure.figure >= 0.0
    assert measured["novelty"].figure is not None
    assert measured["novelty"].figure <= 1.0


def test_only_a_local_writer_has_a_ceiling_of_added_words() -> None:
    """A larger model may add what is right."""
    wordy = candidate(
        beats=(
            "Cut the whole tip above a pair of leaves, for perfect health.",
            "Enjoy wonderful flavours, feeling proud, calm, happy, refreshed.",
            "Impress guests, friends, neighbours, colleagues and cousins.",
        )
    )
    [added] = [
        one for one in measure_words(Gates(0.5), wordy) if one.gate == "added_words"
    ]
    assert added.passed and added.figure is not None and added.figure > ADDED_CEILING


@pytest.mark.parametrize(
    ("provider", "brief", "hook", "alike"),
    [
        pytest.param(
            "local", GOOD.brief, "Five steps for kites.", 0.0, id="another hook"
        ),
        pytest.param("local", GOOD.brief, GOOD.hook, 1.0, id="the same hook"),
        pytest.param(
            "local", "Why it is so.", "Five steps for kites.", 0.76, id="no steps"
        ),
        pytest.param(
            "openai", GOOD.brief, "Five steps for kites.", 0.76, id="a vendor's"
        ),
    ],
)
def test_variants_that_speak_their_brief_are_compared_by_their_hooks(
    provider: str, brief: str, hook: str, alike: float
) -> None:
    text = replace(
        GOOD, brief=brief, hook=hook, text=GOOD.text.replace(GOOD.hook, hook, 1)
    )
    gates = BOUNDS.of_provider(provider)
    measured = measure(gates, text, CorpusRuns([]), [GOOD.text], lambda text: None)
    [found] = [one for one in measured if one.gate == "sibling_similarity"]
    assert found.figure == pytest.approx(alike, abs=0.05)

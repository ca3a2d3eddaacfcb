"""What the words of a text show: its brief, its numbers, its letters, its hook."""

from __future__ import annotations

import pytest

from ig_assets.core.generation import prompts
from ig_assets.core.generation.gates.hook_style import label_for, styles_by_words
from ig_assets.core.generation.gates.novelty import (
    copied_from_example,
    words_of_examples,
)
from ig_assets.core.generation.gates.on_brief import (
    added_share,
    added_words,
    brief_coverage,
    contradicted_numbers,
    says_its_steps,
    steps_of,
)
from ig_assets.core.generation.gates.wording import (
    foreign_letters,
    joined_words,
    on_screen_faults,
    repetition,
)
from ig_assets.core.generation.prompts.examples import examples_in

BRIEF = "Hold the blade at 15 degrees, draw it ten times on each side."


def test_other_forms_of_the_briefs_words_cover_it() -> None:
    said = "Sharpened blades: drawing them on both sides at fifteen degrees."
    assert brief_coverage(said, "sharpening", BRIEF) == pytest.approx(4 / 9, abs=0.12)
    assert brief_coverage("Bread needs salt and time.", "sharpening", BRIEF) == 0.0


def test_a_brief_without_words_that_can_be_told_apart_has_no_coverage() -> None:
    assert brief_coverage("Any text.", "刀を研ぐ" * 0, "") is None


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        pytest.param("Hold it at 20 degrees.", ["20 degr"], id="a figure"),
        pytest.param("Draw it twelve times.", ["12 time"], id="a word"),
        pytest.param("Draw it 10 times at 15 degrees.", [], id="as the brief"),
        pytest.param("10 times, not 5 times.", [], id="the brief's is among them"),
        pytest.param("Wait 5 minutes.", [], id="of what the brief does not count"),
    ],
)
def test_a_number_contradicts_only_what_the_brief_counts(
    text: str, wrong: list[str]
) -> None:
    assert contradicted_numbers(text, BRIEF) == wrong


def test_two_sentences_that_say_the_same_are_seen_and_a_short_refrain_is_not() -> None:
    once = "Wipe the chain with a dry rag. Oil each link. Wait. Then wait."
    assert repetition(once) < 0.3
    assert repetition(f"{once} Then wipe the chain with a dry rag.") > 0.8


def test_letters_of_the_brief_and_of_the_language_are_not_foreign() -> None:
    assert foreign_letters("Straße, año, façade", "de") == 0
    assert foreign_letters("Secret 秘诀", "en") == 2
    assert foreign_letters("The π rule", "en", known="use π") == 0
    assert foreign_letters("刀を研ぐ", "ja") == 0
    assert foreign_letters("anything", "tlh") is None


def test_on_screen_text_is_judged_by_length_letters_and_language() -> None:
    assert on_screen_faults("Cuchillo afilado en casa", "es") == []
    assert on_screen_faults("Sharpen your kitchen knife today", "es") == [
        "another language"
    ]
    spoken = ("Sharpen it on a mug.",)
    assert on_screen_faults("Sharpen it on the mug", "de", spoken=spoken) == []
    assert on_screen_faults("one two three four five six seven", "en") == ["too long"]


def test_two_words_run_together_are_seen_and_compounds_are_not() -> None:
    known = (
        "Das Fahrrad und der Schlauch; el tiempo, un cordón, el día; the sun's place"
    )
    joined = "eltiempo ycordón aldía thesun'sPresence derSchlauch"
    assert joined_words(joined, known) == joined.split()
    assert joined_words("Fahrradschlauch sunlight island", known) == []
    assert joined_words("eltiempo", f"{known} eltiempo") == []
    assert on_screen_faults("Riego todo eltiempo", "es", known) == [
        "words run together"
    ]


@pytest.mark.parametrize(
    ("brief", "language", "steps"),
    [
        pytest.param(
            "Wipe it with a dry rag, wait five minutes, then wipe off the rest, "
            "because wet oil collects dirt.",
            "en",
            [
                "Wipe it with a dry rag",
                "wait five minutes",
                "wipe off the rest, because wet oil collects dirt",
            ],
            id="a reason stays with its step",
        ),
        pytest.param(
            "Mehl, Wasser, Salz und wenig Hefe verrühren, zwölf Stunden stehen lassen.",
            "de",
            [
                "Mehl, Wasser, Salz und wenig Hefe verrühren",
                "zwölf Stunden stehen lassen",
            ],
            id="a list is one step",
        ),
        pytest.param(
            "Si están mustias, déjalas en agua, que las revive. Lleva una cámara, dos "
            "palancas y una bomba, y busca el cristal.",
            "es",
            [
                "Si están mustias, déjalas en agua, que las revive",
                "Lleva una cámara, dos palancas y una bomba",
                "busca el cristal",
            ],
            id="a condition stays with the step after it, things with their verb",
        ),
        pytest.param(
            "Make three piles, for keeping, giving away and not sure. Swap the pads.",
            "en",
            [
                "Make three piles, for keeping, giving away and not sure",
                "Swap the pads",
            ],
            id="what is no action is no step of its own",
        ),
        pytest.param(
            "Couper, cuire, servir chaud", "fr", ["Couper, cuire, servir chaud"]
        ),
        pytest.param(
            "Couper les tiges, cuire un peu", "fr", ["Couper les tiges", "cuire un peu"]
        ),
        pytest.param(
            "Hervir 1,5 litros; y salir", "es", ["Hervir 1,5 litros", "salir"]
        ),
        pytest.param(
            "Put it low, close to the frame, close the lid.",
            "en",
            ["Put it low, close to the frame", "close the lid"],
        ),
        pytest.param(
            "Wipe the pan, rinse, dry the lid.",
            "en",
            ["Wipe the pan", "rinse, dry the lid"],
        ),
        pytest.param("Rinse, dry,", "en", ["Rinse, dry"]),
        pytest.param("If it rains, wait, then", "en", ["If it rains, wait, then"]),
        pytest.param("", "en", []),
    ],
)
def test_the_steps_of_a_brief_are_its_own_words(
    brief: str, language: str, steps: list[str]
) -> None:
    assert steps_of(brief, language) == steps


@pytest.mark.parametrize(
    ("brief", "language", "says"),
    [
        ("Use open shade, expose for the skin; watch the horizon.", "en", True),
        ("Wasche den Salat. Schneide die Tomaten. Mische alles.", "de", True),
        (", Salat waschen. , Tomaten schneiden. , Alles mischen.", "de", True),
        ("Wipe the iron pan with kosher salt and hot water, gently.", "en", False),
        ("Das Handy lädt im Flur, ein Wecker steht am Bett, ein Buch.", "de", True),
        ("Das Loch finden, die Stelle aufrauen, Flicken andrücken.", "de", True),
        ("Dejar el hueso, unas gotas de limón, taparlo sin aire.", "es", True),
        ("Wipe it, wait; why a shiny chain collects dirt.", "en", False),
        ("Cold water, no soaking. A method without a spinner.", "en", False),
        ("Drei Wege für Brot; woran man erkennt, dass es weg muss.", "de", False),
        ("Pon papel en la caja. Guarda la caja. Déjalas diez minutos.", "es", True),
        ("No limpies al sol. Seca los bordes. Pasa la rasqueta.", "es", True),
        ("Árboles altos, mesa con sombra, agua en el plato.", "es", False),
        ("Swap the pads, jot it down, nudge the lever.", "en", True),
        ("Checking the leaves, plants that droop, all the pots.", "en", False),
        ("Profundidad, distancia, riego y cómo cortar hojas.", "es", False),
        ("Pull both brakes.", "en", False),
        ("Couper les tiges, changer l'eau, attendre.", "fr", False),
    ],
)
def test_a_brief_of_steps_differs_from_one_that_describes(
    brief: str, language: str, says: bool
) -> None:
    assert says_its_steps(brief, language) is says


def test_forms_of_the_briefs_words_and_words_of_order_add_nothing_and_reasons_do() -> (
    None
):
    brief = "Spin both wheels, pull both brakes, measure the wear of the chain."
    plain = "First, spinning both wheels. Then pull both brakes. Finally, measure wear."
    assert added_share(plain, "a used bicycle", brief, "en") == 0.0
    more = "Spin both wheels to ensure perfect condition."
    assert added_share(more, "a used bicycle", brief, "en") == pytest.approx(3 / 5)
    assert added_words(more, "", brief) == ["ensure", "perfect", "condition"]
    assert added_share(more, "a used bicycle", "Spin the wheels.", "en") is None
    german = "Dreh die Räder, um die perfekte Funktion sicherzustellen."
    assert added_words(german, "", "Beide Räder drehen, bremsen, Kette messen.") == [
        "perfekte",
        "funktion",
        "sicherzustellen",
    ]


@pytest.mark.parametrize(
    ("text", "language", "copied"),
    [
        ("Speichere dir das für den nächsten Strauß.", "de", ["strauß"]),
        ("Blumen länger frisch", "de", ["blumen", "frisch"]),
        ("Guarda esto para tu próximo ramo.", "es", ["ramo"]),
        ("Guarda esto para tu próxima receta.", "es", []),
        ("Save this for your next day.", "en", []),
    ],
)
def test_the_subject_of_a_prompts_example_is_recognised_in_what_copied_it(
    text: str, language: str, copied: list[str]
) -> None:
    """Ends of texts of 2026-11-30, written from the first prompt with an example."""
    file = "facts_first.instructions.v1.j2"
    assert copied_from_example(text, language, "Porträts", [file]) == copied
    known = "Schnittblumen: Blumen frisch halten, ein Strauß; un ramo"
    assert copied_from_example(text, language, known, [file]) == []


def test_the_example_of_the_present_prompt_has_a_neutral_call_to_action() -> None:
    for file in prompts.WITH_EXAMPLES:
        for language, word in (("en", "piano"), ("de", "tasten"), ("es", "teclas")):
            words = words_of_examples(file, language)
            assert word in words and len(words) < 10
            shown = examples_in(file, language)
            [action] = {answer["call_to_action"] for answer in shown}
            assert copied_from_example(action, language, "") == []
    assert words_of_examples("draft.instructions.v2.j2", "en") == frozenset()


@pytest.mark.parametrize(
    ("hook", "language", "style"),
    [
        ("Why is your knife dull?", "en", "question"),
        ("How to sharpen a knife on a mug.", "en", "how_to"),
        ("So bleiben deine Blumen länger frisch.", "de", "bold_claim"),
        ("So bekommst du deine Messer scharf.", "de", "how_to"),
        ("Cómo afilar un cuchillo con una taza.", "es", "how_to"),
        ("Three strokes make your knife sharp.", "en", "number"),
        ("Meine Messer waren immer stumpf.", "de", "story"),
        ("Nunca pongas la albahaca en la nevera.", "es", "mistake"),
        ("Your mug is the best whetstone.", "en", "bold_claim"),
    ],
)
def test_a_hook_has_the_style_that_its_words_show(
    hook: str, language: str, style: str
) -> None:
    assert styles_by_words(hook, language)[0] == style


def test_a_label_is_kept_where_the_words_allow_it_and_else_changed() -> None:
    both = "I made 3 mistakes with my knife."
    assert {label_for(both, s, "en") for s in ("number", "story", "mistake")} == {
        "number",
        "story",
        "mistake",
    }
    assert label_for("Your mug is the best whetstone.", "question", "en") == (
        "bold_claim"
    )
    counted = "Keeping herbs fresh for two weeks takes a glass."
    assert label_for(counted, "bold_claim", "en") == "bold_claim"
    assert label_for("Two weeks fresh, one glass.", "bold_claim", "en") == "bold_claim"
    assert label_for("Is it sharp?", "bold_claim", "en") == "question"
    assert label_for("Ta tasse est la meilleure pierre.", "story", "fr") == "story"

"""What a gate says to a writer: the same verdict as the gate, with words and place."""

from __future__ import annotations

from ig_assets.core.corpus.scripts.script import join_script
from ig_assets.core.generation.gates.advice import Advice, advice
from ig_assets.core.generation.gates.banned_words import parse_banned
from ig_assets.core.generation.gates.gates import GATES, Candidate, Gates, measure
from ig_assets.core.generation.gates.novelty import CorpusRuns

SCRIPT = (
    "Hold the blade flat on the stone and pull it towards you slowly until the whole "
    "edge has touched it, then turn it around."
)
HOOK = "Your knife is dull because of one habit."
BODY = (
    "Most people sharpen once a year and wonder why tomatoes slip away. Hone it on "
    "the back of a plate before each meal. Ten strokes are enough for a week of "
    "cooking without tears and without any force at all."
)
CALL = "Save this for Sunday and tell me how it went."
GATES_SET = Gates(
    0.5,
    added_ceiling=0.45,
    banned=parse_banned("# list\nmiracle\n/cures? all/", "list"),
)


def say(
    hook: str = HOOK,
    body: str = BODY,
    call: str = CALL,
    language: str = "en",
    siblings: tuple[str, ...] | None = (),
    cosine: float | None = None,
    brief: str = "Sharpen a dull knife before tomatoes slip away, not once a year; "
    "hone it on the back of a plate before each meal; take ten strokes without force.",
    on_screen: str | None = "Hone it on a plate",
) -> list[Advice]:
    text = join_script(hook, body, call)
    corpus = CorpusRuns([SCRIPT])
    candidate = Candidate(
        hook, None, body, call, text, language, "sharp knives", brief, on_screen
    )
    figures = measure(GATES_SET, candidate, corpus, siblings, lambda _: cosine)
    said = advice(GATES_SET, candidate, figures, corpus)
    failed = {figure.gate for figure in figures if figure.passed is False}
    assert failed == {one.gate for one in said if one.passed is False}
    assert {one.gate for one in said} == set(GATES), "each gate has its word"
    return said


def failing(said: list[Advice]) -> dict[str, Advice]:
    return {one.gate: one for one in said if one.passed is False}


def test_a_good_text_hears_of_every_gate_and_of_no_fault() -> None:
    said = say(cosine=0.4)
    assert failing(said) == {}
    assert {one.passed for one in said} == {True}
    [seconds] = [one.sentence for one in said if one.gate == "spoken_seconds"]
    assert seconds == "About 23 seconds to speak."


def test_a_copied_run_is_quoted_as_it_is_written_and_placed() -> None:
    body = "First, Hold the Blade flat on the stone and pull it towards you, slowly, "
    body += "until the whole edge has touched it. Then wipe it and put it away."
    fault = failing(say(body=body))["copied_words"]
    assert fault.where == "body"
    assert fault.words.startswith("Hold the Blade flat") and ", slowly," in fault.words
    assert fault.sentence.startswith("21 words in a row are those of a script")


def test_banned_words_name_their_line_and_their_place() -> None:
    said = say(hook="A Miracle for knives that you should know.", call="It cures all!")
    faults = [one for one in said if one.gate == "banned_words"]
    assert [(one.where, one.words) for one in faults] == [
        ("hook", "miracle"),
        ("call to action", "cures all"),
    ]
    assert "line 2" in faults[0].sentence and "line 3" in faults[1].sentence


def test_a_text_of_the_wrong_length_hears_how_many_words_to_change() -> None:
    short = failing(say(body="Hone it daily.", call="Save this."))["spoken_seconds"]
    assert short.sentence.startswith("It takes about 5 seconds to speak, 15 at least")
    assert short.sentence.endswith("add about 24 words.")
    long = failing(say(body=f"{BODY} " * 5))["spoken_seconds"]
    assert "60 at most: take out about" in long.sentence


def test_each_faulty_part_has_its_own_sentence() -> None:
    said = say(hook="word " * 31, body="{BODY} " + BODY, call="  ")
    faults = {one.where: one.sentence for one in said if one.gate == "structure"}
    assert faults == {
        "hook": "The hook has 31 words; 25 at most.",
        "body": "The body holds the sign {, which cannot be spoken.",
        "call to action": "The call to action is missing.",
    }


def test_rivals_languages_and_near_scripts_are_said_in_words() -> None:
    rival = failing(say(siblings=(join_script(HOOK, BODY, CALL),)))
    assert (
        "100 % of their word pairs are the same" in rival["sibling_similarity"].sentence
    )
    foreign = failing(say(language="de"))["language"]
    assert "does not read like “de”" in foreign.sentence
    near = failing(say(cosine=0.97))["nearest_cosine"]
    assert "(likeness 0.97, 0.92 at most)" in near.sentence
    unmeasured = {one.gate: one.passed for one in say(siblings=None)}
    assert unmeasured["sibling_similarity"] is None
    assert unmeasured["nearest_cosine"] is None


def test_each_gate_speaks_of_itself_whether_it_passed_failed_or_was_not_measured() -> (
    None
):
    unmeasured = say(language="tlh", siblings=None, brief="", on_screen=None)
    for said in (say(cosine=0.4), unmeasured):
        assert not [one for one in said if one.sentence.endswith(": in order.")]
        assert len({one.sentence for one in said}) == len(said)


def test_a_brief_its_numbers_and_a_repetition_are_said_in_words() -> None:
    off = failing(say(brief="Repot a cactus in gritty compost, water it rarely, shade"))
    assert "of the words of its topic and brief" in off["brief_coverage"].sentence
    told = failing(say(brief="A dull knife on a plate: twenty strokes, 20 strokes."))
    assert told["contradicted_numbers"].sentence.startswith("“10 stro…” is another")
    wordy = "It brings luck, pride, health, wealth and wonderful evenings."
    added = failing(say(body=wordy))["added_words"]
    assert "100 % of the body's words are not in the brief" in added.sentence
    assert "(brings, luck, pride, health, wealth, wonderful," in added.sentence
    leaked = failing(say(call="Save this for your next piano."))["copied_example"]
    assert leaked.sentence.endswith("the writer was shown: piano.")
    again = failing(say(body=f"{BODY} {BODY.split('. ')[0]}."))
    assert "have 100 % of their words in common" in again["repetition"].sentence
    letters = failing(say(hook="Your knife is dull because of одна habit."))
    assert letters["foreign_letters"].sentence.startswith("4 of its letters")

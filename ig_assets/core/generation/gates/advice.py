"""Explains each gate's result on a text to the person who writes it.

The figures and bounds come from `measure`; this module only puts them into words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ig_assets.core.generation.gates.banned_words import phrases_in
from ig_assets.core.generation.gates.gates import (
    GATES,
    Candidate,
    Figure,
    Gates,
    copied_words_of,
    part_faults,
)
from ig_assets.core.generation.gates.novelty import CorpusRuns
from ig_assets.core.generation.gates.on_brief import added_words, contradicted_numbers
from ig_assets.core.generation.gates.spoken_length import (
    CHARACTERS_PER_MINUTE,
    words_per_minute,
)

_WORD = re.compile(r"\w+", re.UNICODE)
_Faults = Callable[[Gates, Candidate, Figure, CorpusRuns], list["Advice"]]


@dataclass(frozen=True)
class Advice:
    """A gate's advice on a text; `passed` is None if the gate was not measured.

    `where` is the part of the script concerned, empty for the whole script; `words` are
    the words at fault, empty if the fault is not in particular words.
    """

    gate: str
    passed: bool | None
    sentence: str
    where: str = ""
    words: str = ""


def advice(
    gates: Gates,
    candidate: Candidate,
    figures: Sequence[Figure],
    corpus: CorpusRuns,
) -> list[Advice]:
    """Return the advice of all gates, failed ones first; a gate may give several."""
    found: list[Advice] = []
    for figure in figures:
        gate = figure.gate
        if figure.figure is None:
            found.append(Advice(gate, None, _NOT_MEASURED.get(gate, _UNKNOWN)))
        elif figure.passed:
            found.append(Advice(gate, True, _PASSED.get(gate, _passed)(figure)))
        else:
            found += _FAILED.get(gate, _failed)(gates, candidate, figure, corpus)
    return sorted(found, key=lambda one: (one.passed is not False, one.passed is None))


def _one_sentence(word: Callable[[Candidate, Figure], str]) -> _Faults:
    """Return a function that advises in one sentence on the whole script.

    `word` returns that sentence for a failed gate.
    """

    def advise(
        gates: Gates, candidate: Candidate, figure: Figure, corpus: CorpusRuns
    ) -> list[Advice]:
        return [Advice(figure.gate, False, word(candidate, figure))]

    return advise


def _structure(
    gates: Gates, candidate: Candidate, figure: Figure, corpus: CorpusRuns
) -> list[Advice]:
    return [
        Advice(figure.gate, False, f"The {part} {fault}.", part)
        for part, fault in part_faults(candidate).items()
    ]


@_one_sentence
def _spoken(candidate: Candidate, figure: Figure) -> str:
    seconds = figure.figure or 0.0
    is_short = figure.at_least is not None and seconds < figure.at_least
    bound = (figure.at_least if is_short else figure.at_most) or 0.0
    code = candidate.language.lower().split("-")[0]
    per_minute = CHARACTERS_PER_MINUTE.get(code) or words_per_minute(code)
    unit = "characters" if code in CHARACTERS_PER_MINUTE else "words"
    change = max(1, round(abs(seconds - bound) * per_minute / 60))
    what = "add" if is_short else "take out"
    limit = f"{bound:.0f} at {'least' if is_short else 'most'}"
    return (
        f"It takes about {seconds:.0f} seconds to speak, {limit}: {what} about "
        f"{change} {unit}."
    )


@_one_sentence
def _sibling(candidate: Candidate, figure: Figure) -> str:
    return (
        f"It is much like another variant of this topic ({_share(figure.figure)} of "
        f"their word pairs are the same, {_share(figure.at_most)} at most): a test of "
        "the two would say little."
    )


def _novelty(
    gates: Gates, candidate: Candidate, figure: Figure, corpus: CorpusRuns
) -> list[Advice]:
    words = corpus.shared_words(candidate.text)
    sentence = (
        f"{_share(1 - (figure.figure or 0.0))} of its phrases stand in one script that "
        f"you have already, {_share(1 - (figure.at_least or 0.0))} at most."
    )
    return [_of_words(figure.gate, sentence, words, candidate)]


def _copied(
    gates: Gates, candidate: Candidate, figure: Figure, corpus: CorpusRuns
) -> list[Advice]:
    words = corpus.shared_words(candidate.text)
    sentence = (
        f"{figure.figure or 0:.0f} words in a row are those of a script that you have "
        f"already, {figure.at_most or 0:.0f} at most: say them in another way."
    )
    return [_of_words(figure.gate, sentence, words, candidate)]


def _banned(
    gates: Gates, candidate: Candidate, figure: Figure, corpus: CorpusRuns
) -> list[Advice]:
    found = []
    for phrase in phrases_in(gates.banned, candidate.text):
        words = phrase.words_in(candidate.text) or phrase.phrase or ""
        where = [name for name, part in _parts(candidate).items() if phrase.is_in(part)]
        found.append(
            Advice(
                figure.gate,
                False,
                f"“{words}” is on the list of banned words (line {phrase.line}).",
                where[0] if where else "",
                words,
            )
        )
    return found


@_one_sentence
def _language(candidate: Candidate, figure: Figure) -> str:
    return (
        f"It does not read like “{candidate.language}”, the language of the topic "
        f"({_share(figure.figure)} sure, {_share(figure.at_least)} at least)."
    )


@_one_sentence
def _nearest(candidate: Candidate, figure: Figure) -> str:
    return (
        "It says nearly the same as a script that you have already (likeness "
        f"{figure.figure or 0:.2f}, {figure.at_most or 0:.2f} at most)."
    )


@_one_sentence
def _letters(candidate: Candidate, figure: Figure) -> str:
    return (
        f"{figure.figure or 0:.0f} of its letters are of another script than "
        f"“{candidate.language}” is written in."
    )


@_one_sentence
def _brief(candidate: Candidate, figure: Figure) -> str:
    return (
        f"It has {_share(figure.figure)} of the words of its topic and brief, "
        f"{_share(figure.at_least)} at least: say more of what was asked for."
    )


@_one_sentence
def _added(candidate: Candidate, figure: Figure) -> str:
    words = added_words(candidate.body, candidate.topic, candidate.brief)
    return (
        f"{_share(figure.figure)} of the body's words are not in the brief, "
        f"{_share(figure.at_most)} at most: take out what it does not say "
        f"({', '.join(words[:8])})."
    )


@_one_sentence
def _example(candidate: Candidate, figure: Figure) -> str:
    words = ", ".join(copied_words_of(candidate))
    return f"It has words of the example that the writer was shown: {words}."


def _numbers(
    gates: Gates, candidate: Candidate, figure: Figure, corpus: CorpusRuns
) -> list[Advice]:
    return [
        Advice(figure.gate, False, f"“{words}…” is another number than the brief's.")
        for words in contradicted_numbers(candidate.text, candidate.known)
    ]


@_one_sentence
def _repetition(candidate: Candidate, figure: Figure) -> str:
    return (
        f"Two of its sentences have {_share(figure.figure)} of their words in common, "
        f"{_share(figure.at_most)} at most: say one of them otherwise."
    )


@_one_sentence
def _failed(candidate: Candidate, figure: Figure) -> str:
    """Return the general sentence for a failed gate: its figure and bound."""
    sentence = figure.why_not or GATES[figure.gate]
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _passed(figure: Figure) -> str:
    name = GATES[figure.gate]
    return f"{name[:1].upper()}{name[1:]}: in order."


_UNKNOWN = "One gate could not be measured on these words."
_FAILED: Mapping[str, _Faults] = {
    "structure": _structure,
    "spoken_seconds": _spoken,
    "sibling_similarity": _sibling,
    "novelty": _novelty,
    "copied_words": _copied,
    "banned_words": _banned,
    "language": _language,
    "foreign_letters": _letters,
    "brief_coverage": _brief,
    "added_words": _added,
    "copied_example": _example,
    "contradicted_numbers": _numbers,
    "repetition": _repetition,
    "nearest_cosine": _nearest,
}
_PASSED: Mapping[str, Callable[[Figure], str]] = {
    "structure": lambda f: "Hook, body and call to action are there.",
    "spoken_seconds": lambda f: f"About {f.figure:.0f} seconds to speak.",
    "sibling_similarity": lambda f: "Different enough from its rivals.",
    "novelty": lambda f: f"{_share(f.figure)} new beside your scripts.",
    "copied_words": lambda f: "No long run of words is copied.",
    "banned_words": lambda f: "No banned words.",
    "language": lambda f: "In the language of the topic.",
    "foreign_letters": lambda f: "All letters are of the language's script.",
    "brief_coverage": lambda f: f"{_share(f.figure)} of the brief's words occur.",
    "added_words": lambda f: f"{_share(f.figure)} of the body is beside the brief.",
    "copied_example": lambda f: "Nothing is copied from the prompt's example.",
    "contradicted_numbers": lambda f: "No number is another than the brief's.",
    "repetition": lambda f: "No two sentences say the same.",
    "on_screen": lambda f: "The on-screen text can be read.",
    "nearest_cosine": lambda f: f"No script says the same (nearest {f.figure:.2f}).",
}
_NOT_MEASURED: Mapping[str, str] = {
    "structure": "Hook, body and call to action were not looked at.",
    "spoken_seconds": "The speaking time is not known.",
    "sibling_similarity": "Not compared: this arm may resemble its pair.",
    "novelty": "Not compared with your scripts.",
    "copied_words": "Not compared with your scripts.",
    "banned_words": "Not compared with the list of banned words.",
    "language": "The language is one that cannot be recognised.",
    "foreign_letters": "The script of the language is not known here.",
    "brief_coverage": "Not compared with a brief: it has no words to compare.",
    "added_words": "The brief does not list all that is to be said.",
    "copied_example": "Not compared with the prompt's example.",
    "contradicted_numbers": "There is no brief whose numbers could be compared.",
    "repetition": "Its sentences were not compared.",
    "on_screen": "The on-screen text is not part of these words.",
    "nearest_cosine": "Likeness in meaning was not measured.",
}


def _of_words(
    gate: str, sentence: str, words: Sequence[str], candidate: Candidate
) -> Advice:
    """Return the advice, with the words as written and the part of the script.

    `words` are in lower case. If they do not occur as a whole, their longest beginning
    of at least three words is searched for.
    """
    for name, part in _parts(candidate).items():
        found = list(_WORD.finditer(part))
        plain = [match.group().casefold() for match in found]
        for size in range(len(words), 2, -1):
            run = list(words[:size])
            for start in range(len(plain) - size + 1):
                if plain[start : start + size] == run:
                    first, last = found[start], found[start + size - 1]
                    return Advice(
                        gate, False, sentence, name, part[first.start() : last.end()]
                    )
    return Advice(gate, False, sentence, "", " ".join(words))


def _parts(candidate: Candidate) -> dict[str, str]:
    return {
        "hook": candidate.hook,
        "body": candidate.body,
        "call to action": candidate.call_to_action,
    }


def _share(value: float | None) -> str:
    return f"{100 * (value or 0.0):.0f} %"

"""Measures whether a text answers its topic and brief.

It measures the share of their content words that the text has, and the share of the
text's that they do not have. It finds numbers in the text that contradict the brief.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from ig_assets.core.generation.gates.content_words import (
    STEM_LETTERS,
    added_stems,
    stems,
    words_of,
)

# Numbers from one to twelve are often written as words.
_NUMBER_WORDS: Mapping[str, str] = {
    word: str(number)
    for words in (
        "one two three four five six seven eight nine ten eleven twelve",
        "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
        "uno dos tres cuatro cinco seis siete ocho nueve diez once doce",
    )
    for number, word in enumerate(words.split(), start=1)
}
_UNIT_LETTERS = 4
_LANGUAGES = ("en", "de", "es")  # in which actions are recognised
# A brief of fewer does not say all that a text of 15 seconds has to say.
_LEAST_STEPS = 3
_LEAST_STEMS = 8

# Verbs with which steps begin in English, where no ending tells them.
_ENGLISH_VERBS = frozenset(
    "add aim air ask attach avoid bake baste beat bend blend block boil bring brush "
    "buy call carry change check choose chop clean clear clip close collect connect "
    "cook cool count cover crush cut decide delete describe dig dip divide do don't "
    "drain draw drop dry dust empty expose feed fill find fix fold freeze fry get "
    "give glue go grate grill group grow hang heat hold hone keep knead label lay "
    "leave let lift light line list load lock look loosen lower make marinate mark "
    "measure melt mix mount move mulch never note open order pack paint paste peel "
    "pick place plan plant point polish pour press print pull pump push put raise "
    "read remove repeat replace repot rest review rinse roast roll rub salt save "
    "say scrape screw scrub seal season serve set shade shake share sharpen show "
    "shut simmer sit slice soak sort sow speak spin spray spread stand start stay "
    "steam stir stop store strain stretch sweep switch take talk tap taste tell "
    "test tie tighten toast toss touch treat trim try tuck turn twist unplug use "
    "wait walk warm wash watch water wear weigh whisk wipe wrap write".split()
)
# Verbs of topics that no step begins with.
_VERBS_OF_TOPICS = frozenset(
    "answer be build care descale eat file fly grind learn make organise organize "
    "photograph prepare prune repair rescue revive ride sew sleep stitch stretch study "
    "survive travel work".split()
)
# A first word that none of these is, before one of `_AFTER_A_VERB`, is a verb too.
_NO_VERB = frozenset(
    "a after all an and any as at because before both but by during each every for "
    "from half if in into it more most no not of on once one or over so some than "
    "that the then these this those three to two under until when while with within "
    "without".split()
)
_AFTER_A_VERB = frozenset(
    "a all an any both each every half it its my no one or our some ten that the them "
    "these this those three two your".split()
)
_ADVERBS = re.compile(
    r"^(?:(?:no|nunca|siempre|luego|primero|first|next|always|slowly|gently) )+", re.I
)
_SPANISH_VERB = re.compile(
    r"[a-zñáéíóú]*(?:ar|er|ir|ár|ér|ír)(?:me|te|se)?(?:l[aoe]s?)?"  # infinitives
    r"|(?:pon|haz|ten|ven|sal)(?:me|te|se)?(?:l[aoe]s?)?"
    r"|[a-zñ]*[áéíóú][a-zñ]*[ae](?:me|te|se)?(?:l[aoe]s?)"  # `pruébalo`
)
_SPANISH_IMPERATIVE = re.compile(r"[a-zñáéíóú]{2,}[ae]")
_AFTER_AN_IMPERATIVE = frozenset(
    "algo bien cada cinco cuatro diez dos el la las los lo luego medio "
    "mucho más nada ocho otra otro otras otros poca poco primero quince seis "
    "siempre siete solo tres todo todos tu tus un una unas unos uno veinte".split()
)
_SPANISH_NOUNS = frozenset(  # which end as infinitives do
    "alquiler altar ayer azúcar bar bienestar calamar celular collar hogar lugar mar "
    "mujer par pilar placer poder taller".split()
)
_SPANISH_DENIAL = re.compile(
    r"(?:no|nunca) (?:l[aoe]s? |te |se )?[a-zñáéíóú]+[ea](?:s|n)?\b", re.I
)
_GERMAN_INFINITIVE = re.compile(r"[a-zäöüß]{2,}(?:en|ern|eln)")
_GERMAN_IMPERATIVE = re.compile(
    r"[a-zäöüß]{2,}e|gib|nimm|lass|leg|stell|schneid|back|koch|brat|füll|dreh|zieh|"
    r"halt"
)
_AFTER_A_GERMAN_VERB = frozenset(
    "alle alles dann das dein deine deinen dem den die dir drei ein eine einen etwas "
    "es ihn jede jeden jedes kein keine keinen nur sie vier zwei".split()
)
_GERMAN_FINITE = re.compile(
    r"(?!(?:nicht|fest|oft|seit|sonst|laut|jetzt|erst|leicht|dicht|direkt|sofort|kalt|"
    r"meist|selbst|dort|weit|glatt|sanft|feucht|samt)$)[a-zäöüß]{2,}t"
)
_ASKS = re.compile(
    r"(?:why|what|which|how|where|when|who|whether|"
    r"warum|was|wie|welche[rsmn]?|woran|wann|wo|wer|ob|"
    r"por qué|para qué|qué|cómo|cuándo|cuánt[ao]s?|cuál(?:es)?|dónde)\b",
    re.IGNORECASE,
)

_STEP_END = re.compile(r"(?<=\w)[,;:.!?]+(?:\s+|$)")
_JOINS = re.compile(
    r"^(?:and then|and|then|und dann|und|dann|y luego|y después|y|luego|después)\s+",
    re.IGNORECASE,
)
# A clause that begins so belongs to the step before it.
_GOES_ON = re.compile(
    r"^(?:because|since|while|until|unless|so that|which|where|when|if|but|or|not|like|"
    r"for|such as|even|without|"
    r"weil|damit|bis|solange|während|wenn|sobald|aber|oder|denn|sonst|wo|ob|dass|"
    r"sondern|zum Beispiel|ohne|"
    r"porque|para|hasta|mientras|cuando|si|pero|o|sino|donde|que|sin|aunque)\s",
    re.IGNORECASE,
)
# A clause that begins a sentence so belongs to the step after it.
_CONDITION = re.compile(
    r"^(?:if|when|once|as soon as|wenn|falls|sobald|si|cuando|en cuanto)\s",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


def brief_coverage(text: str, topic: str, brief: str) -> float | None:
    """Return the share of the content words of topic and brief that the text has.

    The share is 0 to 1, or None if topic and brief have no content words, as in
    languages without spaces.
    """
    asked = stems(topic) | stems(brief)
    return len(asked & stems(text)) / len(asked) if asked else None


def steps_of(brief: str, language: str) -> list[str]:
    """Return the steps of a brief in its own words, without their end marks.

    A step ends with its sentence, and at a comma before an action. So a list of things
    is one step (`flour, water and salt`), and a clause of reason, time or condition
    belongs to the action that it is said of. A leading `and` or `then` is dropped. In
    other languages than English, German and Spanish each comma ends a step.
    """
    code = language.lower().split("-")[0]
    return [step for step, _ in _steps(brief, lambda clause: _goes_on(clause, code))]


def _goes_on(clause: str, code: str) -> bool:
    return code in _LANGUAGES and not is_action(_JOINS.sub("", clause), code)


def _steps(brief: str, goes_on: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Yield each step with the first punctuation mark after it, empty at the end."""
    step = held = before = ""
    for part, mark in _clauses(brief):
        clause = f"{held}{part}"
        is_first = before != ","
        if mark == "," and (
            len(part.split()) == 1 or (is_first and _CONDITION.match(clause))
        ):
            held = f"{clause}, "
            continue
        held = ""
        if step and not is_first and (_GOES_ON.match(clause) or goes_on(clause)):
            step = f"{step}, {clause}"
        else:
            if step:
                yield step, before
            step = _JOINS.sub("", clause)
        before = mark
    last = held.rstrip(", ")
    if step and last:
        yield step, before
        step = last
    if step or last:
        yield step or last, ""


def says_its_steps(brief: str, language: str) -> bool:
    """Return whether a brief is a list of steps that can be spoken as they are.

    It has at least three clauses or eight content words, and at least two steps. At
    least half of its clauses are sentences of action (by their verbs, in English,
    German and Spanish), and none begins with a question, as "why it works" does. Other
    briefs describe what a text has to be about, and a text has to add to them.
    """
    steps = [step for step, _ in _steps(brief, lambda clause: False)]
    is_full = len(steps) >= _LEAST_STEPS or len(stems(brief)) >= _LEAST_STEMS
    if not is_full or len(steps) < 2 or len(steps_of(brief, language)) < 2:
        return False
    code = language.lower().split("-")[0]
    acts = [is_action(step, code) for step in steps]
    asks = any(_ASKS.match(step) for step in steps)
    return 2 * sum(acts) >= len(acts) and not asks


def is_action(step: str, code: str) -> bool:
    """Return whether a clause says to do something, in English, German or Spanish."""
    words = [word.strip(",;") for word in _ADVERBS.sub("", step).split()]
    if not words:
        return False
    first, second = words[0].lower(), words[1].lower() if len(words) > 1 else ""
    if code == "en":
        if (first, second) == ("close", "to"):
            return False
        is_noun = first.endswith("ing") or (first[-1:] == "s" and first[-2:] != "ss")
        return first in _ENGLISH_VERBS or (
            second in _AFTER_A_VERB and first not in _NO_VERB and not is_noun
        )
    if code == "es":
        is_imperative = _SPANISH_IMPERATIVE.fullmatch(first)
        if first in _SPANISH_NOUNS:
            return False
        return bool(
            _SPANISH_VERB.fullmatch(first)
            or _SPANISH_DENIAL.match(step)
            or (is_imperative and second in _AFTER_AN_IMPERATIVE)
        )
    clause = (step.split(", ")[0].split() or words)[-1].strip(",;")
    return code == "de" and (
        any(_GERMAN_INFINITIVE.fullmatch(w) for w in (words[-1], clause))
        or any(_GERMAN_FINITE.fullmatch(w) for w in words[1:])
        or bool(_GERMAN_IMPERATIVE.fullmatch(first) and second in _AFTER_A_GERMAN_VERB)
    )


def verb_of_gerund(word: str) -> str | None:
    """Return the English verb of a gerund (`keep` of `keeping`), None if not known."""
    stem = word.lower().removesuffix("ing")
    if stem == word.lower():
        return None
    doubled = stem[-2:-1] == stem[-1:]
    for verb in (stem, f"{stem}e", stem[:-1] if doubled else stem):
        if verb in _ENGLISH_VERBS or verb in _VERBS_OF_TOPICS:
            return verb
    return None


def added_share(body: str, topic: str, brief: str, language: str) -> float | None:
    """Return the share of the body's content words that topic and brief do not have.

    The share is 0 to 1; None for a brief that does not say its steps, which a text has
    to add to, and for a body without content words.
    """
    if not says_its_steps(brief, language):
        return None
    said, new = added_stems(body, f"{topic} {brief}")
    return len(new) / len(said) if said else None


def added_words(body: str, topic: str, brief: str) -> list[str]:
    """Return the content words that the body adds, as it writes them, in order."""
    _, new = added_stems(body, f"{topic} {brief}")
    return list(dict.fromkeys(w for w in words_of(body) if w[:STEM_LETTERS] in new))


def _clauses(brief: str) -> Iterator[tuple[str, str]]:
    """Yield each clause with the first punctuation mark after it, empty at the end."""
    begin = 0
    for end in _STEP_END.finditer(brief):
        if part := brief[begin : end.start()].strip():
            yield part, end.group()[0]
        begin = end.end()
    if part := brief[begin:].strip():
        yield part, ""


def contradicted_numbers(text: str, brief: str) -> list[str]:
    """Return the numbers of a text that contradict the brief, with their units.

    The unit of a number is the first four letters of the next word: `6 minu` for "6
    minutes". The brief is contradicted if both texts have numbers of a unit and share
    none of them.
    """
    asked, said = _counted(brief), _counted(text)
    return [
        f"{number} {unit}"
        for unit, numbers in said.items()
        if unit in asked and not numbers & asked[unit]
        for number in sorted(numbers)
    ]


def numbers_in(text: str) -> set[str]:
    """Return the numbers of a text in figures, words from one to twelve too."""
    numbers = (_NUMBER_WORDS.get(word, word) for word in words_of(text))
    return {number for number in numbers if _NUMBER.fullmatch(number)}


def _counted(text: str) -> dict[str, set[str]]:
    """Return {counted word: the numbers before it}."""
    counted: dict[str, set[str]] = {}
    for number, unit in _pairs(words_of(text)):
        counted.setdefault(unit, set()).add(number)
    return counted


def _pairs(words: list[str]) -> Iterator[tuple[str, str]]:
    for word, after in zip(words, words[1:], strict=False):
        number = _NUMBER_WORDS.get(word, word)
        if _NUMBER.fullmatch(number) and len(after) >= _UNIT_LETTERS:
            if after not in _NUMBER_WORDS and not after[0].isdigit():
                yield number.replace(",", "."), after[:_UNIT_LETTERS]

"""Phrases of the product's own for scripts that are made of their briefs.

They say nothing but the topic and the number of its steps, so that they are true of
every brief. Hooks are worded so that their style is recognised (`styles_by_words`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ig_assets.core.generation.gates.content_words import STEM_LETTERS, words_of
from ig_assets.core.generation.gates.on_brief import is_action, verb_of_gerund
from ig_assets.core.generation.writing.schema import capitalised

_QUESTION_WORD = re.compile(
    r"(?:why|what|which|how|where|when|who|whether|is|are|do|does)\b", re.IGNORECASE
)
_BEGINS_A_SENTENCE = re.compile(
    r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|never|always|stop|"
    r"don't|no|you|your|i|we|it|this|that|these|those|there)\b",
    re.IGNORECASE,
)
# A gerund that is part of a noun.
_NAMES_A_THING = re.compile(
    r"(?:baking (?:soda|powder|sheets?|trays?)|cooking oils?|cutting boards?|"
    r"drinking water|frying pans?|hiking boots|ironing boards?|mixing bowls?|"
    r"running shoes|sewing machines?|shopping (?:bags?|lists?)|sleeping bags?|"
    r"washing (?:machines?|powder)|watering cans?|working hours)\b",
    re.IGNORECASE,
)
_REASON = re.compile(r"\b(?:because|since|so that|which keeps)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Phrases:
    """The phrases of a language.

    `hooks` are by style, `joined` those for a topic that can follow `for` in English
    or `para` in Spanish, `counted` the numbers from one. `plain` are stems that hooks
    and calls to action may have although the brief does not, `asking` the words of
    which a call to action has one, `denying` those of which a denial has one. Where
    `keeps_hooks` is false, no hook and no on-screen text of a small model is kept:
    their articles and verb forms are wrong too often, and no gate sees it.
    """

    language: str
    hooks: Mapping[str, str]
    joined: Mapping[str, str]
    action: str
    step: str
    counted: tuple[str, ...]
    plain: frozenset[str]
    asking: frozenset[str]
    denying: frozenset[str]
    keeps_hooks: bool = False

    def hook(self, style: str, topic: str, steps: int) -> str:
        """Return a hook of a style that names the topic, and most count its steps."""
        topic = " ".join(topic.split()).rstrip(".!")
        first, _, rest = topic.partition(" ")
        verb = None
        if self.language == "en" and not _NAMES_A_THING.match(topic):
            verb = verb_of_gerund(first)
        if verb:
            topic = f"{first.lower()} {rest}".rstrip()
        if style == "how_to" and verb and rest:
            return f"How to {verb} {rest}."
        if style == "how_to" and self.language == "en" and self._is_imperative(topic):
            return f"How to {topic[0].lower()}{topic[1:]}."
        joins = self._can_join(topic)
        if joins and self.language == "es":
            topic = f"{topic[0].lower()}{topic[1:]}"
        phrase = (self.joined if joins else self.hooks)[style]
        hook = phrase.format(topic=topic, steps=self._count(steps))
        if topic.endswith("?"):
            hook = topic if style == "question" else _with_one_mark(hook)
        return capitalised(hook)

    def _can_join(self, topic: str) -> bool:
        """Return whether a topic can follow `for`, or `para` in Spanish."""
        if not self.joined or topic.endswith("?"):
            return False
        if self.language == "es":
            return is_action(topic.partition(" ")[0], "es")
        is_sentence = _QUESTION_WORD.match(topic) or _BEGINS_A_SENTENCE.match(topic)
        return not (is_sentence or self._is_imperative(topic) or topic[:1].isupper())

    def _is_imperative(self, topic: str) -> bool:
        return is_action(topic, "en") and not _BEGINS_A_SENTENCE.match(topic)

    def numbered(self, number: int, step: str) -> str:
        """Return a step, numbered from 0, with its number to be spoken."""
        return f"{self.step} {self._count(number + 1)}: {step}"

    def asks(self, action: str) -> bool:
        """Return whether a call to action asks for what one asks for."""
        return bool(self.asking & set(words_of(action)))

    def asks_beyond(self, hook: str, known: str) -> bool:
        """Return whether a hook asks for what a list of steps does not answer.

        That is who, what, when or where, and why, unless `known` gives a reason.
        """
        found = _QUESTION_WORD.match(hook)
        asked = found.group().lower() if found and hook.rstrip().endswith("?") else ""
        if asked == "why":
            return not _REASON.search(known)
        return asked in ("what", "which", "where", "when", "who", "whether")

    def denies(self, text: str) -> bool:
        """Return whether a text says what is not so or not to be done."""
        return bool(self.denying & set(words_of(text)))

    def _count(self, number: int) -> str:
        known = 0 < number <= len(self.counted)
        return self.counted[number - 1] if known else str(number)


def _with_one_mark(hook: str) -> str:
    """Return a hook whose topic is a question, without a mark after its own."""
    hook = re.sub(r"\?: *(\w)", lambda found: f"? {found[1].upper()}", hook)
    return hook.replace("?.", "?")


def _stems(words: str) -> frozenset[str]:
    return frozenset(word[:STEM_LETTERS] for word in words.split())


PHRASES: Mapping[str, Phrases] = {
    "en": Phrases(
        language="en",
        keeps_hooks=True,
        hooks={
            "question": "{topic}: do you know all {steps} steps?",
            "bold_claim": "{topic}: {steps} steps are all it takes.",
            "story": "{topic}: these are my {steps} steps.",
            "number": "In {steps} steps: {topic}.",
            "mistake": "{topic}: never skip any of these {steps} steps.",
            "how_to": "How to do it in {steps} steps: {topic}.",
        },
        joined={
            "question": "Do you know all {steps} steps for {topic}?",
            "bold_claim": "{steps} steps are all you need for {topic}.",
            "story": "These are my {steps} steps for {topic}.",
            "number": "{steps} steps for {topic}.",
            "mistake": "Never skip any of these {steps} steps for {topic}.",
            "how_to": "How to do it in {steps} steps: {topic}.",
        },
        action="Save this so that you find it when you need it.",
        step="Step",
        counted=tuple("one two three four five six seven eight nine ten".split()),
        plain=_stems("know need save find share send later steps friend today easy"),
        asking=frozenset("save share send try".split()),
        denying=frozenset("not no never don't stop won't can't without forget".split()),
    ),
    "de": Phrases(
        language="de",
        hooks={
            "question": "{topic}: Kennst du alle {steps} Schritte?",
            "bold_claim": "{topic}: Mehr als {steps} Schritte braucht es nicht.",
            "story": "{topic}: So mache ich es, in {steps} Schritten.",
            "number": "In {steps} Schritten zum Ziel: {topic}.",
            "mistake": "{topic}: Lass nie einen der {steps} Schritte aus.",
            "how_to": "{topic}: So kommst du in {steps} Schritten ans Ziel.",
        },
        joined={},
        action="Speichere dir das, damit du es später findest.",
        step="Schritt",
        counted=tuple("eins zwei drei vier fünf sechs sieben acht neun zehn".split()),
        plain=_stems("speichere teile schick später findest schritte"),
        asking=frozenset("speichere teile schick probier".split()),
        denying=frozenset(
            "nicht nie niemals kein keine keinen ohne vergiss hör".split()
        ),
    ),
    "es": Phrases(
        language="es",
        hooks={
            "question": "{topic}: ¿conoces los {steps} pasos?",
            "bold_claim": "{topic}: bastan {steps} pasos.",
            "story": "{topic}: estos son mis {steps} pasos.",
            "number": "En {steps} pasos: {topic}.",
            "mistake": "{topic}: nunca te saltes ninguno de los {steps} pasos.",
            "how_to": "Cómo se hace en {steps} pasos: {topic}.",
        },
        joined={
            "question": "¿Conoces los {steps} pasos para {topic}?",
            "bold_claim": "Bastan {steps} pasos para {topic}.",
            "story": "Estos son mis {steps} pasos para {topic}.",
            "number": "{steps} pasos para {topic}.",
            "mistake": "Nunca te saltes ninguno de los {steps} pasos para {topic}.",
            "how_to": "Cómo {topic}.",
        },
        action="Guarda esto para tenerlo a mano cuando lo necesites.",
        step="Paso",
        counted=tuple("uno dos tres cuatro cinco seis siete ocho nueve diez".split()),
        plain=_stems("guarda comparte envía tenerlo mano necesites pasos"),
        asking=frozenset("guarda comparte envía prueba".split()),
        denying=frozenset("no nunca jamás sin deja olvides evita".split()),
    ),
}

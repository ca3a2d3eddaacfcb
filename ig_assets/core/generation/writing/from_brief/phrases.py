"""Phrases of the product's own for scripts that are made of their briefs.

They say nothing but the topic and the number of its steps, so that they are true of
every brief. Hooks are worded so that their style is recognised (`styles_by_words`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ig_assets.core.generation.gates.content_words import STEM_LETTERS, words_of
from ig_assets.core.generation.writing.schema import capitalised


@dataclass(frozen=True)
class Phrases:
    """The phrases of a language.

    `hooks` are by style, `counted` the numbers from one. `plain` are stems that hooks
    and calls to action may have although the brief does not, `asking` the words of
    which a call to action has one, `denying` those of which a denial has one.
    """

    hooks: Mapping[str, str]
    action: str
    step: str
    counted: tuple[str, ...]
    plain: frozenset[str]
    asking: frozenset[str]
    denying: frozenset[str]

    def hook(self, style: str, topic: str, steps: int) -> str:
        """Return a hook of a style that names the topic and counts its steps."""
        text = self.hooks[style].format(topic=topic, steps=self._count(steps))
        return capitalised(text)

    def numbered(self, number: int, step: str) -> str:
        """Return a step, numbered from 0, with its number to be spoken."""
        return f"{self.step} {self._count(number + 1)}: {step}"

    def asks(self, action: str) -> bool:
        """Return whether a call to action asks for what one asks for."""
        return bool(self.asking & set(words_of(action)))

    def denies(self, text: str) -> bool:
        """Return whether a text says what is not so or not to be done."""
        return bool(self.denying & set(words_of(text)))

    def _count(self, number: int) -> str:
        known = 0 < number <= len(self.counted)
        return self.counted[number - 1] if known else str(number)


def _stems(words: str) -> frozenset[str]:
    return frozenset(word[:STEM_LETTERS] for word in words.split())


PHRASES: Mapping[str, Phrases] = {
    "en": Phrases(
        hooks={
            "question": "{topic}: do you know all {steps} steps?",
            "bold_claim": "{topic}: {steps} steps are all it takes.",
            "story": "My {steps} steps for this: {topic}.",
            "number": "{steps} steps for this: {topic}.",
            "mistake": "{topic}: never skip one of these {steps} steps.",
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
        hooks={
            "question": "{topic}: Kennst du alle {steps} Schritte?",
            "bold_claim": "{steps} Schritte reichen dafür: {topic}.",
            "story": "Meine {steps} Schritte dafür: {topic}.",
            "number": "{steps} Schritte dafür: {topic}.",
            "mistake": "{topic}: Lass nie einen der {steps} Schritte aus.",
            "how_to": "So machst du es in {steps} Schritten: {topic}.",
        },
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
        hooks={
            "question": "{topic}: ¿conoces los {steps} pasos?",
            "bold_claim": "{topic}: bastan {steps} pasos.",
            "story": "Mis {steps} pasos para esto: {topic}.",
            "number": "{steps} pasos para esto: {topic}.",
            "mistake": "{topic}: nunca te saltes uno de los {steps} pasos.",
            "how_to": "Cómo hacerlo en {steps} pasos: {topic}.",
        },
        action="Guarda esto para tenerlo a mano cuando lo necesites.",
        step="Paso",
        counted=tuple("uno dos tres cuatro cinco seis siete ocho nueve diez".split()),
        plain=_stems("guarda comparte envía tenerlo mano necesites pasos"),
        asking=frozenset("guarda comparte envía prueba".split()),
        denying=frozenset("no nunca jamás sin deja olvides evita".split()),
    ),
}

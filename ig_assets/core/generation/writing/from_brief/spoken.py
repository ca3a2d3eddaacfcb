"""Makes a script of a small writer's answer and its brief, which has the last word.

A model of 1.5B parameters gives nearly every step a reason that the brief does not
have, and writes German and Spanish with wrong forms. Its sentences are therefore kept
only where they say a step of the brief and nothing else; otherwise the step is spoken
as the brief says it. Which parts are the brief's own is kept with the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from ig_assets.core.generation.gates.content_words import (
    SHORTEST,
    added_stems,
    content_words,
    is_in_place,
    is_order_word,
    stems,
    words_of,
)
from ig_assets.core.generation.gates.gates import Gates
from ig_assets.core.generation.gates.on_brief import (
    numbers_in,
    says_its_steps,
    steps_of,
)
from ig_assets.core.generation.gates.spoken_length import spoken_seconds
from ig_assets.core.generation.gates.wording import on_screen_faults
from ig_assets.core.generation.writing.from_brief.phrases import PHRASES, Phrases
from ig_assets.core.generation.writing.schema import (
    FactsFirstScript,
    Spoken,
    SpokenStep,
    StepsScript,
    as_answered,
    capitalised,
    caption,
)

# At least four words, then a clause of purpose.
_PURPOSE = re.compile(
    r"(?P<before>(?:[^\s,]+ ){3,}[^\s,]+),? (?:to|so that|um|damit|para) [^?]+$",
    re.IGNORECASE,
)
_MOST_ADDED_WORDS = 2  # short ones, as `your` or `the`; content words may not be added


def steps_to_speak(brief: str, language: str) -> list[str]:
    """Return the steps of a brief as sentences; empty if it does not say its steps."""
    if language.lower().split("-")[0] not in PHRASES:
        return []
    if not says_its_steps(brief, language):
        return []
    return [f"{capitalised(step)}." for step in steps_of(brief, language)]


def with_brief(
    answer: FactsFirstScript | StepsScript,
    topic: str,
    brief: str,
    language: str,
    style: str,
    best_hook: Callable[[Sequence[str]], str],
) -> Spoken:
    """Return the script of an answer, with the brief's own words where it adds to them.

    `best_hook` chooses among the hooks of the answer that add nothing; if all do, the
    hook is made of the topic. Where the script would be too short to pass its gate, its
    steps are numbered aloud. Without steps (see `steps_to_speak`) the
    answer is returned as it is, but for a call to action of something else.
    """
    steps = steps_to_speak(brief, language)
    hooks = [hook.strip() for hook in answer.hooks if hook.strip()]
    if not (steps and isinstance(answer, StepsScript)):
        as_is = replace(as_answered(answer), hook=best_hook(hooks) if hooks else "")
        return _with_fit_end(as_is, f"{topic} {brief}", language)
    phrases = PHRASES[language.lower().split("-")[0]]
    known = f"{topic} {brief}"
    own: list[str] = []

    def of_model(part: str, words: str, otherwise: str) -> str:
        if not words:
            own.append(part)
        return words or otherwise

    said = [
        _of_step(steps, number, answer.steps, phrases) for number in range(len(steps))
    ]
    hooks = hooks if phrases.keeps_hooks else []
    short = [_without_purpose(hook) for hook in hooks]
    good = [
        hook
        for hook in [*hooks, *short]
        if _claims_nothing(hook, topic, known, steps, phrases)
    ]
    hook = of_model(
        "hook",
        best_hook(good) if good else "",
        phrases.hook(style, topic, len(steps)),
    )
    action = _fit_action(answer.call_to_action.strip(), known, phrases)
    action = of_model("call_to_action", action, phrases.action)
    beats = [
        of_model(f"beat {number}", found.say if is_kept else "", step)
        for number, (step, (found, is_kept)) in enumerate(
            zip(steps, said, strict=True), start=1
        )
    ]
    spoken = " ".join((hook, *beats, action))
    if spoken_seconds(spoken, language) < Gates.least_seconds:
        beats = [phrases.numbered(number, step) for number, step in enumerate(steps)]
        own = [p for p in own if not p.startswith("beat")]
        own += [f"beat {number}" for number in range(1, len(steps) + 1)]
    screen = caption(answer.on_screen_text) if phrases.keeps_hooks else None
    is_fit = (
        screen is not None
        and _adds_nothing(screen, topic, phrases)
        and bool(stems(screen) & stems(topic))
        and not on_screen_faults(screen, language, known, beats)
    )
    screen = of_model(
        "on_screen_text", screen if screen and is_fit else "", capitalised(topic)
    )
    shots = tuple(found.show for found, _ in said)
    return Spoken(hook, tuple(beats), action, screen, shots, tuple(own))


def _with_fit_end(spoken: Spoken, known: str, language: str) -> Spoken:
    """Return a script whose call to action is of what it speaks of, or else neutral."""
    phrases = PHRASES.get(language.lower().split("-")[0])
    if phrases is None or not spoken.call_to_action:
        return spoken
    spoken_of = " ".join((known, spoken.hook, *spoken.beats))
    if _fit_action(spoken.call_to_action, spoken_of, phrases):
        return spoken
    return replace(
        spoken, call_to_action=phrases.action, from_brief=("call_to_action",)
    )


def _fit_action(action: str, known: str, phrases: Phrases) -> str:
    """Return a call to action that asks for something and adds nothing, or nothing."""
    is_fit = phrases.asks(action) and _adds_nothing(action, known, phrases)
    return action if is_fit else ""


def _of_step(
    steps: Sequence[str], number: int, given: Sequence[SpokenStep], phrases: Phrases
) -> tuple[SpokenStep, bool]:
    """Return the answer's step for a step of the brief, and if its sentence is kept."""
    step = steps[number]
    wanted = stems(step)

    def likeness(at: int) -> tuple[int, int]:
        return len(wanted & stems(given[at].say)), -abs(at - number)

    found = given[max(range(len(given)), key=likeness)]
    is_same = phrases.denies(found.say) == phrases.denies(step)
    fits = is_in_place(found.say, number, len(steps))
    return found, is_same and fits and says_only(found.say, step)


def says_only(say: str, step: str) -> bool:
    """Return whether a sentence says a step, in its order, and nothing else.

    It has all content words of the step in their order and no others (compared by their
    first four letters), the same short words but for two, and the same numbers.
    """
    spoken = [w for w in words_of(say) if not is_order_word(w)]
    asked = words_of(step)
    shorter = [w[:SHORTEST] for w in content_words(say) if not is_order_word(w)]
    return (
        shorter == [w[:SHORTEST] for w in content_words(step) if not is_order_word(w)]
        and numbers_in(say) == numbers_in(step)
        and len(set(spoken) - set(asked)) <= _MOST_ADDED_WORDS
        and len(spoken) <= len(asked) + _MOST_ADDED_WORDS
    )


def _adds_nothing(text: str, known: str, phrases: Phrases) -> bool:
    _, new = added_stems(text, known)
    return not {stem for stem in new if not stem.isdigit()} - phrases.plain


def _without_purpose(hook: str) -> str:
    """Return the hook without the reason at its end, which small models add."""
    found = _PURPOSE.match(hook)
    return f"{found['before']}." if found else hook


def _claims_nothing(
    hook: str, topic: str, known: str, steps: Sequence[str], phrases: Phrases
) -> bool:
    """Return whether a hook claims nothing that topic and brief do not say.

    It has at least half of the topic's content words. Its numbers are those of the
    topic or the number of steps: one of a step could be said of another thing. It says
    no step, which would be said twice, denies none, and asks for nothing else.
    """
    wanted = stems(topic)
    numbers = numbers_in(hook) - {str(len(steps))}
    return (
        _adds_nothing(hook, known, phrases)
        and 2 * len(stems(hook) & wanted) >= len(wanted)
        and bool(stems(hook) & stems(known))
        and not phrases.asks_beyond(hook, known)
        and numbers <= numbers_in(topic)
        and (phrases.denies(topic) or not phrases.denies(hook))
        and not any(stems(hook) <= stems(step) for step in steps)
    )

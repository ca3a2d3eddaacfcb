"""Computes about fifty named counts of a hook, each of which a person can check.

The word lists are English. In other languages the counts of length, marks and capitals
still carry information, and the other counts are zero. Lengths are logarithms, so that
an additional word counts less in a long hook.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from ig_assets.core.models.ranker.outcomes import Floats

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*", re.UNICODE)
_NUMBER = re.compile(r"\d[\d,.]*")
_SENTENCE_END = re.compile(r"[.!?…]+(?=\s|$)")
_VOWELS = re.compile(r"[aeiouy]+")

WORDS: dict[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in {
        "you": "you your yours yourself you're you'll you've you'd",
        "i": "i me my mine myself i'm i'll i've i'd",
        "we": "we us our ours we're we'll we've let's",
        "he": "he him his himself he's he'll he'd",
        "she": "she her hers herself she's she'll she'd",
        "they": "they them their theirs they're they've they'll",
        "this": "this these here here's",
        "that": "that those that's there there's",
        "how": "how",
        "why": "why reason reasons because cause",
        "what": "what what's whatever",
        "who": "who whose whom who's someone somebody anyone",
        "when": "when while until till before after then once",
        "if": "if unless whether",
        "but": "but however though although except instead yet",
        "and": "and",
        "negation": "no not never nothing none nobody don't doesn't didn't isn't "
        "aren't wasn't can't cannot couldn't won't wouldn't shouldn't ain't without",
        "absolute": "all always every everyone everybody everything ever only whole "
        "entire completely totally absolutely forever",
        "superlative": "best worst most least biggest greatest first last ultimate",
        "hedge": "maybe might could may probably almost kind sort some somewhat seems",
        "must": "must should need needs have has ought",
        "question_verb": "do does did is are was were can will would",
        "command": "see watch look meet check stop try listen read learn imagine "
        "remember get take make give think consider",
        "surprise": "actually really surprising surprised shocking shocked amazing "
        "incredible unbelievable insane crazy wow weird strange unexpected suddenly "
        "mind-blowing stunning secret hidden",
        "positive": "love loved beautiful happy great awesome good brilliant perfect "
        "wonderful inspiring funny hilarious hope smile win adorable gorgeous",
        "negative": "bad terrible awful horrible sad cry crying tears hate wrong fear "
        "scary angry problem problems hurt pain worse disturbing heartbreaking ugly",
        "danger": "die died dies dead death kill killed war gun guns violence abuse "
        "rape cancer disease attack crime police prison poison bomb",
        "money": "money pay paid cost costs dollar dollars cents rich poor wage debt "
        "free bank banks tax taxes million billion price buy",
        "person": "man men woman women guy guys girl girls boy boys kid kids child "
        "children people person teen teens",
        "family": "mom mother dad father son daughter parents baby family husband wife "
        "brother sister grandma grandpa",
        "body": "face eyes body heart head hand hands mind brain skin hair",
        "time": "now today year years day days minute minutes second seconds time "
        "century week hour hours tomorrow",
        "number_word": "one two three four five six seven eight nine ten dozen hundred "
        "thousand couple few half",
        "small_talk": "just so well like thing things stuff pretty basically kinda",
        "medium": "video photo photos picture pictures song movie chart map graph ad "
        "commercial speech clip story interview",
        "says": "say says said tell tells told ask asks asked explain explains heard "
        "hear talk talks talking words",
        "finds": "find finds found know knows knew discover learned turns happens "
        "happened realize notice",
        "article": "a an the",
        "preposition": "of in on at by for from to with about into over",
    }.items()
}

_OPENINGS: dict[str, frozenset[str]] = {
    "opens_with_question_word": frozenset("how why what who when where which".split()),
    "opens_with_pronoun": WORDS["he"] | WORDS["she"] | WORDS["they"] | WORDS["i"],
    "opens_with_you": WORDS["you"],
    "opens_with_this": WORDS["this"],
    "opens_with_if": WORDS["if"] | WORDS["when"],
    "opens_with_command": WORDS["command"],
    "opens_with_article": WORDS["article"],
}


def _measures(hook: str) -> dict[str, float]:
    words = _WORD.findall(hook)
    lower = [w.lower().replace("’", "'") for w in words]
    n = max(len(words), 1)
    sentences = max(len(_SENTENCE_END.findall(hook)), 1)
    first = lower[0] if lower else ""
    found: dict[str, float] = {
        "log_words": math.log1p(len(words)),
        "log_characters": math.log1p(len(hook)),
        "log_sentences": math.log(sentences),
        "log_words_per_sentence": math.log(n / sentences),
        "word_length": sum(map(len, words)) / n,
        "longest_word": float(max(map(len, words), default=0)),
        "syllables_per_word": sum(len(_VOWELS.findall(w)) for w in lower) / n,
        "different_words": len(set(lower)) / n,
        "first_word_length": float(len(first)),
        "numbers": float(len(_NUMBER.findall(hook))),
        "opens_with_number": float(hook.lstrip("\"'“‘#($").lstrip()[:1].isdigit()),
        "questions": float(hook.count("?")),
        "exclamations": float(hook.count("!")),
        "commas": float(hook.count(",")),
        "colons": float(hook.count(":") + hook.count(";")),
        "ellipses": float(hook.count("...") + hook.count("…")),
        "dashes": float(hook.count("—") + hook.count("–") + hook.count(" - ")),
        "quotes": float(sum(hook.count(mark) for mark in '"“”')),
        "brackets": float(hook.count("(") + hook.count("[")),
        "emphasis": float(hook.count("*")),
        "apostrophes": float(hook.count("'") + hook.count("’")),
        "capital_words": float(sum(len(w) > 1 and w.isupper() for w in words)),
        "capitalised_share": sum(w[0].isupper() for w in words) / n,
    }
    for name, opening in _OPENINGS.items():
        found[name] = float(first in opening)
    for name, listed in WORDS.items():
        found[f"words_{name}"] = float(sum(w in listed for w in lower))
    return found


NAMES: tuple[str, ...] = tuple(_measures(""))
"""The names of the columns of `hand_features`, in order."""


def hand_features(hooks: Sequence[str]) -> Floats:
    """Return the counts, shape (hooks, len(NAMES)); an empty text has counts too."""
    rows = [list(_measures(hook).values()) for hook in hooks]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(NAMES))

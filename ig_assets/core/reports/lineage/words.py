"""Describe the scripts behind a model in people's words: rows, and one sentence."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ig_assets.core.corpus.queries import forgotten_variants
from ig_assets.core.experiments.stats.e_values import LARGEST_LOG_E
from ig_assets.core.lineage.first_words import first_words
from ig_assets.core.reports.lineage.labels import TEXTS, THESE
from ig_assets.core.reports.lineage.trace import ScriptBehind, WorseText
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

_SCRIPTS = f"""
{THESE}
SELECT revision_hash, arg_min(hook, source) AS hook,
    arg_min(hook_style, source) AS hook_style, arg_min(topic, source) AS topic,
    arg_min(author, source) AS author, arg_min(origin, source) AS origin,
    bool_or(coalesce(simulated, FALSE)) AS simulated
FROM ({TEXTS})
GROUP BY revision_hash
"""


@dataclass(frozen=True)
class ModelScript:
    """One text behind a model.

    `lines` counts the examples that hold it as the better text, `in_model` those of
    them that the model learnt from. `as_worse` counts the pairs that hold it as the
    worse text; `lines` is 0 for a text that is only in those. `first_words`, `topic`,
    `author` and `origin` are None if the text was forgotten since, or if they are
    unknown. `weight` is the sum of its examples' weights. `lift` (a ratio minus 1) and
    `evidence` (an e-value) are the largest of the examples'. `rule` says in words what
    decided them, `splits` names their splits. `rate` is the script's latest rate, or
    None.
    """

    first_words: str | None
    topic: str | None
    author: str | None
    origin: str | None
    simulated: bool
    lines: int
    in_model: int
    why: str
    id: str
    revision: str | None
    hook_style: str | None = None
    weight: float = 0.0
    lift: float | None = None
    evidence: float | None = None
    rule: str | None = None
    splits: str = ""
    rate: float | None = None
    as_worse: int = 0


def scripts_of_model(
    con: Connection, behind: Sequence[ScriptBehind]
) -> list[ModelScript]:
    """Return the texts of a model's examples, those that it learnt from first.

    Texts that are only the worse ones of pairs come last.
    """
    groups: dict[str, list[ScriptBehind]] = defaultdict(list)
    lost: dict[str, list[ScriptBehind]] = defaultdict(list)
    for example in behind:
        groups[text_key(example)].append(example)
        if example.worse is not None:
            lost[_worse_key(example, example.worse)].append(example)
    keys = sorted({*groups, *lost})
    known = {
        row["revision_hash"]: row
        for row in fetch_dicts(con, _SCRIPTS, [keys, sorted(forgotten_variants(con))])
    }
    rates = {
        row["revision_hash"]: row["rate"] for row in fetch_dicts(con, _RATES, [keys])
    }
    texts = [
        replace(
            _model_script(examples, known.get(key, {}), rates.get(key)),
            as_worse=len(lost.get(key, ())),
        )
        for key, examples in groups.items()
    ]
    texts += [
        _worse_script(pairs, known.get(key, {}), rates.get(key))
        for key, pairs in lost.items()
        if key not in groups
    ]
    return sorted(texts, key=lambda text: (not text.in_model, -text.lines, text.id))


def text_key(example: ScriptBehind) -> str:
    """Return the key by which examples of the same text are grouped."""
    return example.revision_hash or f"example {example.example_id}"


def _worse_key(example: ScriptBehind, worse: WorseText) -> str:
    return worse.revision_hash or f"worse text of example {example.example_id}"


_RATES = """
SELECT revision_hash, max(rate) AS rate
FROM latest_rates
WHERE revision_hash IN (SELECT unnest($1::TEXT[]))
GROUP BY revision_hash
"""

_RULES = {"e": "e-value", "z": "single look on z"}


_RANKER = """
SELECT count(*) AS posts, count(DISTINCT a.experiment_id) AS tests,
    count(DISTINCT coalesce(a.script_id, a.variant_id)) AS scripts,
    count(*) FILTER (WHERE e.simulated) AS simulated,
    count(*) FILTER (WHERE a.script_id IN (SELECT script_id FROM forgotten_scripts)
        OR a.variant_id IN (SELECT unnest($2::TEXT[]))) AS forgotten
FROM ranker_arms AS a
LEFT JOIN experiments AS e ON e.experiment_id = a.experiment_id
WHERE a.model_id = $1
"""


def ranker_sentence(con: Connection, model_id: str) -> str:
    """Say how many posts a ranker learnt from, and how many were forgotten since."""
    variants = sorted(forgotten_variants(con))
    found = fetch_dicts(con, _RANKER, [model_id, variants])[0]
    gone = found["forgotten"]
    rest = f"; {gone:,} forgotten since are not used any more" if gone else ""
    return (
        f"{model_id} learnt from {found['posts']:,} posts of {found['scripts']:,} "
        f"scripts in {found['tests']:,} tests, {found['simulated']:,} of them "
        f"simulated{rest}."
    )


def model_sentence(name: str, texts: Sequence[ModelScript]) -> str:
    """Say how many texts a model learnt from, by origin, and how many are simulated."""
    learnt = [text for text in texts if text.in_model]
    better = [text for text in texts if text.lines]
    if not texts:
        return f"{name} was not fine-tuned here: no script of yours is behind it."
    if not learnt:
        return f"{name} learnt from none of the {_count(better)} of its training set."
    origins = Counter(text.origin or "unknown origin" for text in learnt)
    parts = ", ".join(
        f"{n} from {origin}" if origin == "history" else f"{n} {origin}"
        for origin, n in sorted(origins.items())
    )
    rest = len(better) - len(learnt)
    sentence = f"{name} learnt from {_count(learnt)} ({parts})"
    sentence += f", {_simulated(learnt)}."
    if rest:
        sentence += f" {rest} more of its training set it did not learn from."
    if worse := len(texts) - len(better):
        sentence += f" {worse} more are in its pairs as the worse text only."
    return sentence


# A receipt has a number as soon as its request is done.
_FORGOTTEN = {
    "script": """
        SELECT f.forgotten_at, f.receipt AS request_id, r.number
        FROM forgotten AS f
        LEFT JOIN forget_requests AS r ON r.request_id = f.receipt
        WHERE f.script_id = ?
    """,
    "example": """
        SELECT f.forgotten_at, f.request_id, r.number
        FROM forgotten_examples AS f
        LEFT JOIN forget_requests AS r ON r.request_id = f.request_id
        WHERE f.example_id = ?
          AND f.example_id NOT IN (SELECT example_id FROM training_examples)
    """,
}


def forgotten_sentence(con: Connection, kind: str, id: str) -> str | None:
    """Return when a thing was forgotten and by which receipt; None if it was not."""
    if kind not in _FORGOTTEN:
        return None
    rows = fetch_dicts(con, _FORGOTTEN[kind] + " ORDER BY forgotten_at LIMIT 1", [id])
    if not rows:
        return None
    row = rows[0]
    day = f" on {row['forgotten_at']:%Y-%m-%d}" if row["forgotten_at"] else ""
    if row["number"]:
        return f"Forgotten{day} (receipt {row['number']})."
    return f"Forgotten{day} (request {row['request_id']})."


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a row of `_SCRIPTS` says about a text; None for unknown fields."""
    return {
        "first_words": first_words(row.get("hook")),
        "topic": row.get("topic"),
        "author": row.get("author"),
        "origin": row.get("origin"),
        "simulated": bool(row.get("simulated")),
        "hook_style": row.get("hook_style"),
    }


def _model_script(
    examples: Sequence[ScriptBehind], row: Mapping[str, Any], rate: float | None
) -> ModelScript:
    first = examples[0]
    lifts = [example.lift for example in examples if example.lift is not None]
    log_es = [example.log_e for example in examples if example.log_e is not None]
    rules = dict.fromkeys(e.rule for e in examples if e.rule is not None)
    return ModelScript(
        **_known(row),
        lines=len(examples),
        in_model=sum(example.in_model for example in examples),
        why="; ".join(dict.fromkeys(example.reason for example in examples)),
        id=first.script_id or first.variant_id or f"example {first.example_id}",
        revision=first.revision_hash,
        weight=sum(example.weight or 0.0 for example in examples),
        lift=max(lifts, default=None),
        evidence=(math.exp(min(max(log_es), LARGEST_LOG_E)) if log_es else None),
        rule=", ".join(_RULES.get(rule, rule) for rule in rules) or None,
        splits=", ".join(sorted({example.split for example in examples})),
        rate=rate,
    )


def _worse_script(
    pairs: Sequence[ScriptBehind], row: Mapping[str, Any], rate: float | None
) -> ModelScript:
    """Return a text that a training set holds only as the worse one of pairs."""
    worse = pairs[0].worse
    assert worse is not None
    return ModelScript(
        **_known(row),
        lines=0,
        in_model=0,
        why="the worse text of a pair",
        id=worse.script_id or worse.variant_id or f"example {pairs[0].example_id}",
        revision=worse.revision_hash,
        splits=", ".join(sorted({pair.split for pair in pairs})),
        rate=rate,
        as_worse=len(pairs),
    )


def _simulated(texts: Sequence[ModelScript]) -> str:
    known = [text for text in texts if text.origin]
    if len(known) < len(texts):  # forgotten since, with their evidence
        unknown = f"the evidence of {len(texts) - len(known)} is not known any more"
        return f"{_simulated(known)}; {unknown}" if known else unknown
    count = sum(text.simulated for text in texts)
    if not count:
        return "none of them on simulated evidence"
    if count == len(texts):
        return "on simulated evidence only" if count > 1 else "on simulated evidence"
    return f"{count} of them on simulated evidence"


def _count(texts: Sequence[ModelScript]) -> str:
    return "1 script" if len(texts) == 1 else f"{len(texts)} scripts"


SHARES = (("origin", "origin"), ("author", "author"), ("hook style", "hook_style"))
"""The labels by which learnt lines are counted: (in words, field of `ModelScript`)."""


def share_of(texts: Sequence[ModelScript], name: str) -> list[tuple[str, float]]:
    """Return [(label, share)] of the examples that the model learnt from.

    The largest share comes first; shares are 0 to 1. `name` is the label's field in
    `ModelScript`.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts[getattr(text, name) or "not known"] += text.in_model
    total = sum(counts.values())
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(label, n / total) for label, n in ranked if n and total]

"""Describes the scripts behind a model in people's words: rows, and one sentence."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ig_assets.core.corpus.queries import WINNER_PREFIX, forgotten_variants
from ig_assets.core.experiments.stats.e_values import LARGEST_LOG_E
from ig_assets.core.lineage.first_words import first_words
from ig_assets.core.reports.lineage.labels import TEXTS, THESE
from ig_assets.core.reports.lineage.trace import ScriptBehind, WorseText
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

# One row for each text, whose labels are all from one source: the script or variant
# that the row names ($5), else the script that had the words first. $4 are all scripts
# and variants behind the row; both lists have revision and id as one text.
_SCRIPTS = f"""
{THESE},
behind AS MATERIALIZED (SELECT unnest($4::TEXT[]) AS text),
named AS MATERIALIZED (SELECT unnest($5::TEXT[]) AS text),
texts AS (
    SELECT *, concat(revision_hash, ' ', id) AS by_id,
        concat(revision_hash, ' ', variant_id) AS by_variant
    FROM ({TEXTS})
),
ranked AS (
    SELECT *,
        by_id IN (FROM named) OR by_variant IN (FROM named) AS is_named,
        by_id IN (FROM behind) OR by_variant IN (FROM behind) AS is_behind
    FROM texts
),
rates AS (
    SELECT script_id, revision_hash, rate
    FROM script_performance
    WHERE rate IS NOT NULL
        AND revision_hash IN (SELECT id FROM these)
        AND ($3::TIMESTAMP IS NULL OR as_of < $3::TIMESTAMP)
    QUALIFY row_number() OVER (
        PARTITION BY script_id, revision_hash ORDER BY as_of DESC, source
    ) = 1
)
SELECT t.revision_hash, t.hook, t.hook_style, t.topic, t.author, t.origin, r.rate,
    bool_or(coalesce(t.simulated, FALSE))
        OVER (PARTITION BY t.revision_hash, t.is_behind) AS simulated
FROM ranked AS t
LEFT JOIN rates AS r
    ON r.script_id = t.id
    AND r.revision_hash = t.revision_hash
QUALIFY row_number() OVER (
    PARTITION BY t.revision_hash
    ORDER BY t.is_named DESC, t.is_behind DESC, t.source, t.seen NULLS FIRST, t.id
) = 1
"""


@dataclass(frozen=True)
class ModelScript:
    """One text behind a model, with sums over its examples.

    `lines` is the number of examples with it as the better text; the model learnt from
    `in_model` of these. `as_worse` is the number of pairs with it as the worse text;
    `lines` is 0 for a text that is only in those. `first_words`, `topic`, `author` and
    `origin` are None if the text has been forgotten, or if they are unknown. `weight`
    is the sum of its examples' weights. `lift` (a ratio minus 1) and `evidence` (an
    e-value) are the largest of its examples. `rule` says in words what decided them,
    `splits` names their splits. `rate` is the script's latest rate, or None.
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
    con: Connection, behind: Sequence[ScriptBehind], as_of: datetime | None = None
) -> list[ModelScript]:
    """Return the texts of a model's examples, those that it learnt from first.

    Texts that are only the worse ones of pairs come last. All labels and the rate of a
    text come from one script: the one by which it is listed, or else the first script
    with exactly its words. With `as_of` only facts known before that instant count.
    """
    groups: dict[str, list[ScriptBehind]] = defaultdict(list)
    lost: dict[str, list[ScriptBehind]] = defaultdict(list)
    for example in behind:
        groups[text_key(example)].append(example)
        if example.worse is not None:
            lost[_worse_key(example, example.worse)].append(example)
    keys = sorted({*groups, *lost})
    fed, named = _sources(groups, lost)
    wanted = [keys, sorted(forgotten_variants(con)), as_of, fed, named]
    known = {row["revision_hash"]: row for row in fetch_dicts(con, _SCRIPTS, wanted)}
    texts = [
        replace(
            _model_script(examples, known.get(key, {})), as_worse=len(lost.get(key, ()))
        )
        for key, examples in groups.items()
    ]
    texts += [
        _worse_script(pairs, known.get(key, {}))
        for key, pairs in lost.items()
        if key not in groups
    ]
    return sorted(texts, key=lambda text: (not text.in_model, -text.lines, text.id))


def text_key(example: ScriptBehind) -> str:
    """Return the key by which examples of the same text are grouped."""
    return example.revision_hash or f"example {example.example_id}"


def _worse_key(example: ScriptBehind, worse: WorseText) -> str:
    return worse.revision_hash or f"worse text of example {example.example_id}"


def _sources(
    groups: Mapping[str, Sequence[ScriptBehind]],
    lost: Mapping[str, Sequence[ScriptBehind]],
) -> tuple[list[str], list[str]]:
    """Return two lists of "revision id" of the scripts and variants behind texts.

    The first list has every script and variant. The second has one per text, from the
    text's first example. `groups` and `lost` are {key of the text: examples}, for the
    better and the worse texts.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for key, examples in groups.items():
        found[key] += [one.script_id or one.variant_id or "" for one in examples]
    for key, pairs in lost.items():
        texts = [pair.worse for pair in pairs if pair.worse is not None]
        found[key] += [one.script_id or one.variant_id or "" for one in texts]
    return (
        [f"{key} {id}" for key, ids in found.items() for id in ids if id],
        [f"{key} {ids[0]}" for key, ids in found.items() if ids[0]],
    )


_RULES = {"e": "e-value", "z": "single look on z"}


# $2 is the instant before which a script was forgotten, NULL for now.
_RANKER = """
WITH gone AS MATERIALIZED (
    SELECT script_id
    FROM forgotten
    WHERE $2::TIMESTAMP IS NULL OR forgotten_at < $2::TIMESTAMP
    UNION
    SELECT script_id
    FROM script_status
    WHERE status = 'forgotten'
        AND ($2::TIMESTAMP IS NULL OR changed_at < $2::TIMESTAMP)
),
gone_variants AS MATERIALIZED (
    SELECT variant_id
    FROM scripts
    WHERE variant_id IS NOT NULL AND script_id IN (SELECT script_id FROM gone)
    UNION
    SELECT substr(script_id, length($3::TEXT) + 1)
    FROM gone
    WHERE starts_with(script_id, $3::TEXT)
)
SELECT count(*) AS posts, count(DISTINCT a.experiment_id) AS tests,
    count(DISTINCT coalesce(a.script_id, a.variant_id)) AS scripts,
    count(*) FILTER (WHERE e.simulated) AS simulated,
    count(*) FILTER (WHERE a.script_id IN (SELECT script_id FROM gone)
        OR a.variant_id IN (SELECT variant_id FROM gone_variants)) AS forgotten
FROM ranker_arms AS a
LEFT JOIN experiments AS e ON e.experiment_id = a.experiment_id
WHERE a.model_id = $1
"""


def ranker_sentence(
    con: Connection, model_id: str, as_of: datetime | None = None
) -> str:
    """Return a sentence: how many posts a ranker learnt from, how many were forgotten.

    With `as_of`, only posts that were forgotten before that instant count as forgotten.
    """
    [found] = fetch_dicts(con, _RANKER, [model_id, as_of, WINNER_PREFIX])
    gone = found["forgotten"]
    rest = f"; {gone:,} forgotten since are not used any more" if gone else ""
    return (
        f"{model_id} learnt from {found['posts']:,} posts of {found['scripts']:,} "
        f"scripts in {found['tests']:,} tests, {found['simulated']:,} of them "
        f"simulated{rest}."
    )


def model_sentence(name: str, texts: Sequence[ModelScript]) -> str:
    """Return a sentence on how many texts a model learnt from, by origin.

    It also says how many are simulated.
    """
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


def forgotten_sentence(
    con: Connection, kind: str, id: str, as_of: datetime | None = None
) -> str | None:
    """Return a sentence: when a thing was forgotten, and by which receipt.

    None if it was not forgotten. With `as_of`, the sentence is about things forgotten
    before that instant. For a thing forgotten later, it says that the words are no
    longer there.
    """
    if kind not in _FORGOTTEN:
        return None
    rows = fetch_dicts(con, _FORGOTTEN[kind] + " ORDER BY forgotten_at LIMIT 1", [id])
    if not rows:
        return None
    row = rows[0]
    if as_of is not None and row["forgotten_at"] and row["forgotten_at"] >= as_of:
        return "It was not forgotten yet on that day; its words are gone since."
    day = f" on {row['forgotten_at']:%Y-%m-%d}" if row["forgotten_at"] else ""
    if row["number"]:
        return f"Forgotten{day} (receipt {row['number']})."
    return f"Forgotten{day} (request {row['request_id']})."


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the labels of a text from a row of `_SCRIPTS`; None for unknown fields."""
    return {
        "first_words": first_words(row.get("hook")),
        "topic": row.get("topic"),
        "author": row.get("author"),
        "origin": row.get("origin"),
        "simulated": bool(row.get("simulated")),
        "hook_style": row.get("hook_style"),
        "rate": row.get("rate"),
    }


def _model_script(
    examples: Sequence[ScriptBehind], row: Mapping[str, Any]
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
    )


def _worse_script(pairs: Sequence[ScriptBehind], row: Mapping[str, Any]) -> ModelScript:
    """Return the row of a text that is only the worse one of pairs."""
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
"""Labels by which learnt lines are counted: (in words, field of `ModelScript`)."""


def share_of(texts: Sequence[ModelScript], name: str) -> list[tuple[str, float]]:
    """Return [(label, share)] of the examples from which the model learnt.

    The largest share comes first; shares are 0 to 1. `name` is the label's field in
    `ModelScript`.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts[getattr(text, name) or "not known"] += text.in_model
    total = sum(counts.values())
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(label, n / total) for label, n in ranked if n and total]

"""Lineage in people's words: a label for each node, the scripts behind a model."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ig_assets.core.corpus.queries import forgotten_variants
from ig_assets.core.reports.lineage_trace import ScriptBehind
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

Node = tuple[str, str]

_WORDS = 8

# The words of each revision, as a script first, then as the variant that it was; $2 are
# the forgotten variants.
_TEXTS = """
SELECT revision_hash, coalesce(nullif(hook, ''), text) AS hook, topic, author, origin,
    simulated, 0 AS source
FROM scripts
WHERE script_id NOT IN (SELECT script_id FROM forgotten_scripts)
UNION ALL
SELECT v.revision_hash, v.hook, t.topic, v.model, 'generated', e.simulated, 1
FROM variants v
LEFT JOIN topics t ON t.month = v.month AND t.topic_id = v.topic_id
LEFT JOIN experiments e ON e.month = v.month AND e.topic_id = v.topic_id
WHERE NOT list_contains($2::TEXT[], v.variant_id)
"""

# kind: its labels, by id.
_LABELS = {
    "script": """
        SELECT script_id AS id,
            arg_max(coalesce(nullif(hook, ''), text), seen) AS words,
            arg_max(author, seen) AS author, arg_max(topic, seen) AS topic,
            bool_or(coalesce(simulated, FALSE)) AS simulated
        FROM (SELECT *, coalesce(first_seen_at, '1970-01-01') AS seen FROM scripts)
        WHERE script_id NOT IN (SELECT script_id FROM forgotten_scripts)
        GROUP BY script_id
    """,
    "variant": """
        SELECT v.variant_id AS id, v.hook AS words, v.model AS author, t.topic,
            FALSE AS simulated
        FROM variants v
        LEFT JOIN topics t ON t.month = v.month AND t.topic_id = v.topic_id
        WHERE NOT list_contains($2::TEXT[], v.variant_id)
    """,
    "revision": f"""
        SELECT revision_hash AS id, arg_min(hook, source) AS words,
            arg_min(author, source) AS author, arg_min(topic, source) AS topic,
            bool_or(coalesce(simulated, FALSE)) AS simulated
        FROM ({_TEXTS})
        GROUP BY revision_hash
    """,
    "post": """
        SELECT post_id AS id,
            concat_ws(' ', platform, 'post of', strftime(slot, '%Y-%m-%d')) AS words,
            NULL AS author, NULL AS topic, platform = 'simulated' AS simulated
        FROM posts
    """,
    "experiment": """
        SELECT e.experiment_id AS id,
            concat('test: ', coalesce(d.decision, 'undecided'),
                CASE WHEN h.cause IS NOT NULL THEN ', held' END) AS words,
            NULL AS author, t.topic, coalesce(e.simulated, FALSE) AS simulated
        FROM experiments e
        LEFT JOIN topics t ON t.month = e.month AND t.topic_id = e.topic_id
        LEFT JOIN latest_decisions d ON d.experiment_id = e.experiment_id
        LEFT JOIN held_winners h ON h.experiment_id = e.experiment_id
    """,
    "example": """
        SELECT example_id AS id,
            any_value(concat(CASE kind WHEN 'dpo' THEN 'preference pair'
                ELSE 'supervised example' END, ' of ', month, ', ', split)) AS words,
            NULL AS author, NULL AS topic, bool_or(coalesce(simulated, FALSE))
            AS simulated
        FROM training_examples
        GROUP BY example_id
    """,
    "dataset": """
        SELECT dataset_hash AS id,
            any_value(concat('training set of ', month)) AS words,
            NULL AS author, NULL AS topic, FALSE AS simulated
        FROM datasets
        GROUP BY dataset_hash
    """,
    "job": """
        SELECT job_id AS id, concat('fine-tune of ', month, ' by ', provider) AS words,
            NULL AS author, NULL AS topic, FALSE AS simulated
        FROM fine_tune_jobs
    """,
    "model": """
        SELECT model_id AS id, name AS words, NULL AS author, NULL AS topic,
            FALSE AS simulated
        FROM models
    """,
    "import": """
        SELECT import_id AS id, any_value(source_uri) AS words, NULL AS author,
            NULL AS topic, bool_or(coalesce(simulated, FALSE)) AS simulated
        FROM imports
        GROUP BY import_id
    """,
}

_SCRIPTS = f"""
SELECT revision_hash, arg_min(hook, source) AS hook, arg_min(topic, source) AS topic,
    arg_min(author, source) AS author, arg_min(origin, source) AS origin,
    bool_or(coalesce(simulated, FALSE)) AS simulated
FROM ({_TEXTS})
WHERE list_contains($1::TEXT[], revision_hash)
GROUP BY revision_hash
"""


@dataclass(frozen=True)
class ModelScript:
    """One text behind a model.

    `lines` is the number of examples that hold it as the better text, `in_model` how
    many of them the model learnt from. `first_words`, `topic`, `author` and `origin`
    are None for a text that was forgotten since, or where they are not known.
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


def labels(con: Connection, nodes: Iterable[Node]) -> Mapping[Node, str]:
    """A label for each node that the tables know, e.g. "Cut it thin (knives, Mara)"."""
    wanted = defaultdict(set)
    for kind, id in nodes:
        wanted[kind].add(id)
    forgotten = sorted(forgotten_variants(con))
    found = {}
    for kind, ids in wanted.items():
        if kind not in _LABELS:
            continue
        sql = (
            f"SELECT * FROM ({_LABELS[kind]}) WHERE list_contains($1::TEXT[], id) "
            "AND $2::TEXT[] IS NOT NULL"  # which not every label asks for
        )
        for row in fetch_dicts(con, sql, [sorted(ids), forgotten]):
            if label := _label(row):
                found[kind, row["id"]] = label
    return found


def scripts_of_model(
    con: Connection, behind: Sequence[ScriptBehind]
) -> list[ModelScript]:
    """The texts of a model's examples, those that it learnt from first."""
    groups: dict[str, list[ScriptBehind]] = defaultdict(list)
    for example in behind:
        groups[example.revision_hash or f"example {example.example_id}"].append(example)
    known = {
        row["revision_hash"]: row
        for row in fetch_dicts(
            con, _SCRIPTS, [sorted(groups), sorted(forgotten_variants(con))]
        )
    }
    texts = [
        _model_script(examples, known.get(key, {})) for key, examples in groups.items()
    ]
    return sorted(texts, key=lambda text: (not text.in_model, -text.lines, text.id))


_RANKER = """
SELECT count(*) AS posts, count(DISTINCT a.experiment_id) AS tests,
    count(DISTINCT coalesce(a.script_id, a.variant_id)) AS scripts,
    count(*) FILTER (WHERE e.simulated) AS simulated,
    count(*) FILTER (WHERE a.script_id IN (SELECT script_id FROM forgotten_scripts)
        OR list_contains($2::TEXT[], a.variant_id)) AS forgotten
FROM ranker_arms AS a
LEFT JOIN experiments AS e ON e.experiment_id = a.experiment_id
WHERE a.model_id = $1
"""


def ranker_sentence(con: Connection, model_id: str) -> str:
    """How many posts a ranker learnt from, and how many of these were forgotten."""
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
    """How many texts a model learnt from, whose they are, and what is simulated."""
    learnt = [text for text in texts if text.in_model]
    if not texts:
        return f"{name} was not fine-tuned here: no script of yours is behind it."
    if not learnt:
        return f"{name} learnt from none of the {_count(texts)} of its training set."
    origins = Counter(text.origin or "unknown origin" for text in learnt)
    parts = ", ".join(
        f"{n} from {origin}" if origin == "history" else f"{n} {origin}"
        for origin, n in sorted(origins.items())
    )
    rest = len(texts) - len(learnt)
    sentence = f"{name} learnt from {_count(learnt)} ({parts})"
    sentence += f", {_simulated(learnt)}."
    if rest:
        sentence += f" {rest} more of its training set it did not learn from."
    return sentence


def _model_script(
    examples: Sequence[ScriptBehind], row: Mapping[str, Any]
) -> ModelScript:
    first = examples[0]
    return ModelScript(
        first_words=first_words(row.get("hook")),
        topic=row.get("topic"),
        author=row.get("author"),
        origin=row.get("origin"),
        simulated=bool(row.get("simulated")),
        lines=len(examples),
        in_model=sum(example.in_model for example in examples),
        why="; ".join(dict.fromkeys(example.reason for example in examples)),
        id=first.script_id or first.variant_id or f"example {first.example_id}",
        revision=first.revision_hash,
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


def _label(row: Mapping[str, Any]) -> str:
    about = ", ".join(part for part in (row["topic"], row["author"]) if part)
    label = first_words(row["words"]) or ""
    label += f" ({about})" if about else ""
    return label + (" [simulated]" if row["simulated"] else "")


def first_words(text: str | None) -> str | None:
    """The first eight words, with … where there are more; None without a text."""
    if text is None:
        return None
    words = text.split()
    return " ".join(words[:_WORDS]) + (" …" if len(words) > _WORDS else "")

"""Finds all traces of scripts before anything is deleted; it only reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from ig_assets.core.corpus.embedding.chunking import sentence_runs
from ig_assets.core.forgetting.traces.alike import (
    scripts_of_same_letters,
    similar_scripts,
)
from ig_assets.core.forgetting.traces.copies import (
    Bounds,
    GeneratedText,
    copies,
    generated_texts,
)
from ig_assets.core.forgetting.traces.found import Found
from ig_assets.core.forgetting.traces.remarks import quoted_passages
from ig_assets.core.identity import forgotten_hashes, text_hash
from ig_assets.core.models.learnt_examples import models_of_examples
from ig_assets.core.models.registry import list_models
from ig_assets.warehouse.forgetting.erasure import WINNER, Erasure
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

_SAME_WORDS = """
    SELECT DISTINCT script_id
    FROM scripts
    WHERE revision_hash IN (
        SELECT revision_hash
        FROM scripts
        WHERE script_id IN (SELECT unnest(?::TEXT[]))
    )
"""

# A variant's final words also where they became a script, or were published as one.
_OWN_VARIANTS = """
    SELECT variant_id
    FROM variants
    WHERE 'winner/' || variant_id IN (SELECT unnest($1::TEXT[]))
        OR variant_id IN (
            SELECT variant_id
            FROM scripts
            WHERE script_id IN (SELECT unnest($1::TEXT[]))
        )
        OR revision_hash IN (
            SELECT revision_hash
            FROM scripts
            WHERE script_id IN (SELECT unnest($1::TEXT[]))
        )
"""

_EXAMPLES = """
    SELECT DISTINCT example_id
    FROM training_examples
    WHERE script_id IN (SELECT unnest($1::TEXT[]))
        OR variant_id IN (SELECT unnest($2::TEXT[]))
        OR revision_hash IN (SELECT unnest($3::TEXT[]))
        OR rejected_revision_hash IN (SELECT unnest($3::TEXT[]))
        OR example_id IN (
            SELECT child_id
            FROM edges
            WHERE child_kind = 'example'
                AND (
                    parent_kind = 'script' AND parent_id IN (SELECT unnest($1::TEXT[]))
                    OR parent_kind = 'variant'
                        AND parent_id IN (SELECT unnest($2::TEXT[]))
                    OR parent_kind = 'revision'
                        AND parent_id IN (SELECT unnest($3::TEXT[]))
                )
        )
    ORDER BY example_id
"""

_EXAMPLE_TEXTS = """
    SELECT DISTINCT example_id, completion, revision_hash
    FROM training_examples
    WHERE completion <> ''
    UNION
    SELECT DISTINCT example_id, rejected, rejected_revision_hash
    FROM training_examples
    WHERE rejected <> ''
"""

# Other arms of a test that one of the scripts was an arm of.
_ARMS = """
    SELECT DISTINCT s.script_id, s.text
    FROM posts AS p
    JOIN posts AS o
        ON o.experiment_id = p.experiment_id
    JOIN scripts AS s
        ON s.script_id = o.script_id
    WHERE p.script_id IN (SELECT unnest($1::TEXT[]))
        AND NOT list_contains($1::TEXT[], s.script_id)
        AND s.text <> ''
    ORDER BY s.script_id, s.text
"""

_INFLUENCED = """
    SELECT DISTINCT variant_id
    FROM retrievals
    WHERE script_id IN (SELECT unnest(?::TEXT[]))
        AND NOT list_contains(?::TEXT[], variant_id)
    ORDER BY variant_id
"""

_PUBLISHED = """
    SELECT post_id, platform, platform_post_id, (
        SELECT min(value)
        FROM vendor_post_names AS n
        WHERE n.post_id = posts.post_id AND n.kind = 'permalink'
    ) AS permalink, coalesce((
        SELECT bool_or(e.simulated)
        FROM experiments AS e
        WHERE e.experiment_id = posts.experiment_id
    ), FALSE) AS simulated
    FROM posts
    WHERE status IN ('published', 'placed', 'ambiguous')
        AND (
            script_id IN (SELECT unnest($1::TEXT[]))
            OR variant_id IN (SELECT unnest($2::TEXT[]))
            OR published_revision_hash IN (SELECT unnest($3::TEXT[]))
        )
    ORDER BY post_id
"""

_BATCHES = """
    SELECT DISTINCT b.provider, b.batch_id
    FROM embedding_batch_inputs AS i
    JOIN embedding_batch_lines AS l
        ON l.custom_id = i.custom_id
    JOIN embedding_batches AS b
        ON b.intent_key = l.intent_key
    WHERE b.batch_id IS NOT NULL
        AND i.content_hash IN (SELECT unnest(?::TEXT[]))
    ORDER BY b.batch_id
"""

_PROVIDERS = """
    SELECT DISTINCT provider
    FROM api_calls
    WHERE status <> 'reserved'
        AND provider <> 'local'
        AND operation IN ('ingest', 'generate', 'polish', 'judge')
    ORDER BY provider
"""

# A script's hook alone has a vector too, of which a ranker makes its features.
_HOOKS = """
    SELECT hook
    FROM scripts
    WHERE script_id IN (SELECT unnest($1::TEXT[]))
        AND hook <> ''
    UNION
    SELECT hook
    FROM variants
    WHERE variant_id IN (SELECT unnest($2::TEXT[]))
        AND hook <> ''
    UNION
    SELECT hook
    FROM post_edits
    WHERE variant_id IN (SELECT unnest($2::TEXT[]))
        AND hook <> ''
"""

_STORED_VECTORS = """
    SELECT content_hash
    FROM embeddings
    UNION
    SELECT hook_hash
    FROM hook_vectors
"""


@dataclass
class _Lists:
    """The lists of an erasure while they are collected."""

    variants: set[str] = field(default_factory=set)
    drafts: set[str] = field(default_factory=set)
    attempts: set[str] = field(default_factory=set)
    edits: set[str] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)

    def take(self, written: GeneratedText) -> None:
        getattr(self, written.stage).add(written.key)
        self.texts.append(written.text)


def find(
    con: Connection,
    erasure: Erasure,
    named: Collection[str],
    bounds: Bounds,
    known: Found | None = None,
) -> Found:
    """Return all traces of the named scripts; fill the lists of the erasure.

    Texts that copied the words of these scripts are erased too; copies of copies are
    not. `known` has what an earlier search found: words that may be erased already, and
    arms.
    """
    known = known or Found(erasure)
    scripts = set(named) | _column(con, _SAME_WORDS, [sorted(named)])
    same_words = scripts - set(named)
    arms = {*known.sibling_arms} | _sibling_arms(con, scripts, bounds)
    scripts |= arms
    texts = [*known.own, *_script_texts(con, scripts)]
    texts += _example_texts(con, {h for _, h in _revisions(con, scripts, ())})
    written = generated_texts(con)
    own = _column(con, _OWN_VARIANTS, [sorted(scripts)])
    lists = _Lists()
    for one in (one for one in written if one.variant_id in own):
        lists.take(one)
    words = [*texts, *(one.text for one in written if one.key in own)]
    own_hashes = {text_hash(text) for text in words}
    others = [one for one in written if one.variant_id not in own]
    copied_words = {one for one in others if text_hash(one.text) in own_hashes}
    for one in copied_words | {*copies(others, words, bounds)}:
        lists.take(one)
    copied = lists.variants - own
    promoted = {f"{WINNER}{variant_id}" for variant_id in copied}
    scripts |= promoted & _column(con, "SELECT script_id FROM scripts", [])
    all_texts = [*texts, *_script_texts(con, scripts), *sorted(lists.texts)]
    hashes = {text_hash(text) for text in all_texts}
    revisions = _revisions(con, scripts, lists.variants)
    hashes |= {revision_hash for _, revision_hash in revisions}
    vectors = hashes | {text_hash(c) for t in all_texts for c in sentence_runs(t)}
    keys = [sorted(scripts), sorted(lists.variants), sorted(hashes)]
    vectors |= {text_hash(hook) for hook in _column(con, _HOOKS, keys[:2])}
    stored = _column(con, _STORED_VECTORS, [])
    examples = sorted(
        _column(con, _EXAMPLES, keys) | _examples_by_words(con, hashes, words, bounds)
    )
    learnt, near = models_of_examples(con, examples)
    same_letters = scripts_of_same_letters(con, scripts, words)
    return Found(
        erasure=dataclasses.replace(
            erasure,
            scripts=tuple(sorted(scripts)),
            revisions=tuple(sorted(revisions)),
            variants=tuple(sorted(lists.variants)),
            drafts=tuple(sorted(lists.drafts)),
            attempts=tuple(sorted(lists.attempts)),
            edits=tuple(sorted(lists.edits)),
            contents=tuple(sorted(hashes | (vectors & stored))),
            examples=tuple(examples),
            models=tuple(learnt),
            words=tuple(sorted({h for t in all_texts for h in forgotten_hashes(t)})),
        ),
        texts=tuple(dict.fromkeys(all_texts)),
        own=tuple(dict.fromkeys(words)),
        quoted=tuple(quoted_passages(con, scripts)),
        same_words=tuple(sorted(same_words)),
        sibling_arms=tuple(sorted(arms)),
        copied=tuple(sorted(copied)),
        same_letters=tuple(same_letters),
        influenced=tuple(sorted(_column(con, _INFLUENCED, [sorted(scripts), keys[1]]))),
        influenced_models=tuple(near),
        similar=tuple(similar_scripts(con, scripts | {*same_letters}, words, bounds)),
        published=tuple(fetch_dicts(con, _PUBLISHED, keys)),
        vendors=tuple(_vendors(con, keys[2])),
        active_model=next(
            (m.model_id for m in list_models(con) if m.status == "active"), None
        ),
    )


def _column(con: Connection, sql: str, parameters: list[Any]) -> set[str]:
    return {str(row[0]) for row in con.execute(sql, parameters).fetchall()}


def _script_texts(con: Connection, scripts: Collection[str]) -> list[str]:
    rows = con.execute(
        "SELECT DISTINCT text FROM scripts "
        "WHERE script_id IN (SELECT unnest(?::TEXT[])) AND text <> '' ORDER BY text",
        [sorted(scripts)],
    ).fetchall()
    return [str(text) for (text,) in rows]


def _sibling_arms(
    con: Connection, scripts: Collection[str], bounds: Bounds
) -> set[str]:
    """Return ids of scripts in the same tests that share too many words with these."""
    rows = con.execute(_ARMS, [sorted(scripts)]).fetchall()
    arms = [GeneratedText("", script_id, "", text) for script_id, text in rows]
    found = copies(arms, _script_texts(con, scripts), bounds) if arms else []
    return {one.key for one in found}


def _revisions(
    con: Connection, scripts: Collection[str], variants: Collection[str]
) -> set[tuple[str, str]]:
    """Return (script id, revision hash) pairs; a variant has its id as a winner."""
    rows = con.execute(
        """
        SELECT script_id, revision_hash
        FROM scripts
        WHERE script_id IN (SELECT unnest($1::TEXT[]))
        UNION
        SELECT script_id, revision_hash
        FROM script_status
        WHERE script_id IN (SELECT unnest($1::TEXT[]))
        UNION
        SELECT 'winner/' || variant_id, revision_hash
        FROM variants
        WHERE variant_id IN (SELECT unnest($2::TEXT[]))
        UNION
        SELECT 'winner/' || variant_id, revision_hash
        FROM post_edits
        WHERE variant_id IN (SELECT unnest($2::TEXT[]))
        """,
        [sorted(scripts), sorted(variants)],
    ).fetchall()
    return {(str(i), str(words)) for i, words in rows if words}


def _examples_by_words(
    con: Connection, hashes: Collection[str], words: Sequence[str], bounds: Bounds
) -> set[str]:
    """Return ids of training examples with the scripts' words that name no script.

    They have exactly the words or, if they name no revision, copied too many of them.
    """
    rows = con.execute(_EXAMPLE_TEXTS).fetchall()
    found = {str(i) for i, text, _ in rows if text_hash(text) in hashes}
    unnamed = [
        GeneratedText("", example_id, "", text)
        for example_id, text, revision_hash in rows
        if revision_hash is None
    ]
    return found | {one.key for one in copies(unnamed, words, bounds)}


def _example_texts(con: Connection, hashes: Collection[str]) -> list[str]:
    """Return the texts of training examples whose hash is one of `hashes`."""
    rows = con.execute(_EXAMPLE_TEXTS).fetchall()
    return sorted({str(text) for _, text, _ in rows if text_hash(text) in hashes})


def _vendors(con: Connection, hashes: list[str]) -> list[dict[str, Any]]:
    """Return one row for each vendor's copies that this program cannot delete."""
    batches = con.execute(_BATCHES, [hashes]).fetchall()
    found: list[dict[str, Any]] = [
        {"vendor": provider, "holds": f"files of batch {batch_id}", "batch": batch_id}
        for provider, batch_id in batches
    ]
    found += [
        {"vendor": provider, "holds": "requests with scripts in their text"}
        for provider in sorted(_column(con, _PROVIDERS, []))
    ]
    return found

"""Variants: every draft is polished, measured against the corpus and its siblings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ig_assets.core.costs.ledger import Ledger, RunRef
from ig_assets.core.generation import prompts
from ig_assets.core.generation.drafting import WriterOf
from ig_assets.core.generation.arms import WritingModel
from ig_assets.core.generation.novelty import novelty, sibling_similarity, word_runs
from ig_assets.core.generation.script import HOOK_STYLES, language_name
from ig_assets.core.generation.writing import Sampling, Written, write_script
from ig_assets.core.identity import seeded_unit, text_hash
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.warehouse.connection import Connection
from ig_assets.warehouse.rows import fetch_dicts, merge_rows

Runs = set[tuple[str, ...]]


@dataclass(frozen=True)
class Gates:
    """What a variant must measure up to; both are shares, 0 to 1."""

    novelty_floor: float
    sibling_ceiling: float = 0.8


@dataclass(frozen=True)
class Polishing:
    """Everything that polishing needs from outside; `model` does the polishing."""

    ledger: Ledger
    writer_of: WriterOf
    model: WritingModel
    gates: Gates
    seed: int
    temperature: float


@dataclass(frozen=True)
class VariantSummary:
    """What a materialisation made."""

    drafts: int
    kept: int
    polished: int
    draft_kept: int
    rejected: int


def polish_drafts(polishing: Polishing, month: str, run: RunRef) -> VariantSummary:
    """Polish the month's drafts that have no variant yet, each committed as it comes.

    Where the polished text is malformed or fails a gate, the draft itself stands if
    it passes; else the variant is rejected with its figures. A rejected draft is a
    rejected variant. Raises as `write_script` does.
    """
    ledger = polishing.ledger
    ledger.mark_unknown(run)
    with ledger.warehouse.transaction() as con:
        drafts = _unpolished(con, month)
        corpus = _corpus_runs(con)
        texts = _variant_texts(con, month)
    counts = {"polished": 0, "draft_kept": 0, "rejected": 0}
    for draft in drafts:
        siblings = texts.setdefault(draft["topic_id"], {})
        outcome, text = _polish(polishing, draft, corpus, siblings, run)
        counts[outcome] += 1
        if outcome != "rejected":
            siblings[draft["arm"]] = text
    with ledger.warehouse.transaction() as con:
        (total,) = con.execute(
            "SELECT count(*) FROM drafts WHERE month = ?", [month]
        ).fetchall()[0]
    return VariantSummary(drafts=total, kept=total - len(drafts), **counts)


def _polish(
    polishing: Polishing,
    draft: dict[str, Any],
    corpus: list[Runs],
    siblings: dict[str, str],
    run: RunRef,
) -> tuple[str, str]:
    others = _comparable(draft["arm"], siblings)
    now = polishing.ledger.clock.now()
    final: list[tuple[str, str]] = []

    def record(con: Connection, written: Written) -> None:
        chosen, outcome = _choose(polishing.gates, draft, written, corpus, others)
        row = _row(draft, chosen, now) | {
            "prompt_hash": prompt.prompt_hash,
            "novelty": novelty(chosen.text, corpus) if chosen.text else None,
            "sibling_similarity": (
                sibling_similarity(chosen.text, others) if chosen.text else None
            ),
        }
        merge_rows(con, "variants", [row])
        if polishing.model.model_id != draft["model_id"]:
            edge = Edge(
                "variant",
                draft["variant_id"],
                "model",
                polishing.model.model_id,
                "polished_by",
            )
            record_edges(con, [edge], run.run_id, now)
        final.append((outcome, chosen.text))

    prompt = prompts.render(
        prompts.POLISH,
        prompts.DRAFT_INSTRUCTIONS,
        topic=draft["topic"],
        language_name=language_name(draft["language"]),
        hook_style=draft["hook_style"],
        hook_hint=HOOK_STYLES[draft["hook_style"]],
        draft=draft["text"],
    )
    if draft["rejection"]:
        nothing = Written("", "", "", "", draft["model"], "", {}, draft["rejection"])
        with polishing.ledger.warehouse.transaction() as con:
            record(con, nothing)
        return final[-1]
    seed = int(seeded_unit(polishing.seed, "polish", draft["variant_id"]) * 2**31)
    write_script(
        polishing.ledger,
        polishing.writer_of(polishing.model),
        prompt,
        Sampling(polishing.temperature, seed),
        "polish",
        replace(run, subject=draft["variant_id"]),
        record,
    )
    return final[-1]


def _choose(
    gates: Gates,
    draft: dict[str, Any],
    polished: Written,
    corpus: list[Runs],
    siblings: Sequence[str],
) -> tuple[Written, str]:
    """The polished text, else the draft, else a rejection with its figures."""
    if draft["rejection"]:
        return polished, "rejected"
    why_not = polished.rejection or _failed_gate(gates, polished.text, corpus, siblings)
    if why_not is None:
        return polished, "polished"
    as_drafted = Written(
        draft["hook"],
        draft["body"],
        draft["call_to_action"],
        draft["text"],
        draft["model"],
        draft["request_hash"],
        json.loads(draft["settings"] or "{}") | {"kept_the_draft": why_not},
    )
    draft_fails = _failed_gate(gates, draft["text"], corpus, siblings)
    if draft_fails is None:
        return as_drafted, "draft_kept"
    return replace(as_drafted, rejection=draft_fails), "rejected"


def _failed_gate(
    gates: Gates, text: str, corpus: list[Runs], siblings: Sequence[str]
) -> str | None:
    new = novelty(text, corpus)
    if new < gates.novelty_floor:
        return f"novelty {new:.2f} is below {gates.novelty_floor:.2f}"
    alike = sibling_similarity(text, siblings)
    if alike > gates.sibling_ceiling:
        return f"similarity to a sibling {alike:.2f} is above {gates.sibling_ceiling}"
    return None


def _comparable(arm: str, siblings: dict[str, str]) -> list[str]:
    """The canary and control arms may resemble the arm that they are paired with."""
    if arm in ("canary", "control"):
        return []
    return [text for label, text in siblings.items() if label in "abc" and label != arm]


def _unpolished(con: Connection, month: str) -> list[dict[str, Any]]:
    return fetch_dicts(
        con,
        """
        SELECT d.*, t.topic, t.language
        FROM drafts AS d
        JOIN topics AS t ON t.month = d.month AND t.topic_id = d.topic_id
        LEFT JOIN variants AS v ON v.variant_id = d.variant_id
        WHERE d.month = ? AND v.variant_id IS NULL
        ORDER BY t.due_on, d.topic_id, d.arm
        """,
        [month],
    )


def _corpus_runs(con: Connection) -> list[Runs]:
    rows = con.execute("SELECT DISTINCT text FROM scripts").fetchall()
    return [word_runs(text) for (text,) in rows]


def _variant_texts(con: Connection, month: str) -> dict[str, dict[str, str]]:
    rows = con.execute(
        "SELECT topic_id, arm, text FROM variants "
        "WHERE month = ? AND rejection IS NULL",
        [month],
    ).fetchall()
    texts: dict[str, dict[str, str]] = {}
    for topic_id, arm, text in rows:
        texts.setdefault(topic_id, {})[arm] = text
    return texts


def _row(draft: dict[str, Any], chosen: Written, now: object) -> dict[str, object]:
    kept = (
        "variant_id month topic_id arm hook_style provider model_id "
        "is_canary is_control"
    )
    return {name: draft[name] for name in kept.split()} | {
        "hook": chosen.hook,
        "body": chosen.body,
        "call_to_action": chosen.call_to_action,
        "text": chosen.text,
        "revision_hash": text_hash(chosen.text) if chosen.text else None,
        "model": chosen.model,
        "request_hash": chosen.request_hash,
        "settings": json.dumps(chosen.settings, sort_keys=True),
        "rejection": chosen.rejection,
        "created_at": now,
    }

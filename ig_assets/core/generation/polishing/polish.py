"""Turns drafts into variants: polishes, measures, and retries failed texts."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

from ig_assets.core.costs.concurrency import run_bounded
from ig_assets.core.costs.ledger.ledger import RunRef
from ig_assets.core.generation.gates.novelty import CorpusRuns
from ig_assets.core.generation.polishing.attempts import earlier_attempts
from ig_assets.core.generation.polishing.regenerate import (
    DraftPolisher,
    MonthState,
    Polishing,
    RegenerationResult,
    Row,
)
from ig_assets.core.generation.polishing.variants import (
    corpus_texts,
    record_variant,
    unpolished,
    variant_texts,
)
from ig_assets.core.operations.progress import Progress
from ig_assets.errors import BudgetError


@dataclass(frozen=True)
class VariantSummary:
    """The numbers of a month's drafts, and of the outcomes of this run.

    `drafts` is the number of all drafts, `kept` the number of drafts that had a variant
    before. `polished`, `draft_kept` and `rejected` are the outcomes; `regenerated` of
    them took more than one attempt.
    """

    drafts: int
    kept: int
    polished: int
    draft_kept: int
    regenerated: int
    rejected: int


def polish_drafts(
    polishing: Polishing, month: str, run: RunRef, topic_id: str | None = None
) -> VariantSummary:
    """Polish the drafts without a variant of a month, or of one topic.

    If the polished text is malformed or fails a gate, the draft becomes the variant if
    it passes; otherwise it is polished again with the next seed and feedback. After
    `regenerations` more attempts the variant is rejected with its figures. A rejected
    draft becomes a rejected variant.

    Each variant is committed once it is done. Topics are polished concurrently and the
    arms of one topic in order, so that no result depends on timing. Raises as
    `write_script` does; BudgetError says how many drafts are left.
    """
    ledger = polishing.ledger
    ledger.mark_unknown(run)
    with ledger.warehouse.transaction() as con:
        drafts = unpolished(con, month, topic_id)
        state = MonthState(
            CorpusRuns(corpus_texts(con)),
            variant_texts(con, month),
            earlier_attempts(con, [draft["variant_id"] for draft in drafts]),
        )
    jobs = [
        partial(_polish_topic, polishing, list(arms), state, run)
        for _, arms in groupby(drafts, key=lambda draft: draft["topic_id"])
    ]
    progress = Progress("variants", len(drafts))
    try:
        with ledger.interruptible(run):
            done = run_bounded(
                jobs, polishing.max_in_flight, lambda arms: progress.add(len(arms))
            )
    except BudgetError as error:
        with ledger.warehouse.transaction() as con:
            left = len(unpolished(con, month, topic_id))
        raise BudgetError(
            f"{error} {len(drafts) - left} of {len(drafts)} drafts are polished, "
            f"{left} are left for the next run."
        ) from None
    outcomes = [outcome for topic in done for outcome in topic]
    with ledger.warehouse.transaction() as con:
        (total,) = con.execute(
            "SELECT count(*) FROM drafts "
            "WHERE month = ? AND (? IS NULL OR topic_id = ?)",
            [month, topic_id, topic_id],
        ).fetchall()[0]
    kinds = Counter(outcome.kind for outcome in outcomes)
    return VariantSummary(
        drafts=total,
        kept=total - len(drafts),
        polished=kinds["polished"],
        draft_kept=kinds["draft_kept"],
        regenerated=sum(outcome.attempts > 1 for outcome in outcomes),
        rejected=kinds["rejected"],
    )


def _polish_topic(
    polishing: Polishing,
    drafts: Sequence[Row],
    state: MonthState,
    run: RunRef,
    halt: threading.Event,
) -> list[RegenerationResult]:
    """Polish the arms of a topic in order, each measured against those before it."""
    siblings = dict(state.texts.get(drafts[0]["topic_id"], {}))
    outcomes = []
    for draft in drafts:
        others = comparable(draft["arm"], siblings)
        outcome = DraftPolisher(polishing, draft, state, others, run, halt).outcome()
        outcome = _refuse_same(outcome, draft, siblings)
        record_variant(polishing, draft, outcome, run)
        if outcome.kind != "rejected":
            siblings[draft["arm"]] = outcome.chosen.written.text
        outcomes.append(outcome)
    return outcomes


def comparable(arm: str, siblings: dict[str, str]) -> list[str] | None:
    """Return the texts that an arm must differ from, or None if there are none.

    Canary and control arms have none, since they may resemble the arm that they are
    paired with.
    """
    if arm in ("canary", "control"):
        return None
    apart = ("canary", "control", arm)
    return [text for label, text in siblings.items() if label not in apart]


def _refuse_same(
    outcome: RegenerationResult, draft: Row, siblings: dict[str, str]
) -> RegenerationResult:
    """Reject a canary's text that has the words of arm a, b or a later one.

    Posts of the same words say nothing of the models that wrote them. A control arm may
    have the words of another arm: without these topics, the loop would seem to gain
    more over its control arms than it does.
    """
    written = outcome.chosen.written
    same = [
        arm
        for arm, text in sorted(siblings.items())
        if arm != "control" and text == written.text
    ]
    if not draft["is_canary"] or outcome.kind == "rejected" or not same:
        return outcome
    why_not = f"the words are those of arm {same[0]}, so that posts compare nothing"
    chosen = replace(outcome.chosen, written=replace(written, rejection=why_not))
    return replace(outcome, kind="rejected", chosen=chosen)

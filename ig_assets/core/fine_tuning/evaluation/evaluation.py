"""Compares a candidate with the active model on held-out pairs, as a smoke test.

Both models write for the same held-out prompt with the same seed. A text that is nearer
to the held-out winner than to its loser scores higher. A few texts can show that a
candidate is not broken; only the audience can show whether it is better (see
`canary.py`).
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from ig_assets.core.costs.cancellation import CancelledError
from ig_assets.core.costs.concurrency import run_bounded
from ig_assets.core.fine_tuning.evaluation.judged_pairs import in_both_orders
from ig_assets.core.fine_tuning.evaluation.preference_accuracy import (
    PairLikelihood,
    PreferenceAccuracy,
    finished_likelihoods,
    preference_accuracy,
)
from ig_assets.core.fine_tuning.evaluation.self_bleu import self_bleu, shared_length
from ig_assets.core.fine_tuning.evaluation.text_figures import figures_of
from ig_assets.core.fine_tuning.evaluation.verdict import (
    FEWEST_PAIRS,
    INSUFFICIENT,
    MARGIN,
    verdict,
)
from ig_assets.core.fine_tuning.training_set.train_validation_split import normalise_key
from ig_assets.core.generation.gates.novelty import CorpusRuns
from ig_assets.core.identity import seeded_unit
from ig_assets.core.models.registry import ModelRow
from ig_assets.core.ports import Clock, Vectors
from ig_assets.errors import MalformedAnswerError
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse


@dataclass(frozen=True)
class HeldOutExample:
    """A preference pair of the validation split; `seed` is for sampling, < 2^31."""

    example_id: str
    prompt: str
    winner: str
    loser: str
    seed: int


@dataclass(frozen=True)
class WrittenText:
    """The text that a model wrote; `text` is None if its answer cannot be used."""

    text: str | None


@dataclass(frozen=True)
class EvaluationSummary:
    """Means over n held-out pairs; a score is 0 (malformed) to 3, usually near 1.

    `preference` is better, worse, undecided or insufficient (fewer than 30 pairs). It
    follows `accuracy` if both models give log-probabilities. Otherwise it follows the
    judge if the judge gave the same verdict in both orders for at least 30 pairs, and
    else the scores. `accuracy` is None without log-probabilities. `passed` says whether
    the candidate may become the canary.
    """

    n: int
    mean_score: float | None
    mean_against: float | None
    passed: bool
    reason: str
    preference: str = INSUFFICIENT
    accuracy: PreferenceAccuracy | None = None


Write = Callable[[ModelRow, HeldOutExample], WrittenText]
Embed = Callable[[Sequence[str]], Vectors]
Judge = Callable[[HeldOutExample, str, str], int | None]
FindLikelihood = Callable[[ModelRow, HeldOutExample], PairLikelihood | None]


@dataclass(frozen=True)
class Evaluator:
    """The settings and functions with which two models are compared.

    `write` returns a model's text for an example, `embed` unit vectors of texts (n,
    dimensions). At most `n_topics` groups are drawn with `seed`, one pair from each.
    `margin` is how much lower the candidate's mean score may be, see `evaluation_of`.
    `likelihood` returns how likely a model finds a pair's texts, None where they have
    no likelihood; it is None if one of the models gives no log-probabilities. Then
    `judge` returns which of two written texts is better (0 or 1). Neither is called for
    fewer than 30 pairs, which are too few for a conclusion. At most `max_in_flight`
    texts are written concurrently.
    """

    warehouse: Warehouse
    clock: Clock
    write: Write
    embed: Embed
    n_topics: int
    seed: int
    margin: float = MARGIN
    judge: Judge | None = None
    likelihood: FindLikelihood | None = None
    max_in_flight: int = 1


def evaluate_model(
    evaluator: Evaluator, month: str, candidate: ModelRow, active: ModelRow
) -> EvaluationSummary:
    """Write, score and store each held-out pair that is not stored yet.

    A stored pair is compared anew if its log-probabilities are wanted and missing.
    Errors of `write`, `embed`, `judge` and `likelihood` pass through, except
    MalformedAnswerError of `write`, which scores 0; pairs that were stored before the
    error stay.
    """
    if candidate.model_id == active.model_id:
        reason = "The candidate is the active model already; nothing was compared."
        return EvaluationSummary(0, None, None, True, reason)
    warehouse = evaluator.warehouse
    with warehouse.transaction() as con:
        planned = held_out_examples(con, month, evaluator.n_topics, evaluator.seed)
        stored = _stored(con, candidate.model_id, active.model_id)
        trained_on = CorpusRuns(_training_texts(con, month))
    models = (candidate, active)
    enough = len(planned) >= FEWEST_PAIRS
    likelihood = evaluator.likelihood if enough else None
    judge = evaluator.judge if enough and likelihood is None else None
    missing = [
        example
        for example in planned
        if (detail := stored.get(example.example_id)) is None
        or (likelihood is not None and "likelihood" not in detail)
    ]
    phrases: tuple[list[str], list[str]] = ([], [])
    written: dict[tuple[str, str], _Written] = {}
    waiting = deque(missing)

    def take(one: _Written) -> None:
        written[one.example.example_id, one.model_id] = one
        # In the planned order, so that figures over the texts so far do not depend on
        # which text came first.
        while waiting:
            example = waiting[0]
            names = [(example.example_id, model.model_id) for model in models]
            if not all(name in written for name in names):
                return
            both = [written.pop(name) for name in names]
            of_pair = [one.text for one in both]
            more: dict[str, Any] = {"planned": len(planned)}
            more |= _phrases(phrases, of_pair) | _judged(judge, example, of_pair)
            if likelihood is not None:
                more["likelihood"] = _likelihoods(both)
            row = _row(evaluator, example, of_pair, trained_on, more) | {
                "model_id": candidate.model_id,
                "against_model_id": active.model_id,
                "month": month,
            }
            with warehouse.transaction() as con:
                merge_rows(con, "evaluations", [row], replace=likelihood is not None)
            waiting.popleft()

    jobs = [
        partial(_write, evaluator.write, likelihood, model, example)
        for example in missing
        for model in models
    ]
    run_bounded(jobs, evaluator.max_in_flight, take)
    with warehouse.transaction() as con:
        return evaluation_of(con, candidate.model_id, active.model_id, evaluator.margin)


def held_out_examples(
    con: Connection, month: str, n_topics: int, seed: int
) -> list[HeldOutExample]:
    """Return preference pairs of the validation split, one per group.

    At most `n_topics` groups are drawn with `seed`.
    """
    rows = fetch_dicts(
        con,
        """
        SELECT example_id, group_id, prompt, completion, rejected
        FROM training_examples
        WHERE month = ? AND kind = 'dpo' AND split = 'validation'
        ORDER BY example_id
        """,
        [month],
    )
    rows.sort(key=lambda row: seeded_unit(seed, "held out", row["example_id"]))
    of_group: dict[str, dict[str, Any]] = {}
    for row in rows:
        of_group.setdefault(row["group_id"], row)
    return [
        HeldOutExample(
            example_id=row["example_id"],
            prompt=row["prompt"],
            winner=row["completion"],
            loser=row["rejected"],
            seed=int(seeded_unit(seed, "sampling", row["example_id"]) * 2**31),
        )
        for row in list(of_group.values())[:n_topics]
    ]


def evaluation_of(
    con: Connection, model_id: str, against_model_id: str, margin: float = MARGIN
) -> EvaluationSummary:
    """Return the verdict on a candidate from the stored pairs.

    `passed` is true only if all planned pairs are stored. A candidate that is broken,
    inert or worse is refused with the reason (see `verdict.py`); so is one without
    stored pairs.
    """
    rows = con.execute(
        "SELECT score, against_score, detail FROM evaluations "
        "WHERE model_id = ? AND against_model_id = ? ORDER BY example_id",
        [model_id, against_model_id],
    ).fetchall()
    if not rows:
        reason = (
            "There is no held-out pair to compare on, so the candidate was not "
            "admitted; more decided experiments are needed."
        )
        return EvaluationSummary(0, None, None, False, reason)
    details = [json.loads(row[2]) for row in rows]
    mine, against = (float(np.mean([row[i] for row in rows])) for i in (0, 1))
    planned = max(int(detail["planned"]) for detail in details)
    if len(rows) < planned:
        reason = f"Only {len(rows)} of {planned} held-out pairs are finished."
        return EvaluationSummary(len(rows), mine, against, False, reason)
    asked, wanted = finished_likelihoods(details)
    if asked < wanted:
        reason = f"Only {asked} of {wanted} held-out pairs have log-probabilities."
        return EvaluationSummary(len(rows), mine, against, False, reason)
    found = verdict([row[0] for row in rows], [row[1] for row in rows], details, margin)
    return EvaluationSummary(
        len(rows),
        mine,
        against,
        found.passed,
        found.reason,
        found.preference,
        preference_accuracy(details),
    )


def _row(
    evaluator: Evaluator,
    example: HeldOutExample,
    texts: Sequence[str | None],
    trained_on: CorpusRuns,
    more: dict[str, Any],
) -> dict[str, Any]:
    """Return the columns of `evaluations`, with scores and figures of both texts."""
    score, against_score = _scores(texts, example, evaluator.embed)
    mine, others = (figures_of(text, trained_on) for text in texts)
    detail = {
        "seed": example.seed,
        "same": _same_words(texts),
        "candidate": asdict(mine),
        "active": asdict(others),
        **more,
    }
    return {
        "example_id": example.example_id,
        "score": score,
        "against_score": against_score,
        "detail": json.dumps(detail),
        "evaluated_at": evaluator.clock.now(),
    }


@dataclass(frozen=True)
class _Written:
    """What a model wrote for an example, and how likely it finds the example's pair."""

    example: HeldOutExample
    model_id: str
    text: str | None
    likelihood: PairLikelihood | None


def _write(
    write: Write,
    likelihood: FindLikelihood | None,
    model: ModelRow,
    example: HeldOutExample,
    halt: threading.Event,
) -> _Written:
    if halt.is_set():
        raise CancelledError("Another text failed, so that this one was not asked for.")
    try:
        text = write(model, example).text
    except MalformedAnswerError:
        text = None
    found = None if likelihood is None else likelihood(model, example)
    usable = text if text and text.strip() else None
    return _Written(example, model.model_id, usable, found)


def _likelihoods(both: Sequence[_Written]) -> dict[str, Any] | None:
    """Return the pair's likelihoods under each model; None if one has none."""
    mine, others = (one.likelihood for one in both)
    if mine is None or others is None:
        return None
    return {"candidate": asdict(mine), "active": asdict(others)}


def _phrases(
    written: tuple[list[str], list[str]], texts: Sequence[str | None]
) -> dict[str, Any]:
    """Add a pair of texts to `written`; return the self-BLEU of both models.

    It covers all texts of this run so far. Texts are only kept in memory, so after a
    crash the texts of earlier runs are missing. The result is empty while there are too
    few texts.
    """
    for of_model, text in zip(written, texts, strict=True):
        if text is not None:
            of_model.append(text)
    words = shared_length(*written)
    mine, others = (self_bleu(of_model, words) for of_model in written)
    if mine is None or others is None:
        return {}
    figure = {"candidate": mine, "active": others, "words": words}
    return {"self_bleu": figure | {"texts": sum(map(len, written))}}


def _judged(
    judge: Judge | None, example: HeldOutExample, texts: Sequence[str | None]
) -> dict[str, int]:
    """Return the judge's verdict on two usable texts that differ, otherwise {}."""
    mine, others = texts
    if judge is None or mine is None or others is None or _same_words(texts):
        return {}
    return {"judged": in_both_orders(partial(judge, example), mine, others)}


def _scores(
    texts: Sequence[str | None], example: HeldOutExample, embed: Embed
) -> list[float]:
    """Return 1 + cosine to the winner - cosine to the loser; 0 for a malformed text."""
    usable = [text for text in texts if text is not None]
    if not usable:
        return [0.0 for _ in texts]
    vectors = embed([example.winner, example.loser, *usable])
    towards = vectors[2:] @ (vectors[0] - vectors[1])
    scored = iter(towards.tolist())
    return [0.0 if text is None else 1.0 + next(scored) for text in texts]


def _stored(
    con: Connection, model_id: str, against_model_id: str
) -> dict[str, dict[str, Any]]:
    """Return the detail of each stored pair, by example id."""
    rows = con.execute(
        "SELECT example_id, detail FROM evaluations "
        "WHERE model_id = ? AND against_model_id = ?",
        [model_id, against_model_id],
    ).fetchall()
    return {str(example_id): json.loads(detail) for example_id, detail in rows}


def _training_texts(con: Connection, month: str) -> list[str]:
    rows = con.execute(
        """
        SELECT DISTINCT completion
        FROM training_examples
        WHERE month = ? AND split = 'train'
        ORDER BY completion
        """,
        [month],
    ).fetchall()
    return [str(text) for (text,) in rows]


def _same_words(texts: Sequence[str | None]) -> bool:
    """Return whether all models wrote the same words."""
    return None not in texts and len({normalise_key(t or "") for t in texts}) == 1

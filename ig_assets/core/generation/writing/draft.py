"""Writes a draft for every planned arm that has none, one row per arm."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ig_assets.core.corpus.search.retrieve import RetrievedScript
from ig_assets.core.costs.concurrency import run_bounded
from ig_assets.core.costs.ledger.ledger import Ledger, RunRef
from ig_assets.core.generation import prompts
from ig_assets.core.generation.gates.spoken_length import spoken_seconds
from ig_assets.core.generation.writing.arms import PlannedArm, WritingModel
from ig_assets.core.generation.writing.forms import Brief, Form, draft_form
from ig_assets.core.generation.writing.schema import beats_json
from ig_assets.core.generation.writing.write import (
    ScriptRequest,
    WriterAnswer,
    write_script,
)
from ig_assets.core.identity import seeded_unit
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.operations.progress import Progress
from ig_assets.core.ports import Writer
from ig_assets.errors import BudgetError, ContextTooLongError
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection

Retrieve = Callable[[PlannedArm], Sequence[RetrievedScript]]
WriterOf = Callable[[WritingModel], Writer]
ExamplesOf = Callable[[WritingModel], Sequence[str]]


@dataclass(frozen=True)
class DraftSummary:
    """The numbers of arms; `rejected` are among those `written` in this run."""

    planned: int
    kept: int
    written: int
    rejected: int


@dataclass(frozen=True)
class Drafting:
    """The services and settings that writing drafts uses.

    `examples_of` returns the example scripts of a few-shot model, `retrieve` the
    scripts that ground an arm. Without `keep` a draft is returned and not recorded.
    """

    ledger: Ledger
    writer_of: WriterOf
    examples_of: ExamplesOf
    retrieve: Retrieve
    seed: int
    temperature: float
    max_in_flight: int = 1
    keep: bool = True


def write_drafts(
    drafting: Drafting, arms: Sequence[PlannedArm], run: RunRef
) -> DraftSummary:
    """Write the arms that have no draft; each is committed once it is written.

    A rerun writes only what is missing. Raises AccessError, BudgetError and
    TransientVendorError; drafts that were written before stay.
    """
    drafting.ledger.mark_unknown(run)
    with drafting.ledger.warehouse.transaction() as con:
        done = drafted_ids(con, [arm.variant_id for arm in arms])
    missing = [arm for arm in arms if arm.variant_id not in done]
    # Retrieve first and in order, since arms share the embeddings of their queries.
    jobs = [
        partial(_draft, drafting, arm, list(drafting.retrieve(arm)), run)
        for arm in missing
    ]
    progress = Progress("drafts", len(jobs))
    try:
        with drafting.ledger.interruptible(run):
            results = run_bounded(
                jobs, drafting.max_in_flight, lambda written: progress.add()
            )
    except BudgetError as error:
        with drafting.ledger.warehouse.transaction() as con:
            now_done = drafted_ids(con, [arm.variant_id for arm in arms])
        raise BudgetError(
            f"{error} {len(now_done)} of {len(arms)} drafts are written, "
            f"{len(arms) - len(now_done)} are left for the next run."
        ) from None
    return DraftSummary(
        planned=len(arms),
        kept=len(done),
        written=len(results),
        rejected=sum(written.rejection is not None for written in results),
    )


def drafted_ids(con: Connection, variant_ids: Sequence[str]) -> set[str]:
    """Return the ids of those arms that have a draft."""
    rows = con.execute(
        "SELECT variant_id FROM drafts WHERE list_contains(?::TEXT[], variant_id)",
        [list(variant_ids)],
    ).fetchall()
    return {variant_id for (variant_id,) in rows}


def draft_prompt(
    arm: PlannedArm, references: Sequence[str], examples: Sequence[str]
) -> prompts.Prompt:
    """Return the prompt of one arm; a control arm always has the first version."""
    return _form(arm, references, examples).prompt


def _form(arm: PlannedArm, references: Sequence[str], examples: Sequence[str]) -> Form:
    brief, provider = brief_of(arm), arm.model.asked
    return draft_form(brief, provider, references, examples, arm.is_control)


def brief_of(arm: PlannedArm) -> Brief:
    """Return the brief of an arm."""
    topic = arm.topic
    return Brief(
        topic.topic,
        topic.brief,
        topic.audience,
        topic.brand_voice,
        topic.language,
        arm.hook_style,
    )


def arm_seed(seed: int, arm: PlannedArm) -> int:
    """Return a sampling seed below 2³¹; a canary arm has the seed of arm a."""
    label = "a" if arm.is_canary else arm.arm
    retry = (str(arm.tried_before),) if arm.tried_before else ()
    return int(seeded_unit(seed, "sampling", arm.topic.topic_id, label, *retry) * 2**31)


def write_draft(
    drafting: Drafting,
    arm: PlannedArm,
    retrieved: Sequence[RetrievedScript],
    run: RunRef,
    halt: threading.Event,
) -> tuple[WriterAnswer, prompts.Prompt]:
    """Write an arm; halve the retrieved scripts while the prompt is too long.

    Returns the answer and the prompt that was sent. Raises as `write_script` does.
    """
    for count in _halvings(len(retrieved)):
        try:
            return _draft_with(drafting, arm, retrieved[:count], run, halt, count > 0)
        except ContextTooLongError:
            continue
    raise AssertionError("unreachable")  # pragma: no cover


def _draft(
    drafting: Drafting,
    arm: PlannedArm,
    retrieved: Sequence[RetrievedScript],
    run: RunRef,
    halt: threading.Event,
) -> WriterAnswer:
    return write_draft(drafting, arm, retrieved, run, halt)[0]


def _halvings(count: int) -> Iterator[int]:
    """Yield n, n // 2, n // 4, …, 0.

    These are the numbers of scripts in a prompt that is shortened until it fits.
    """
    while count:
        yield count
        count //= 2
    yield 0


def _draft_with(
    drafting: Drafting,
    arm: PlannedArm,
    retrieved: Sequence[RetrievedScript],
    run: RunRef,
    halt: threading.Event,
    may_shorten: bool,
) -> tuple[WriterAnswer, prompts.Prompt]:
    examples = drafting.examples_of(arm.model)
    form = _form(arm, [script.text for script in retrieved], examples)
    sampling = form.sampling(drafting.temperature, arm_seed(drafting.seed, arm))
    now = drafting.ledger.clock.now()

    def record(con: Connection, written: WriterAnswer) -> None:
        if not drafting.keep:
            return
        merge_rows(con, "drafts", [draft_row(arm, written, form.prompt, now)])
        merge_rows(
            con,
            "retrievals",
            [
                {
                    "variant_id": arm.variant_id,
                    "script_id": script.script_id,
                    "revision_hash": script.revision_hash,
                    "rank": script.rank,
                    "similarity": script.similarity,
                }
                for script in retrieved
            ],
        )
        edges = [
            Edge("variant", arm.variant_id, "script", script.script_id, "retrieved")
            for script in retrieved
        ]
        model = Edge("variant", arm.variant_id, "model", arm.model.model_id, "by_model")
        record_edges(con, [*edges, model], run.run_id, now)

    writer = drafting.writer_of(arm.model)
    request = ScriptRequest(
        writer,
        form.prompt,
        sampling,
        "generate",
        form.schema,
        may_shorten,
        form.finish,
        form.max_output_tokens,
    )
    for_arm = replace(run, subject=arm.variant_id)
    written = write_script(drafting.ledger, request, for_arm, record, halt)
    return written, form.prompt


def draft_row(
    arm: PlannedArm, written: WriterAnswer, prompt: prompts.Prompt, now: object
) -> dict[str, object]:
    """Return the row of `drafts` for an answer."""
    return {
        "variant_id": arm.variant_id,
        "month": arm.topic.month,
        "topic_id": arm.topic.topic_id,
        "arm": arm.arm,
        "hook_style": arm.hook_style,
        "hook": written.hook,
        "body": written.body,
        "call_to_action": written.call_to_action,
        "text": written.text,
        "beats": beats_json(written.beats),
        "on_screen_text": written.on_screen_text,
        "shots": beats_json(written.shots),
        "estimated_seconds": (
            spoken_seconds(written.text, arm.topic.language) if written.text else None
        ),
        "provider": arm.model.provider,
        "model": written.model,
        "model_id": arm.model.model_id,
        "prompt_hash": prompt.prompt_hash,
        "request_hash": written.request_hash,
        "settings": json.dumps(written.settings, sort_keys=True),
        "is_canary": arm.is_canary,
        "is_control": arm.is_control,
        "rejection": written.rejection,
        "tried_before": arm.tried_before,
        "created_at": now,
    }

"""Writes a topic's variants on trial; they enter no plan, post or training set.

Retrieval, prompts, polish and gates are those of a month's writing. The texts are
returned and not recorded. The ledger rows of the paid calls are recorded, and the
vector of the topic, under its hash and without its words.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ig_assets.core.costs.ledger.ledger import RunRef
from ig_assets.core.generation.gates import prompt_injection
from ig_assets.core.generation.gates.gates import Figure
from ig_assets.core.generation.gates.hook_style import label_for
from ig_assets.core.generation.gates.novelty import CorpusRuns
from ig_assets.core.generation.pipeline import (
    GenerationContext,
    examples_of,
    polishing_of,
    retrieved_for,
)
from ig_assets.core.generation.polishing.polish import comparable
from ig_assets.core.generation.polishing.regenerate import (
    DraftPolisher,
    MonthState,
    Row,
)
from ig_assets.core.generation.polishing.variants import corpus_texts
from ig_assets.core.generation.topics.on_demand import planned_row
from ig_assets.core.generation.writing.arms import (
    PlannedArm,
    Topic,
    WritingModel,
    plan_arms,
)
from ig_assets.core.generation.writing.draft import Drafting, draft_row, write_draft
from ig_assets.core.generation.writing.models import registered_or_new
from ig_assets.core.identity import stable_id
from ig_assets.core.ports import Clock
from ig_assets.warehouse.warehouse import Connection


@dataclass(frozen=True)
class Tried:
    """One text on trial: its words, its figures, and the reason for a rejection.

    `model` wrote the draft; `kind` is polished, draft_kept or rejected.
    """

    arm: str
    hook_style: str
    kind: str
    model: str
    hook: str
    beats: tuple[str, ...]
    call_to_action: str
    on_screen_text: str | None
    shots: tuple[str, ...] | None
    figures: tuple[Figure, ...]
    rejection: str | None
    grounded_in: tuple[str, ...]


def try_topic(
    context: GenerationContext, topic: Topic, arms: int, run: RunRef
) -> list[Tried]:
    """Write `arms` texts of a topic and measure them; record only the calls.

    The cosine to the nearest script is not measured, since this would store a vector of
    each text. Raises as `write_script` does.
    """
    model = registered_or_new(context.warehouse, context.base)
    polisher = registered_or_new(context.warehouse, context.polisher, active=False)
    # With the topic's own id, the trial's cost would count for the month's variants.
    plain = replace(
        topic,
        topic_id=stable_id("try", topic.topic_id),
        arms=arms,
        hooks=None,
        is_control=False,
        is_canary=False,
    )
    with context.warehouse.transaction() as con:
        corpus = CorpusRuns(corpus_texts(con))
    planned = plan_arms([plain], arms, context.options.seed, model, None, model)
    state = MonthState(corpus, {}, {})
    texts: dict[str, str] = {}
    tried = []
    with context.ledger.interruptible(run):
        for arm in planned:
            one = _try_arm(context, arm, polisher, state, texts, run)
            if one.rejection is None:
                words = (one.hook, " ".join(one.beats), one.call_to_action)
                texts[arm.arm] = "\n\n".join(words)
            tried.append(one)
    return tried


def _try_arm(
    context: GenerationContext,
    arm: PlannedArm,
    polisher: WritingModel,
    state: MonthState,
    texts: dict[str, str],
    run: RunRef,
) -> Tried:
    drafting = Drafting(
        ledger=context.ledger,
        writer_of=context.writer_of,
        examples_of=lambda model: examples_of(context.warehouse, model),
        retrieve=lambda arm: [],
        seed=context.options.seed,
        temperature=context.options.temperature,
        keep=False,
    )
    found = retrieved_for(context, arm, run, ())
    scripts = [one for one in found if not prompt_injection.signs(one.text)]
    halt = threading.Event()
    written, prompt = write_draft(drafting, arm, scripts, run, halt)
    row = _row_of(arm, draft_row(arm, written, prompt, context.clock.now()))
    outcome = DraftPolisher(
        replace(polishing_of(context, polisher), keep_attempts=False),
        row,
        state,
        comparable(arm.arm, texts),
        run,
        halt,
    ).outcome()
    words = outcome.chosen.written
    language = arm.topic.language
    return Tried(
        arm=arm.arm,
        hook_style=label_for(words.hook, arm.hook_style, language),
        kind=outcome.kind,
        model=written.model,
        hook=words.hook,
        beats=words.beats or (),
        call_to_action=words.call_to_action,
        on_screen_text=words.on_screen_text,
        shots=words.shots,
        figures=tuple(outcome.chosen.figures),
        rejection=words.rejection,
        grounded_in=tuple(script.script_id for script in scripts),
    )


def _row_of(arm: PlannedArm, row: Row) -> Row:
    """Return the draft's row as `unpolished` would return it."""
    topic = arm.topic
    return row | {
        "topic": topic.topic,
        "brief": topic.brief,
        "language": topic.language,
        "audience": topic.audience,
        "brand_voice": topic.brand_voice,
    }


def cost_of(con: Connection, run_id: str) -> tuple[int, float | None]:
    """Return (number of calls, USD) of a run; USD is None if a price is unknown."""
    [(calls, known, usd)] = con.execute(
        "SELECT count(*), count(coalesce(cost_usd, reserved_usd)), "
        "coalesce(sum(coalesce(cost_usd, reserved_usd)), 0) "
        "FROM api_calls WHERE run_id = ?",
        [run_id],
    ).fetchall()
    return calls, usd if known == calls else None


def topic_to_try(topics: Sequence[Topic], name: str) -> Topic | None:
    """Return the planned topic of this name; without a name, the first one."""
    if not name.strip():
        return topics[0] if topics else None
    wanted = name.strip().casefold()
    return next((one for one in topics if one.topic.casefold() == wanted), None)


def typed_topic(
    clock: Clock, month: str, values: Mapping[str, Any], arms: int
) -> Topic:
    """Return the topic that `generate` would plan from these values; write nothing.

    Raises InputError for a bad value or a month that is over.
    """
    topic_id, row = planned_row(clock, month, values, arms)
    names = {field.name for field in fields(Topic)} - {"topic_id", "hooks"}
    return Topic(topic_id=topic_id, **{name: row[name] for name in names})

"""A warehouse and a ledger behind the generation steps, with OpenAI's stand-in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ig_assets.adapters.openai.writer import OpenAIWriter
from ig_assets.core.corpus.search.retrieve import RetrievedScript
from ig_assets.core.costs.budget import Budget
from ig_assets.core.costs.ledger.ledger import Ledger, RunRef
from ig_assets.core.generation.gates.gates import Gates
from ig_assets.core.generation.polishing.polish import (
    VariantSummary,
    polish_drafts,
)
from ig_assets.core.generation.polishing.regenerate import NearestOf, Polishing
from ig_assets.core.generation.writing.arms import (
    PlannedArm,
    WritingModel,
    plan_arms,
    planned_topics,
)
from ig_assets.core.generation.writing.draft import Drafting, DraftSummary, write_drafts
from ig_assets.core.identity import text_hash
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets_tests.factories.warehouses import migrated_warehouse

MONTH = "2026-05"
KEY = "sk-test-never-displayed"
START = datetime(2026, 5, 1, 9, 0)
BASE = WritingModel("m-base", "openai", "gpt-5-mini", "gpt-5-mini")
TUNED = WritingModel(
    "m-tuned", "openai", "few-shot-1", "gpt-5-mini", {"examples": ["e1"]}
)
EXAMPLE = "An example that won.\n\nIt says this.\n\nFollow us."


class FixedClock:
    """Gives the instant that a test sets."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class GenerationFactory:
    """Drafts and polishes through the real SDK; waits are recorded, not slept."""

    def __init__(
        self, folder: Path, base_url: str, budgets: Sequence[Budget] = ()
    ) -> None:
        self.clock = FixedClock()
        self.waited: list[float] = []
        self.warehouse = migrated_warehouse(folder / "w.duckdb", self.clock.now)
        self.ledger = Ledger(
            self.warehouse, self.clock, budgets, sleep=self.waited.append
        )
        self.references = [_reference(1), _reference(2)]
        self._base_url = base_url
        self._writers: dict[str, OpenAIWriter] = {}

    def topics(self, *names: str, **columns: Any) -> None:
        """Planned topics of the month, due in the order given."""
        rows = [
            {
                "month": MONTH,
                "topic_id": f"t-{name}",
                "topic": name,
                "brief": f"about {name}",
                "audience": "",
                "language": "en",
                "brand_voice": "",
                "due_on": date(2026, 5, day),
                "is_control": False,
                "is_canary": False,
                "status": "planned",
                **columns,
            }
            for day, name in enumerate(names, start=1)
        ]
        with self.warehouse.transaction() as con:
            merge_rows(con, "topics", rows)

    def corpus(self, *texts: str) -> None:
        rows = [
            {"script_id": f"c{n}", "revision_hash": text_hash(text), "text": text}
            for n, text in enumerate(texts)
        ]
        with self.warehouse.transaction() as con:
            merge_rows(con, "scripts", rows)

    def arms(self, arms: int = 2) -> list[PlannedArm]:
        with self.warehouse.transaction() as con:
            planned = planned_topics(con, MONTH)
        return plan_arms(planned, arms, 7, BASE, TUNED, BASE)

    def writer(self, model: WritingModel) -> OpenAIWriter:
        name = model.base_model
        if name not in self._writers:
            self._writers[name] = OpenAIWriter(name, KEY, base_url=self._base_url)
        return self._writers[name]

    def draft(
        self, arms: Sequence[PlannedArm], run: str = "run-1", in_flight: int = 1
    ) -> DraftSummary:
        drafting = Drafting(
            ledger=self.ledger,
            writer_of=self.writer,
            examples_of=lambda model: [EXAMPLE] if model.artifact else [],
            retrieve=lambda arm: self.references,
            seed=7,
            temperature=0.7,
            max_in_flight=in_flight,
        )
        return write_drafts(drafting, arms, RunRef(run, "script_drafts", MONTH))

    def polish(
        self,
        run: str = "run-1",
        floor: float = 0.5,
        ceiling: float = 0.8,
        nearest: NearestOf = lambda text, run: None,
        regenerations: int = 0,
        in_flight: int = 1,
        model: WritingModel = BASE,
        **bounds: Any,
    ) -> VariantSummary:
        """Polish with bounds that short texts can keep to, but for `bounds`."""
        loose = {
            "least_seconds": 0.0,
            "language_floor": 0.0,
            "coverage_floor": 0.0,
            "repetition_ceiling": 1.0,
        }
        polishing = Polishing(
            ledger=self.ledger,
            writer_of=self.writer,
            model=model,
            gates=Gates(floor, ceiling, **(loose | bounds)),
            seed=7,
            temperature=0.7,
            nearest=nearest,
            regenerations=regenerations,
            max_in_flight=in_flight,
        )
        return polish_drafts(polishing, MONTH, RunRef(run, "script_variants", MONTH))

    def read(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        with self.warehouse.transaction() as con:
            return fetch_dicts(con, sql, parameters)

    def statuses(self) -> dict[str, int]:
        """How many calls ended how."""
        rows = self.read("SELECT status, count(*) AS n FROM api_calls GROUP BY status")
        return {row["status"]: row["n"] for row in rows}


def _reference(rank: int) -> RetrievedScript:
    text = f"A library script {rank}."
    return RetrievedScript(
        script_id=f"s{rank}",
        revision_hash=text_hash(text),
        rank=rank,
        similarity=0.9 - rank / 10,
        topic_similarity=None,
        word_share=0.0,
        relevance=0.9 - rank / 10,
        weight=0.9,
        origin="library",
        topic="bread",
        hook_style="story",
        hook="A library",
        body="script",
        call_to_action=str(rank),
        text=text,
        language="en",
        is_winner=False,
        is_simulated=False,
        shrunken_lift=None,
        experiment=None,
    )

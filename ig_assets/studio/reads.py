"""Queries for the studio's pages; they format and draw nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ig_assets.core.costs.budget import Budget, BudgetUsage
from ig_assets.core.experiments.decisions.winners import WinnerRow, winning_scripts
from ig_assets.core.experiments.reports.verdict import experiment_rows
from ig_assets.core.generation.cost_forecast import (
    VariantForecast,
    budgets_left,
    forecast_variant,
)
from ig_assets.core.generation.overview import TopicVariant, variants_of_topic
from ig_assets.core.generation.polishing.variants import corpus_texts
from ig_assets.core.models.registry import ModelName
from ig_assets.core.reports.texts.text_lists import Filters, TopicRow, list_topics
from ig_assets.core.reports.texts.whole_texts import whole_variant
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

if TYPE_CHECKING:
    from ig_assets.core.generation.gates.novelty import CorpusRuns

_POSTS_OF_TOPIC = """
SELECT p.post_id, p.status, p.variant_id
FROM posts AS p
JOIN experiments AS e
  ON e.experiment_id = p.experiment_id
WHERE e.month = ?
  AND e.topic_id = ?
"""

_CORPUS_STATE = "SELECT count(*), max(first_seen_at) FROM scripts"


@dataclass(frozen=True)
class Outlook:
    """The expected cost of writing, and the budgets that limit it with their usage."""

    forecast: VariantForecast
    budgets: Sequence[BudgetUsage]


@dataclass(frozen=True)
class Written:
    """A topic's variants, the scripts that grounded each variant, and their posts."""

    variants: Sequence[TopicVariant]
    grounds: dict[str, list[dict[str, Any]]]
    posts: Sequence[dict[str, Any]]

    @property
    def cost_usd(self) -> float | None:
        """Return the cost of all calls for the variants; None if a price is unknown."""
        known = [row["cost_usd"] for row in self.variants]
        return sum(filter(None, known)) if None not in known else None

    @property
    def usable(self) -> list[TopicVariant]:
        """Return the variants that passed the gates."""
        return [row for row in self.variants if not row["rejection"]]


@dataclass(frozen=True)
class Winner:
    """A winner, and the sentence of verdict on its experiment."""

    row: WinnerRow
    verdict: str


def read_outlook(
    con: Connection, base: ModelName, budgets: tuple[Budget, ...], now: datetime
) -> Outlook:
    """Return the expected cost of writing, and what is left of each budget."""
    return Outlook(forecast_variant(con, base), budgets_left(con, budgets, now))


def read_written(con: Connection, month: str, topic_id: str) -> Written:
    """Return a topic's variants, with the rejected ones, their grounding and posts."""
    rows = variants_of_topic(con, month, topic_id)
    grounds = {
        row["variant_id"]: whole_variant(con, row["variant_id"])["tables"][
            "grounded in"
        ]
        for row in rows
    }
    posts = fetch_dicts(con, _POSTS_OF_TOPIC, [month, topic_id])
    return Written(rows, grounds, posts)


def read_topics(con: Connection) -> list[TopicRow]:
    """Return the topics with variants, the newest month first."""
    rows, _ = list_topics(con, Filters())
    written = [row for row in rows if row["variants"] or row["rejected"]]
    return sorted(written, key=lambda row: row["month"], reverse=True)


def read_winners(con: Connection) -> list[Winner]:
    """Return all winners with their verdicts, the latest first."""
    rows = winning_scripts(con)
    ids = [row["experiment_id"] for row in rows]
    verdicts = {
        row["experiment_id"]: row["verdict"]
        for row in experiment_rows(con, len(ids), experiment_ids=ids)
    }
    rows.reverse()
    return [Winner(row, verdicts.get(row["experiment_id"], "")) for row in rows]


class Corpus:
    """The corpus in the form that gates compare with, read again after a change."""

    def __init__(self) -> None:
        self._state: object = None
        self._runs: CorpusRuns | None = None

    def read(self, con: Connection) -> CorpusRuns:
        """Return the runs of words of all current scripts."""
        from ig_assets.core.generation.gates.novelty import CorpusRuns

        state = con.execute(_CORPUS_STATE).fetchall()
        if self._runs is None or state != self._state:
            self._runs, self._state = CorpusRuns(corpus_texts(con)), state
        return self._runs


CORPUS = Corpus()
"""The corpus of this process."""

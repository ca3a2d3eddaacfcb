"""Counts what came of an author's scripts or of a topic, in one sentence.

Two numbers are kept apart: training lines and models with exactly the words of the
scripts, and those with the words of variants that had a script only in their prompt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ig_assets.core.lineage.model_scripts import model_ids_of_scripts
from ig_assets.core.reports.lineage.labels import Node
from ig_assets.core.reports.lineage.trace import TraceRow
from ig_assets.warehouse.warehouse import Connection

# From a text to what holds its words: its revisions, its posts, its training lines, and
# what was trained on these. Not its prompts, and not the other arms of its tests.
_HOLDS = frozenset(
    {
        "words_of",
        "edits",
        "promoted_from",
        "publishes",
        "chosen",
        "rejected",
        "train",
        "validation",
        "trains_on",
        "made_by",
        "shows",
        "learnt_from",
    }
)


@dataclass(frozen=True)
class _Held:
    """Ids of training lines and of models that contain certain words."""

    lines: frozenset[str]
    models: frozenset[str]

    def less(self, other: _Held) -> _Held:
        return _Held(self.lines - other.lines, self.models - other.models)


def sentence_of_many(
    con: Connection,
    kind: str,
    name: str,
    nodes: Sequence[Node],
    after: Sequence[TraceRow],
    as_of: datetime | None = None,
) -> str:
    """Return a sentence on what came of the nodes of an author or of a topic.

    `after` are all edges after the nodes. The models with words of the scripts are
    those that `ig-assets lineage … --ids` lists; with `as_of` only those that existed
    before that instant.
    """
    here = frozenset(nodes)
    scripts = {id for node, id in nodes if node == "script"}
    about = {row.id for row in after if row.relation == "about"}
    prompts = {
        row.id
        for row in after
        if row.relation == "retrieved" and (row.via_kind, row.via_id) in here
    }
    ways = _ways(after)
    fed = model_ids_of_scripts(con, scripts, as_of)
    own = _held(ways, [*nodes, *(("variant", i) for i in about)])
    own = _Held(own.lines, own.models.union(fed))
    others = _held(ways, [("variant", i) for i in prompts]).less(own)
    said = _count(len(scripts), "script")
    said += f" {'by' if kind == 'author' else 'about'} {name}"
    if kind == "topic":
        said += f", {_count(len(about), 'variant')} written about it"
    said += (
        f": their words are in {_count(len(own.lines), 'training line')} and behind "
        f"{_count(len(own.models), 'model')}; they were in the prompt of "
        f"{_count(len(prompts), 'variant')}"
    )
    if prompts:
        said += (
            f", whose words are in {_count(len(others.lines), 'training line', 'more')}"
            f" and behind {_count(len(others.models), 'model', 'more')}"
        )
    return f"{said}."


def _ways(after: Sequence[TraceRow]) -> Mapping[Node, list[Node]]:
    """Return {thing: the things that contain its words}, following one edge."""
    ways: dict[Node, list[Node]] = defaultdict(list)
    for row in after:
        if row.relation in _HOLDS:
            ways[row.via_kind, row.via_id].append((row.kind, row.id))
    return ways


def _held(ways: Mapping[Node, Collection[Node]], start: Iterable[Node]) -> _Held:
    """Return the training lines and models that contain words of the things `start`."""
    known = set(start)
    waiting = list(known)
    while waiting:
        found = set(ways.get(waiting.pop(), ())) - known
        known |= found
        waiting += found
    return _Held(
        frozenset(id for kind, id in known if kind == "example"),
        frozenset(id for kind, id in known if kind == "model"),
    )


def _count(n: int, name: str, more: str = "") -> str:
    """Return a count in words, e.g. "1 model", "2 more models"."""
    return " ".join(filter(None, [f"{n:,}", more, name + ("" if n == 1 else "s")]))

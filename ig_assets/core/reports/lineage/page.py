"""Renders the answer to a question about lineage as one self-contained HTML page.

The page contains first words of scripts, so keep it where people may read those. If a
script is forgotten, copies of the page that were sent elsewhere still have them.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any

from ig_assets.core.reports.lineage.flow import Band, Box, flow_svg
from ig_assets.core.reports.lineage.labels import Node
from ig_assets.core.reports.lineage.trace import ScriptBehind, TraceRow
from ig_assets.core.reports.lineage.words import (
    SHARES,
    ModelScript,
    share_of,
    text_key,
)

TEMPLATE = "lineage_page.html.j2"
DEV_UI = "http://127.0.0.1:3000"
"""The address at which `make dev` shows runs."""
MOST_BOXES = 14
MOST_ROWS = 5_000
SMALLEST_WEIGHT = 0.02
"""Weight used to draw a line that has none, such as one of a forgotten script."""

KINDS_IN_WORDS = {
    "import": "file",
    "revision": "words",
    "index_entry": "index entry",
    "experiment": "test",
    "snapshot": "figures",
    "example": "training line",
    "dataset": "training set",
    "job": "fine-tune",
}
SAY_THEIR_KIND = frozenset(
    "post experiment example dataset job snapshot evidence embedding "
    "index_entry".split()
)
"""Kinds whose labels already begin with the kind, such as "test: winner"."""
MOST_SAID = 1_000_000
"""The largest e-value that is displayed as a number."""

RELATIONS_IN_WORDS = {
    "retrieved": "had in its prompt",
    "by_model": "was written by",
    "polished_by": "was polished by",
    "by_prompt": "was written with",
    "about": "is about",
    "publishes": "shows",
    "edits": "is a person's edit of",
    "promoted_from": "is the winner",
    "won": "won",
    "winner": "was won by",
    "decided": "rests on",
    "decided_on": "compared",
    "chosen": "has as the better text",
    "rejected": "has as the worse text",
    "train": "trains on",
    "validation": "validates on",
    "trains_on": "was started with",
    "made_by": "was made by",
    "shows": "shows its writer",
    "learnt_from": "learnt from",
    "chosen_by": "was chosen to be posted by",
    "renamed_from": "was named before",
    "imported_from": "came in",
    "words_of": "are the words of",
    "vector_of": "is the vector of",
    "indexes": "makes findable",
    "tests": "is about",
    "figures_of": "are those of",
    "compares": "compares",
    "rests_on": "rests on",
    "advertises": "advertises",
}


@dataclass(frozen=True)
class Question:
    """A question about lineage: the thing, its label, and one sentence about it."""

    kind: str
    label: str
    sentence: str
    asked_at: datetime
    as_of: datetime | None = None


@dataclass(frozen=True)
class Answer:
    """The findings: texts and examples behind a model, and edges in both directions."""

    texts: Sequence[ModelScript]
    behind: Sequence[ScriptBehind]
    before: Sequence[TraceRow]
    after: Sequence[TraceRow]
    names: Mapping[Node, str]
    start: Sequence[Node]


def lineage_page(question: Question, answer: Answer, ui_url: str) -> str:
    """Return the page as HTML.

    Links to runs begin with `ui_url`, without a final slash.
    """
    source = (resources.files(__package__) / TEMPLATE).read_text(encoding="utf-8")
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(source).render(
        question=question,
        kind=KINDS_IN_WORDS.get(question.kind, question.kind),
        flow=_model_flow(answer) if answer.texts else _graph(answer),
        is_model=bool(answer.texts),
        simulated=_simulated(answer),
        texts=[_text_row(text) for text in answer.texts[:MOST_ROWS]],
        texts_beyond=max(len(answer.texts) - MOST_ROWS, 0),
        shares=[(title, share_of(answer.texts, name)) for title, name in SHARES],
        steps=[
            ("What it came from", *_edge_rows(answer.before, answer.names, ui_url)),
            ("What came of it", *_edge_rows(answer.after, answer.names, ui_url)),
        ],
    )


def _simulated(answer: Answer) -> str | None:
    """Return a warning about simulated data; None if nothing is simulated."""
    learnt = [text for text in answer.texts if text.in_model]
    known = [text for text in learnt if text.origin]
    count = sum(text.simulated for text in known)
    if count:
        all_of = "All" if count == len(known) else f"{count} of {len(known)}"
        return (
            f"{all_of} of the scripts that this model learnt from were judged by a "
            "simulated audience, so this is no proof that they work for people."
        )
    if any("[simulated]" in name for name in answer.names.values()):
        return "Some of what is shown here comes from a simulated audience."
    return None


def _text_row(text: ModelScript) -> dict[str, Any]:
    """Return the cells of a script.

    For a cell that is sorted by a value, a second entry `…_said` has the text to show.
    """
    return {
        "words": text.first_words or "(forgotten)",
        "id": text.id,
        "topic": text.topic or "",
        "author": text.author or "",
        "origin": text.origin or "",
        "style": text.hook_style or "",
        "simulated": "yes" if text.simulated else ("no" if text.origin else ""),
        "lines": text.lines,
        "learnt": text.in_model,
        "as_worse": text.as_worse,
        "splits": text.splits,
        "weight": round(text.weight, 3),
        "rate": text.rate,
        "rate_said": "" if text.rate is None else f"{text.rate:.2%}",
        "lift": text.lift,
        "lift_said": "" if text.lift is None else f"{text.lift:+.0%}",
        "evidence": text.evidence,
        "evidence_said": _e_value(text.evidence),
        "rule": text.rule or "",
        "why": text.why,
    }


def _e_value(value: float | None) -> str:
    """Return an e-value for people: 4.28, 234, 1,798, or that it exceeds a million."""
    if value is None:
        return ""
    if value > MOST_SAID:
        return f"over {MOST_SAID:,}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _edge_rows(
    rows: Sequence[TraceRow], names: Mapping[Node, str], ui_url: str
) -> tuple[list[dict[str, Any]], int]:
    """Return (cells of at most `MOST_ROWS` edges, number of further edges)."""
    found = [
        {
            "step": row.depth,
            "kind": KINDS_IN_WORDS.get(row.kind, row.kind),
            "what": names.get((row.kind, row.id), ""),
            "id": row.id,
            "relation": RELATIONS_IN_WORDS.get(row.relation, row.relation)
            + (" (no longer true)" if row.superseded_at else ""),
            "note": row.accepted or row.held or "",
            "via_kind": KINDS_IN_WORDS.get(row.via_kind, row.via_kind),
            "via": names.get((row.via_kind, row.via_id), ""),
            "via_id": row.via_id,
            "run": (row.run_id or "")[:8],
            "run_url": f"{ui_url}/runs/{row.run_id}" if row.run_id else "",
        }
        for row in rows[:MOST_ROWS]
    ]
    return found, max(len(rows) - MOST_ROWS, 0)


def _model_flow(answer: Answer) -> str:
    """Draw scripts on the left, kinds of training lines, and the model on the right."""
    groups: dict[str, list[ScriptBehind]] = defaultdict(list)
    for example in answer.behind:
        groups[text_key(example)].append(example)
    ranked = sorted(groups, key=lambda key: -_weight(groups[key]))
    shown = ranked if len(ranked) <= MOST_BOXES else ranked[: MOST_BOXES - 1]
    rest = ranked[len(shown) :]
    words = {text.revision or text.id: text for text in answer.texts}
    boxes = []
    for key in shown:
        text = words.get(key)
        label = (text.first_words if text else None) or "(forgotten)"
        kind = "simulated" if text and text.simulated else ""
        title = f"{label} — {text.topic or ''} {text.author or ''}" if text else label
        boxes.append(Box(key, 0, label, title, kind))
    if rest:
        boxes.append(Box("rest", 0, f"{len(rest)} more scripts", "", "rest"))
    bands: dict[tuple[str, str, str], float] = defaultdict(float)
    ends: dict[tuple[str, str, str], float] = defaultdict(float)
    for key, examples in groups.items():
        for example in examples:
            weight = max(example.weight or 0.0, SMALLEST_WEIGHT)
            line = _line_kind(example)
            learnt = "learnt" if example.in_model else "unused"
            bands[(key if key in shown else "rest", line, learnt)] += weight
            ends[(line, learnt, learnt)] += weight
    lines = sorted({line for _, line, _ in bands})
    boxes += [Box(line, 1, line) for line in lines]
    boxes += [
        Box(key, 2, label, "", key)
        for key, label in (
            ("learnt", "learnt by the model"),
            ("unused", "not learnt"),
        )
        if any(end == key for _, end, _ in ends)
    ]
    order = {box.key: n for n, box in enumerate(boxes)}
    drawn = [
        Band(source, target, weight, kind)
        for (source, target, kind), weight in sorted(
            [*bands.items(), *ends.items()],
            key=lambda item: (order[item[0][0]], order[item[0][1]], item[0][2]),
        )
    ]
    return flow_svg(boxes, drawn, ["Scripts", "Training lines", "Model"])


def _weight(examples: Sequence[ScriptBehind]) -> float:
    """Return the sort key of a text: weight of learnt lines, then of all lines."""
    learnt = sum(example.weight or 0.0 for example in examples if example.in_model)
    return learnt * 1e6 + sum(example.weight or 0.0 for example in examples)


def _line_kind(example: ScriptBehind) -> str:
    kinds = {"sft": "texts to learn", "dpo": "pairs to compare"}
    return f"{kinds.get(example.kind or '', 'forgotten lines')}, {example.split}"


def _graph(answer: Answer) -> str:
    """Draw the subject between the things it came from and what came of it.

    The former are on its left. Many things of one kind at the same distance become one
    box. Returns '' without edges.
    """
    start = set(answer.start)
    depth: dict[Node, int] = dict.fromkeys(start, 0)
    for rows, sign in ((answer.before, -1), (answer.after, 1)):
        for row in rows:
            depth.setdefault((row.kind, row.id), sign * row.depth)
    if len(depth) == len(start):
        return ""
    leftmost = min(depth.values())
    layers: dict[tuple[int, str], list[Node]] = defaultdict(list)
    for node, step in depth.items():
        layers[(step, node[0])].append(node)
    box_of: dict[Node, str] = {}
    boxes: dict[str, Box] = {}
    for (step, kind), nodes in sorted(layers.items()):
        plain = KINDS_IN_WORDS.get(kind, kind)
        together = len(nodes) > MOST_BOXES // 3
        for node in sorted(nodes, key=lambda n: answer.names.get(n, n[1])):
            name = answer.names.get(node, node[1][:12])
            key = f"{step} {kind}" if together else f"{step} {kind} {node[1]}"
            said = node in answer.names and kind in SAY_THEIR_KIND
            one = name if said else f"{plain}: {name}"
            label = f"{len(nodes)} × {plain}" if together else one
            if key not in boxes:
                style = "start" if node in start else ""
                if "[simulated]" in name:
                    style += " simulated"
                boxes[key] = Box(key, step - leftmost, label, "", style.strip())
            box_of[node] = key
    bands: Counter[tuple[str, str]] = Counter()
    ways = [((row.kind, row.id), (row.via_kind, row.via_id)) for row in answer.before]
    ways += [((row.via_kind, row.via_id), (row.kind, row.id)) for row in answer.after]
    for source, target in ways:
        if depth[source] < depth[target]:  # a circle is in the table alone
            bands[(box_of[source], box_of[target])] += 1
    drawn = [Band(a, b, 1 + math.log2(n)) for (a, b), n in sorted(bands.items())]
    return flow_svg(list(boxes.values()), drawn, [], tallest=70.0)

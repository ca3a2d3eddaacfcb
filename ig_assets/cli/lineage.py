"""`ig-assets lineage`: which scripts fed what, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from ig_assets.cli.output import AsJson, console, plain_errors, print_json, print_table
from ig_assets.core.models.registry import RANKER, get_model
from ig_assets.core.reports.lineage_names import resolve
from ig_assets.core.reports.lineage_trace import (
    TraceRow,
    scripts_behind_model,
    trace,
)
from ig_assets.core.reports.lineage_words import (
    ModelScript,
    Node,
    labels,
    model_sentence,
    ranker_sentence,
    scripts_of_model,
)
from ig_assets.settings import load_settings
from ig_assets.wiring import Services


@plain_errors
def lineage(
    what: Annotated[
        str,
        typer.Argument(
            help="A month, the name of a model, file, topic or author, or (the start "
            "of) any id."
        ),
    ],
    down: Annotated[
        bool, typer.Option(help="What came of it, instead of what it came from.")
    ] = False,
    depth: Annotated[
        int | None, typer.Option(min=1, help="How many steps.", show_default="all")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows to print.")] = 40,
    as_json: AsJson = False,
) -> None:
    """Answer "which scripts fed this fine-tune, and on what evidence?"

    Example: `ig-assets lineage 2026-01`, `ig-assets lineage knife-mug-edge.md --down`
    """
    services = Services(load_settings())
    with services.warehouse.transaction() as con:
        kind, found = resolve(con, what)
        is_model = kind == "model" and not down
        fed = scripts_behind_model(con, found) if is_model else []
        texts = scripts_of_model(con, fed)
        sentence = None
        if is_model:
            model = get_model(con, found)
            sentence = (
                ranker_sentence(con, found)
                if model.provider == RANKER
                else model_sentence(model.name, texts)
            )
        rows = trace(con, kind, found, "down" if down else "up", depth)
        nodes = {(kind, found)} | {(row.kind, row.id) for row in rows}
        names = labels(con, nodes | {(row.via_kind, row.via_id) for row in rows})
    if as_json:
        print_json(
            {
                "kind": kind,
                "id": found,
                "label": names.get((kind, found)),
                "sentence": sentence,
                "scripts": fed,
                "texts": texts,
                "edges": rows,
            }
        )
        return
    if sentence is not None:
        console.print(sentence, markup=False)
        _print_scripts(texts, limit)
    title = f"{kind} {_named((kind, found), names)}"
    if not rows:
        console.print(
            f"{title} has nothing {'after' if down else 'before'} it.", markup=False
        )
        return
    _print_edges(rows, names, f"{'After' if down else 'Before'} {title}", limit)


def _print_scripts(texts: Sequence[ModelScript], limit: int) -> None:
    if not texts:
        return
    print_table(
        [
            {
                "first words": text.first_words or "(forgotten)",
                "topic": text.topic,
                "by": text.author,
                "origin": (
                    text.origin + (" (simulated)" if text.simulated else "")
                    if text.origin
                    else None
                ),
                "lines": text.lines,
                "learnt": text.in_model,
                "why": text.why,
            }
            for text in texts[:limit]
        ],
        ["first words", "topic", "by", "origin", "lines", "learnt", "why"],
    )
    _say_rest("scripts", len(texts), limit)


def _print_edges(
    rows: Sequence[TraceRow], names: Mapping[Node, str], title: str, limit: int
) -> None:
    print_table(
        [
            {
                "step": row.depth,
                "kind": row.kind,
                "what": _named((row.kind, row.id), names),
                "relation": row.relation
                + (" (superseded)" if row.superseded_at else "")
                + (f" ({row.accepted})" if row.accepted else "")
                + (f" ({row.held})" if row.held else ""),
                "of": f"{row.via_kind} {_named((row.via_kind, row.via_id), names)}",
            }
            for row in rows[:limit]
        ],
        ["step", "kind", "what", "relation", "of"],
        title,
    )
    _say_rest("edges", len(rows), limit)


def _named(node: Node, names: Mapping[Node, str]) -> str:
    """The label with the id's first letters, which `lineage` takes for the id."""
    id = node[1] if "/" in node[1] else node[1][:8]
    return f"{names[node]} · {id}" if node in names else id


def _say_rest(things: str, count: int, limit: int) -> None:
    if count > limit:
        console.print(f"{count - limit} more {things}; print all with --limit {count}.")

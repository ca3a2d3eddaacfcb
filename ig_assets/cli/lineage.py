"""`ig-assets lineage`: which scripts fed what, and what came of them."""

from __future__ import annotations

from typing import Annotated

import typer

from ig_assets.cli.output import AsJson, console, plain_errors, print_json, print_table
from ig_assets.core.reports.lineage_trace import resolve, scripts_behind_model, trace
from ig_assets.settings import load_settings
from ig_assets.wiring import Services


@plain_errors
def lineage(
    what: Annotated[
        str,
        typer.Argument(help="A month, a model's name, or (the start of) any id."),
    ],
    down: Annotated[
        bool, typer.Option(help="What came of it, instead of what it came from.")
    ] = False,
    depth: Annotated[int, typer.Option(min=1, max=20, help="How many steps.")] = 4,
    limit: Annotated[int, typer.Option(min=1, help="Rows to print.")] = 40,
    as_json: AsJson = False,
) -> None:
    """Answer "which scripts fed this fine-tune, and on what evidence?"

    Example: `ig-assets lineage 2026-01`, `ig-assets lineage library/knife-mug-edge
    --down`
    """
    services = Services(load_settings())
    with services.warehouse.transaction() as con:
        kind, found = resolve(con, what)
        fed = scripts_behind_model(con, found) if kind == "model" and not down else []
        rows = trace(con, kind, found, "down" if down else "up", depth)
    if as_json:
        print_json({"kind": kind, "id": found, "scripts": fed, "edges": rows})
        return
    if fed:
        in_model_first = sorted(fed, key=lambda row: not row.in_model)
        print_table(
            [
                {
                    "script": row.script_id or row.variant_id,
                    "revision": (row.revision_hash or "")[:12],
                    "kind": row.kind,
                    "split": row.split,
                    "in_model": row.in_model,
                    "weight": row.weight,
                    "why": row.reason,
                }
                for row in in_model_first[:limit]
            ],
            ["script", "revision", "kind", "split", "in_model", "weight", "why"],
            f"Scripts behind model {found} ({len(fed)} examples)",
        )
    if not rows:
        console.print(f"{kind} {found} has nothing {'after' if down else 'before'} it.")
        return
    print_table(
        [
            {
                "step": row.depth,
                "kind": row.kind,
                "id": row.id[:40],
                "relation": row.relation
                + (" (superseded)" if row.superseded_at else "")
                + (f" ({row.accepted})" if row.accepted else ""),
                "of": f"{row.via_kind} {row.via_id[:24]}",
            }
            for row in rows[:limit]
        ],
        ["step", "kind", "id", "relation", "of"],
        f"{'After' if down else 'Before'} {kind} {found} ({len(rows)} edges)",
    )

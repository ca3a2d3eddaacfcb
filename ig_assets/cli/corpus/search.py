"""`ig-assets search`: finds scripts for a topic, and names those that are too far."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from enum import Enum
from typing import Annotated

import typer

from ig_assets.cli.output import (
    AsJson,
    InMonth,
    console,
    errors,
    escaped,
    plain_errors,
    print_json,
    print_table,
)
from ig_assets.core.corpus.search.found import Found, RetrievedScript
from ig_assets.core.corpus.search.retrieve import Retriever
from ig_assets.core.costs.ledger.ledger import RunRef
from ig_assets.core.generation.gates.prompt_injection import find_suspicious
from ig_assets.core.ports import EVERYTHING, Filters
from ig_assets.settings import load_settings
from ig_assets.wiring import Services

NAMED = 3  # topics that the sentence about far scripts names


class Origin(str, Enum):
    """Where a script came from."""

    LIBRARY = "library"
    HISTORY = "history"
    WINNER = "winner"


@plain_errors
def search(
    words: Annotated[
        list[str],
        typer.Argument(metavar="TEXT", help="What the scripts should be about."),
    ],
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many.")] = 5,
    language: Annotated[
        str | None, typer.Option(help="Only scripts in this language, e.g. en.")
    ] = None,
    origin: Annotated[
        Origin | None, typer.Option(help="Only scripts of this origin.")
    ] = None,
    min_rate: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Only scripts with at least this rate."),
    ] = None,
    month: InMonth = None,
    winners: Annotated[
        bool, typer.Option(help="Whether to include scripts that won their test.")
    ] = True,
    ground: Annotated[
        bool,
        typer.Option(
            "--ground",
            help="Show what a draft would get: weighted by evidence, diverse.",
        ),
    ] = False,
    far: Annotated[
        bool,
        typer.Option("--far", help="Also show the nearest below IG_LEAST_RELEVANCE."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Find the scripts that are nearest in meaning and words.

    Example: `ig-assets search "sharp knives" -k 3`
    """
    services = Services(load_settings())
    filters = Filters(
        language=language,
        origin=None if origin is None else origin.value,
        min_rate=min_rate,
        month=month,
    )
    retriever = Retriever(
        services.warehouse,
        services.index,
        services.embedder,
        services.ledger,
        services.embedder_of,
        services.settings.least_relevance,
    )
    [found] = retriever.search(
        RunRef(f"search-{uuid.uuid4().hex[:8]}", "search"),
        [" ".join(words)],
        k,
        include_winners=winners,
        filters=filters,
        exclude_script_ids=_kept_out(services) if ground else (),
        nearest=not ground,
    )
    shown = list(found.scripts)
    if far:
        shown += found.too_far[: k - len(shown)]
    if as_json:
        print_json(shown)
    elif shown:
        _print_scripts(shown)
    said = _far_sentence(found, retriever.least_relevance, ground, far)
    if not (found.scripts or found.too_far):
        said = why_nothing(services, filters, filters != EVERYTHING or not winners)
    if said:
        # Beside JSON a sentence belongs to people, so to the other stream.
        (errors if as_json else console).print(escaped(said))


def _kept_out(services: Services) -> Collection[str]:
    """Return ids of scripts with instructions for a model; they ground no draft."""
    return find_suspicious(services.warehouse, services.clock.now())


def _print_scripts(scripts: Sequence[RetrievedScript]) -> None:
    print_table(
        [
            {
                "rank": script.rank or None,
                "relevance": round(script.relevance, 2),
                "similarity": round(script.similarity, 2),
                "words": round(script.word_share, 2),
                "weight": round(script.weight, 2),
                "winner": script.is_winner,
                "script": script.script_id,
                "hook": script.hook,
            }
            for script in scripts
        ],
        ["rank", "relevance", "similarity", "words", "weight"]
        + ["winner", "script", "hook"],
    )


def _far_sentence(found: Found, floor: float, ground: bool, shown: bool) -> str | None:
    """Return a sentence that names the nearest of the scripts that are too far.

    It is None if none was too far.
    """
    if not found.too_far:
        return None
    nearest: dict[str, float] = {}  # scripts of one topic are named once
    for script in found.too_far:
        nearest.setdefault(script.topic or script.script_id, script.relevance)
    named = ", ".join(f"{n} ({nearest[n]:.2f})" for n in list(nearest)[:NAMED])
    best = found.scripts[0] if found.scripts else None
    bound = f"below {floor:.2f} (IG_LEAST_RELEVANCE)"
    if ground and best is not None:
        bound += ", or far behind the nearest"
    first = (
        f"{len(found.too_far)} more candidates were too far, {bound}: {named}"
        if best is not None
        else f"Nothing is near enough. The nearest are too far, {bound}: {named}"
    )
    rest = ", …" if len(nearest) > NAMED else ""
    return first + rest + ("." if shown else "; --far shows them.")


_NOT_SYNCED = """
SELECT count(*)
FROM current_scripts
WHERE ($1 IS NULL OR origin = $1)
    AND ($2 IS NULL OR language = $2)
    AND script_id NOT IN (SELECT script_id FROM index_entries)
"""


def why_nothing(services: Services, filters: Filters, is_filtered: bool) -> str:
    """Return a sentence that says why nothing was found."""
    asked = [filters.origin, filters.language]
    with services.warehouse.transaction() as con:
        [(entries,)] = con.execute("SELECT count(*) FROM index_entries").fetchall()
        [(waiting,)] = con.execute(_NOT_SYNCED, asked).fetchall()
    if is_filtered and waiting:
        scripts = "script is" if waiting == 1 else "scripts are"
        return (
            f"Nothing found: {waiting} such {scripts} imported, not yet synced: run "
            "`ig-assets sync`."
        )
    if not entries:
        return "Nothing found: the index is empty; `ig-assets sync` fills it."
    if is_filtered:
        return "Nothing found: no script passes the filters; ask for less."
    return "Nothing found: no active script is in the index; run `ig-assets sync`."

"""`ig-assets scripts`, `variants` and `topics`: list and show texts and their use."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from ig_assets.cli.output import (
    AsJson,
    AsSeparated,
    InMonth,
    SaidBy,
    console,
    plain_errors,
    print_data,
    print_json,
    print_table,
)
from ig_assets.core.generation.topics.withdrawal import withdraw_topic
from ig_assets.core.reports.texts.text_lists import (
    Filters,
    ScriptRow,
    TopicRow,
    VariantRow,
    list_scripts,
    list_topics,
    list_variants,
)
from ig_assets.core.reports.texts.whole_texts import (
    WholeText,
    whole_script,
    whole_variant,
)
from ig_assets.settings import load_settings
from ig_assets.wiring import Services


class Origin(StrEnum):
    """Where a script comes from."""

    LIBRARY = "library"
    HISTORY = "history"
    WINNER = "winner"


scripts = typer.Typer(help="The scripts of the corpus.", no_args_is_help=True)
variants = typer.Typer(
    help="What was written for each topic, and how far it came.", no_args_is_help=True
)
topics = typer.Typer(
    help="The topics of each month; withdraw one.", no_args_is_help=True
)

OnTopic = Annotated[
    str | None, typer.Option("--topic", "-t", help="Only with this in the topic.")
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="Rows to print.")]
Which = Annotated[
    str, typer.Argument(help="Its id or the start of it, its file, topic or author.")
]


@scripts.command("list")
@plain_errors
def list_the_scripts(
    topic: OnTopic = None,
    author: Annotated[
        str | None, typer.Option(help="Only with this in the author's name.")
    ] = None,
    origin: Annotated[
        Origin | None, typer.Option(help="Only scripts from there.")
    ] = None,
    month: InMonth = None,
    limit: Limit = 40,
    as_json: AsJson = False,
    separated: AsSeparated = None,
) -> None:
    """List the active scripts of the corpus; --month is when one was first seen.

    Example: `ig-assets scripts list --topic knife --origin library`
    """
    filters = Filters(topic, author, month, None if origin is None else origin.value)
    with Services(load_settings()).warehouse.transaction() as con:
        rows, count = list_scripts(con, filters)
    if print_data(rows, as_json, separated, ScriptRow.__annotations__):
        return
    shown = [
        {
            "id": _short(row["script_id"]),
            "first words": row["words"],
            "topic": row["topic"],
            "by": row["author"],
            "origin": _simulated(row["origin"], row["simulated"]),
            "rate": row["rate"],
        }
        for row in rows
    ]
    start = "bring the library in with `ig-assets sync`"
    _print(shown, "scripts", limit, filters, count, start)


@scripts.command("show")
@plain_errors
def show_script(script: Which, as_json: AsJson = False) -> None:
    """Show one script: its words, its figures, and what it was used for.

    Example: `ig-assets scripts show knife-mug-edge.md`
    """
    with Services(load_settings()).warehouse.transaction() as con:
        text = whole_script(con, script)
    _print_whole("script", text, as_json)


@variants.command("list")
@plain_errors
def list_the_variants(
    topic: OnTopic = None,
    author: Annotated[
        str | None, typer.Option(help="Only with this in the model's name.")
    ] = None,
    month: InMonth = None,
    limit: Limit = 40,
    as_json: AsJson = False,
    separated: AsSeparated = None,
) -> None:
    """List what was written for each topic, with its state.

    Example: `ig-assets variants list --month 2026-01`
    """
    filters = Filters(topic, author, month)
    with Services(load_settings()).warehouse.transaction() as con:
        rows, count = list_variants(con, filters)
    if print_data(rows, as_json, separated, VariantRow.__annotations__):
        return
    shown = [
        {
            "id": _short(row["variant_id"]),
            "month": row["month"],
            "topic": row["topic"],
            "arm": row["arm"],
            "hook": _words(row),
            "state": _simulated(row["state"], row["simulated"]),
        }
        for row in rows
    ]
    start = "write some with `ig-assets generate`, or turn `ig-assets loop`"
    _print(shown, "variants", limit, filters, count, start)


@variants.command("show")
@plain_errors
def show_variant(variant: Which, as_json: AsJson = False) -> None:
    """Show one variant: its words, its figures at the gates, what it was grounded in.

    Example: `ig-assets variants show 1f0c7a5e`
    """
    with Services(load_settings()).warehouse.transaction() as con:
        text = whole_variant(con, variant)
    _print_whole("variant", text, as_json)


@topics.command("list")
@plain_errors
def list_the_topics(
    topic: OnTopic = None,
    month: InMonth = None,
    limit: Limit = 40,
    as_json: AsJson = False,
    separated: AsSeparated = None,
) -> None:
    """List the topics of each month, and what became of them.

    Example: `ig-assets topics list --month 2026-01`
    """
    filters = Filters(topic=topic, month=month)
    with Services(load_settings()).warehouse.transaction() as con:
        rows, count = list_topics(con, filters)
    if print_data(rows, as_json, separated, TopicRow.__annotations__):
        return
    shown = [
        {
            "id": _short(row["topic_id"]),
            "month": row["month"],
            "topic": row["topic"],
            "due": row["due_on"] and f"{row['due_on']:%Y-%m-%d}",
            "state": row["state"],
            "variants": row["variants"],
            "published": _simulated(
                str(row["published"]), row["simulated"] and bool(row["published"])
            ),
        }
        for row in rows
    ]
    start = "they come from the calendar (IG_CALENDAR) when a month is generated"
    _print(shown, "topics", limit, filters, count, start)


@topics.command()
@plain_errors
def withdraw(
    topic: Annotated[str, typer.Argument(help="The topic, or the start of its id.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    month: InMonth = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take it back: plan the topic again.")
    ] = False,
    by: SaidBy = "",
    as_json: AsJson = False,
) -> None:
    """Stop writing for a topic, even if its calendar still has it.

    Example: `ig-assets topics withdraw "knife safety" --reason "off our brand"`
    """
    services = Services(load_settings())
    done = withdraw_topic(
        services.warehouse,
        services.clock,
        topic,
        month=month,
        reason=reason,
        changed_by=by or getpass.getuser(),
        undo=undo,
    )
    if as_json:
        print_json(done)
        return
    said = "is withdrawn" if done["is_withdrawn"] else "is planned again"
    sentence = f"The topic {done['topic']!r} of {done['month']} {said}."
    if done["is_withdrawn"] and (waiting := done["posts_waiting"]):
        posts = "1 post of it still waits" if waiting == 1 else f"{waiting} posts wait"
        sentence += (
            f" {posts} to go out: `ig-assets posts list --month {done['month']}` shows "
            "their ids, `ig-assets posts decline ID` stops them."
        )
    console.print(sentence, markup=False)


def _print(
    rows: Sequence[Mapping[str, Any]],
    things: str,
    limit: int,
    filters: Filters,
    count: int,
    start: str,
) -> None:
    """Print the rows as a table, or say why there are none."""
    if not count:
        console.print(f"There are no {things} yet; {start}.", markup=False)
    elif not rows:
        console.print(f"None of the {count:,} {things} has {filters}.", markup=False)
    else:
        print_table(rows[:limit], list(rows[0]), things.capitalize())
        if len(rows) > limit:
            console.print(
                f"{len(rows) - limit} more {things}; print all with "
                f"--limit {len(rows)}."
            )


def _print_whole(kind: str, text: WholeText, as_json: bool) -> None:
    if as_json:
        print_json(text)
        return
    console.print(f"[bold]{kind.capitalize()}[/bold] {text['id']}", highlight=False)
    for name, value in text["facts"].items():
        if value not in (None, ""):
            console.print(f"  {name}: {_said(value)}", markup=False, highlight=False)
    for name, words in text["parts"].items():
        console.print(f"\n[dim]{name}[/dim]")
        console.print(words, markup=False, highlight=False)
    for title, rows in text["tables"].items():
        if rows:
            console.print()
            columns = list(dict.fromkeys(name for row in rows for name in row))
            print_table(rows, columns, title.capitalize())


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}"
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)


def _short(id: str) -> str:
    return id if "/" in id else id[:8]


def _words(row: VariantRow) -> str | None:
    return "(forgotten)" if row["state"].startswith("forgotten") else row["words"]


def _simulated(text: str, simulated: bool) -> str:
    return f"{text} (simulated)" if simulated else text

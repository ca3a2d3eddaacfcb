"""`ig-assets lineage`: answers which scripts fed what, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.tree import Tree

from ig_assets.cli.output import (
    FAILED,
    AsJson,
    console,
    escaped,
    plain_errors,
    print_json,
    print_table,
)
from ig_assets.core.lineage.completeness import check_completeness
from ig_assets.core.lineage.model_scripts import (
    model_ids_of_script,
    model_ids_of_scripts,
    script_ids_of_model,
)
from ig_assets.core.reports.lineage.answer import (
    MANY,
    LineageAnswer,
    Subject,
    all_of_author,
    answer_lineage,
    page_of,
    subject_of,
)
from ig_assets.core.reports.lineage.labels import Node
from ig_assets.core.reports.lineage.names import within
from ig_assets.core.reports.lineage.page import DEV_UI, RELATIONS_IN_WORDS
from ig_assets.core.reports.lineage.trace import TraceRow
from ig_assets.core.reports.lineage.words import ModelScript
from ig_assets.errors import InputError
from ig_assets.files import OWNER_ONLY, write_atomic
from ig_assets.settings import load_settings
from ig_assets.warehouse.warehouse import Connection
from ig_assets.wiring import Services


@plain_errors
def lineage(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            help="A month, the name of a model, file, link, topic or author, or (the "
            "start of) any id; its kind may come first, as in `script knife`. "
            "`topic NAME` is what came of a topic."
        ),
    ] = None,
    author: Annotated[
        str, typer.Option(help="What came of all scripts of this author.")
    ] = "",
    down: Annotated[
        bool, typer.Option(help="What came of it, instead of what it came from.")
    ] = False,
    depth: Annotated[
        int | None, typer.Option(min=1, help="How many steps.", show_default="all")
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="As it was known at the end of this day."
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Write one page with both directions to this file."),
    ] = None,
    ui: Annotated[str, typer.Option(help="Dagster's UI, for links to runs.")] = DEV_UI,
    check: Annotated[
        bool, typer.Option("--check", help="Compare all edges with the tables.")
    ] = False,
    ids: Annotated[
        bool,
        typer.Option(
            "--ids",
            help="Of a model only the ids of the scripts that fed it, of a script only "
            "those of the models that it fed. Scripts in the same words count each, "
            "also those that came after the model; the answer without --ids has one "
            "row for the words.",
        ),
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Rows to print.")] = 40,
    as_json: AsJson = False,
) -> None:
    """Answer "which scripts fed this fine-tune, and on what evidence?"

    Example: `ig-assets lineage 2026-01 --html lineage.html`
    """
    services = Services(load_settings())
    if check:
        if what or author or down or depth or as_of or html or ids:
            raise InputError("--check looks at all edges; name nothing else.")
        _check(services, limit, as_json)
        return
    if ids:
        if down or depth or as_of or html:
            raise InputError("--ids is one step; it goes with no other option.")
        _print_ids(services, what or [], author, as_json)
        return
    until = None if as_of is None else as_of + timedelta(days=1)
    with services.warehouse.transaction() as con:
        words = [within(services.settings.data_dir, word) for word in what or []]
        subject = _subject(con, words, author)
        down = down or subject.kind in MANY
        ways = ("up", "down") if html is not None else (("down",) if down else ("up",))
        answer = answer_lineage(con, subject, ways, depth, until)
    if html is not None:
        _write_page(html, answer, services.clock.now(), as_of, ui)
        if not as_json:
            console.print(f"Written to {html}; it holds words of scripts.")
    if as_json:
        _print_as_json(answer, ways)
    elif html is None:
        _print_answer(answer, down, limit)


def _subject(con: Connection, what: Sequence[str], author: str) -> Subject:
    if author:
        if what:
            raise InputError("Name a thing or an --author, not both.")
        return all_of_author(con, author)
    if not what:
        raise InputError("Name what to look up, or an --author; see --help.")
    return subject_of(con, what)


def _print_ids(
    services: Services, what: Sequence[str], author: str, as_json: bool
) -> None:
    """Print the ids of the scripts that fed a model, or of the models that scripts fed.

    Each id is a line; nothing is printed if there are none. Raises InputError for a
    thing of another kind.
    """
    with services.warehouse.transaction() as con:
        words = [within(services.settings.data_dir, word) for word in what]
        subject = _subject(con, words, author)
        if subject.kind == "model":
            found = script_ids_of_model(con, subject.id)
        else:
            scripts = {i for kind, i in subject.nodes if kind == "script"}
            if not scripts or len(scripts) < len(subject.nodes):
                raise InputError(
                    f"--ids is for models, scripts and authors, not for a "
                    f"{subject.kind}; leave it out."
                )
            found = (
                model_ids_of_script(con, *scripts)
                if len(scripts) == 1
                else model_ids_of_scripts(con, scripts)
            )
    if as_json:
        print_json(found)
        return
    for one in found:
        console.print(one, markup=False, highlight=False, soft_wrap=True)


def _write_page(
    file: Path, answer: LineageAnswer, now: datetime, as_of: datetime | None, ui: str
) -> None:
    try:
        page = page_of(answer, now, as_of, ui)
        write_atomic(file, page, mode=OWNER_ONLY)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}.") from None


def _print_as_json(answer: LineageAnswer, ways: Sequence[str]) -> None:
    rows = {"up": answer.before, "down": answer.after}
    print_json(
        {
            "kind": answer.subject.kind,
            "id": answer.subject.id,
            "label": answer.label,
            "sentence": answer.sentence,
            "renamed": answer.renamed,
            "scripts": answer.behind,
            "texts": answer.texts,
            "edges": [row for way in ways for row in rows[way]],
        }
    )


def _print_answer(answer: LineageAnswer, down: bool, limit: int) -> None:
    if answer.renamed is not None:
        console.print(answer.renamed, markup=False, highlight=False)
    if answer.sentence is not None:
        console.print(answer.sentence, markup=False)
        _print_scripts(answer.texts, limit)
    rows = answer.after if down else answer.before
    title = f"{answer.subject.kind} {answer.label}"
    if not rows:
        console.print(
            f"{title} has nothing {'after' if down else 'before'} it.", markup=False
        )
        return
    _print_tree(rows, answer, f"{'After' if down else 'Before'} {title}", limit, down)


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
                "pairs lost": text.as_worse,
                "why": text.why,
            }
            for text in texts[:limit]
        ],
        [
            "first words",
            "topic",
            "by",
            "origin",
            "lines",
            "learnt",
            "pairs lost",
            "why",
        ],
    )
    console.print(
        "lines: training lines that hold it as the better text; learnt: how many of "
        "them the model learnt from; pairs lost: pairs that hold it as the worse text.",
        style="dim",
    )
    _say_rest("scripts", len(texts), limit)


def _print_tree(
    rows: Sequence[TraceRow], answer: LineageAnswer, title: str, limit: int, down: bool
) -> None:
    """Print the rows as a tree, each below the thing through which it was reached.

    With `down`, a line says how its thing came from the thing above; otherwise it says
    how the thing above came from its thing. A thing that has a branch already is
    marked.
    """
    tree = Tree(escaped(title))
    nodes = answer.subject.nodes
    branches: dict[Node, Tree] = dict.fromkeys(nodes, tree)
    if len(nodes) > 1:
        branches = {node: tree.add(_thing(node, answer.names)) for node in nodes}
    for row in rows[:limit]:
        here, over = (row.kind, row.id), branches[row.via_kind, row.via_id]
        how = f"[dim]{RELATIONS_IN_WORDS.get(row.relation, row.relation)}[/dim]"
        thing = _thing(here, answer.names)
        said = f"{thing} ({how})" if down else f"{how} {thing}"
        notes = [
            *(["superseded"] if row.superseded_at else []),
            *(note for note in (row.accepted, row.held) if note),
            *(["see above"] if here in branches else []),
        ]
        said += "".join(f" ({escaped(note)})" for note in notes)
        branch = over.add(said)
        branches.setdefault(here, branch)
    console.print(tree, highlight=False)
    _say_rest("edges", len(rows), limit)


def _thing(node: Node, names: Mapping[Node, str]) -> str:
    """Return the kind and label, and the start of the id, which `lineage` accepts."""
    kind, id = node
    short = id if "/" in id else id[:8]
    label = f"{names[node]} · {short}" if node in names else short
    return f"{kind} {escaped(label)}"


def _say_rest(things: str, count: int, limit: int) -> None:
    if count > limit:
        console.print(
            f"{count - limit} more {things} beyond; print all with --limit {count}."
        )


def _check(services: Services, limit: int, as_json: bool) -> None:
    """Print gaps in lineage. Exits with 1 if there are any."""
    with services.warehouse.transaction() as con:
        found = check_completeness(con, limit)
    if as_json:
        print_json(found)
    else:
        console.print(
            f"{found.edges:,} edges and {found.facts:,} facts of the tables were "
            + ("compared: lineage is whole." if not found.count else "compared.")
        )
        rows = [vars(gap) for gap in found.gaps[:limit]]
        if rows:
            print_table(rows, ["kind", "id", "fault"])
            _say_rest("gaps", found.count, len(rows))
    if found.count:
        raise typer.Exit(FAILED)

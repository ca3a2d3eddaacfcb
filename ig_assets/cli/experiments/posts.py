"""`ig-assets posts`: a person reviews posts before they are published."""

from __future__ import annotations

import dataclasses
import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ig_assets.cli.experiments.posts_export import Status, export
from ig_assets.cli.output import (
    AsJson,
    AsSeparated,
    InMonth,
    console,
    escaped,
    plain_errors,
    print_data,
    print_json,
    print_table,
)
from ig_assets.core.experiments.posts.review import (
    Decided,
    ReviewRow,
    approve_posts,
    decline_posts,
    edit_post,
    posts_for_review,
)
from ig_assets.core.experiments.posts.reviewers import Review
from ig_assets.errors import InputError
from ig_assets.settings import load_settings
from ig_assets.wiring import Services, make_instagram

if TYPE_CHECKING:
    from ig_assets.core.generation.gates.gates import Figure

app = typer.Typer(
    help="Look at what would go out, say yes or no to it, or put it in your words.",
    no_args_is_help=True,
)


app.command()(export)

PostIds = Annotated[list[str] | None, typer.Argument(help="Ids of posts.")]
DecidedBy = Annotated[str | None, typer.Option("--by", help="Who; default: you.")]
Everything = Annotated[
    bool, typer.Option("--all", help="Every post of --month that waits.")
]


@app.command("list")
@plain_errors
def list_posts(
    month: InMonth = None,
    status: Annotated[
        Status | None, typer.Option(help="Only posts in this state.")
    ] = None,
    text: Annotated[bool, typer.Option(help="Show the words as well.")] = False,
    as_json: AsJson = False,
    separated: AsSeparated = None,
) -> None:
    """List the posts with their state, in the order of their slots.

    Example: `ig-assets posts list --status proposed --text`
    """
    asked = None if status is None else status.value
    rows = posts_for_review(Services(load_settings()).warehouse, month, asked)
    if print_data(rows, as_json, separated, ReviewRow.__annotations__):
        return
    if not rows:
        console.print("There is no such post.")
        return
    columns = ["post_id", "variant_id", "topic", "arm", "slot", "status"]
    columns += ["edited_by", "reviewed_by"]
    print_table([_with_audience(row) for row in rows], columns, "Posts")
    if text:
        for row in rows:
            console.print(
                f"\n[bold]{row['post_id']}[/bold] {escaped(row['topic'] or '')}"
            )
            parts = [row["hook"], row["body"], row["call_to_action"]]
            for part in parts if any(parts) else ["(forgotten)"]:
                console.print(part, markup=False)


@app.command()
@plain_errors
def approve(
    posts: PostIds = None,
    month: InMonth = None,
    everything: Everything = False,
    video: Annotated[
        str | None, typer.Option(help="Public URL of the reel, for Instagram.")
    ] = None,
    by: DecidedBy = None,
    as_json: AsJson = False,
) -> None:
    """Approve posts; they are published when their slot comes.

    A slot that passed more than a day ago is first moved on by whole days.

    Example: `ig-assets posts approve --month 2026-05 --all`
    """
    services = Services(load_settings())
    chosen = _chosen(services, posts, month, everything, "proposed")
    real = services.settings.social == "instagram"
    now = services.clock.now()
    review = Review(by or getpass.getuser(), now)
    done = approve_posts(services.warehouse, chosen, video, real, now, review)
    _report("approved", done, as_json)


@app.command()
@plain_errors
def decline(
    posts: PostIds = None,
    month: InMonth = None,
    everything: Everything = False,
    reason: Annotated[
        str, typer.Option(help="Why not; needed, and kept with the decision.")
    ] = "",
    by: DecidedBy = None,
    as_json: AsJson = False,
) -> None:
    """Decline posts; they never go out, their variants stay as they are.

    Example: `ig-assets posts decline 1f0c7a5e9b3d2468 --reason "off our brand"`
    """
    services = Services(load_settings())
    chosen = _chosen(services, posts, month, everything, "proposed")
    review = Review(by or getpass.getuser(), services.clock.now(), reason)
    done = decline_posts(services.warehouse, chosen, review)
    _report("declined", done, as_json)


@app.command()
@plain_errors
def edit(
    post: Annotated[str, typer.Argument(help="The id of a post that is not out yet.")],
    text: Annotated[
        Path, typer.Option(help="Markdown: `# hook`, the body, `CTA: …` last.")
    ],
    by: Annotated[str | None, typer.Option(help="Who edits; default: you.")] = None,
    as_json: AsJson = False,
) -> None:
    """Publish your words instead of the variant's; the original is kept.

    Your words are measured at the gates, which only warn and refuse nothing.

    Example: `ig-assets posts edit 1f0c7a5e9b3d2468 --text better.md`
    """
    from ig_assets.core.generation.gates.gates import GATES

    content = _content(text)
    services = Services(load_settings())
    editor = by or getpass.getuser()
    edited = edit_post(services.warehouse, services.clock, post, content, editor)
    figures, warnings = _measured(services, post)
    if as_json:
        print_json(
            dataclasses.asdict(edited) | {"figures": figures, "warnings": warnings}
        )
        return
    console.print(
        f"Post {edited.post_id} goes out as revision {edited.revision_hash[:12]}; the "
        f"variant {edited.variant_id} keeps its words ({edited.original_hash[:12]})."
    )
    measured = [
        f"{GATES[figure.gate]} {figure.figure:.2f}"
        for figure in figures
        if figure.figure is not None
    ]
    console.print(", ".join(measured), style="dim", markup=False)
    for warning in warnings:
        console.print(f"Warning: {warning}", style="yellow", markup=False)


def _measured(services: Services, post: str) -> tuple[list[Figure], list[str]]:
    """Return the figures of the edit, and a sentence for each gate that it fails."""
    from ig_assets.core.generation.gates.banned_words import read_banned
    from ig_assets.core.generation.gates.gates import Gates
    from ig_assets.core.generation.polishing.edits import measure_edit

    settings = services.settings
    try:
        banned = read_banned(settings.banned_words)
    except InputError as error:
        return [], [f"the words were not measured at the gates. {error}"]
    gates = Gates(settings.novelty_floor, banned=banned)
    figures = measure_edit(services.warehouse, services.clock, gates, post)
    failed = [figure.why_not for figure in figures if figure.why_not]
    return figures, [f"{why}; the edit is kept, you decide." for why in failed]


@app.command()
@plain_errors
def attach(
    variant: Annotated[
        str,
        typer.Argument(
            help="The variant that is out: its id, the beginning of it, or its post."
        ),
    ],
    media: Annotated[str, typer.Option(help="The post's media id or its link.")],
    text: Annotated[
        Path | None, typer.Option(help="The published words, if they were edited.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who edited; default: you.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say which Instagram post a variant went out as; its figures are read from then.

    Example: `ig-assets posts attach 1f0c7a5e --media https://www.instagram.com/reel/…`
    """
    from ig_assets.core.experiments.posts.attach import attach_post

    content = None if text is None else _content(text)
    services = Services(load_settings())
    account = make_instagram(services.settings)
    attached = attach_post(
        services.warehouse,
        services.clock,
        account,
        variant,
        media,
        content,
        by or getpass.getuser(),
    )
    if as_json:
        print_json(attached)
        return
    words = "words of its own" if attached.edited else "the planned words"
    console.print(
        f"Post {attached.post_id} is out as {attached.platform_post_id}, with {words}."
    )


@app.command()
@plain_errors
def detach(
    post: Annotated[str, typer.Argument(help="The id of a post that was attached.")],
) -> None:
    """Undo a mistaken attachment, and delete what was read from that media.

    Example: `ig-assets posts detach 1f0c7a5e9b3d2468`
    """
    from ig_assets.core.experiments.posts.attach import detach_post

    services = Services(load_settings())
    media = detach_post(services.warehouse, post)
    console.print(
        f"Post {post} is {media} no more; its figures and its experiment's evidence "
        "were taken back. Attach the right one with `ig-assets posts attach`."
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise InputError(f"The file {path} cannot be read.") from None


def _chosen(
    services: Services,
    posts: list[str] | None,
    month: str | None,
    everything: bool,
    status: str,
) -> list[str]:
    if everything == bool(posts) or (everything and month is None):
        raise InputError("Name posts, or a month with `--month 2026-05 --all`.")
    if posts:
        return posts
    rows = posts_for_review(services.warehouse, month, status)
    return [row["post_id"] for row in rows]


def _report(decision: str, done: Decided, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                decision: done.count,
                "left_as_they_were": len(done.left),
                "left": [
                    {"post_id": post_id, "state": state}
                    for post_id, state in done.left.items()
                ],
            }
        )
        return
    console.print(f"{done.count} {decision}, {len(done.left)} left as they were.")
    for post_id, state in done.left.items():
        console.print(f"Post {post_id} was left: it is {state}.", markup=False)


def _with_audience(row: ReviewRow) -> dict[str, object]:
    """Return a row for the terminal, whose status says if the audience is simulated."""
    status = f"{row['status']}{' (simulated)' if row['simulated'] else ''}"
    return {**row, "status": status}

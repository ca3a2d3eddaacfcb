"""`ig-assets forget`: deletes a script's words wherever they went."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from ig_assets.cli.output import (
    FAILED,
    AsJson,
    console,
    escaped,
    plain_errors,
    print_json,
    print_table,
)
from ig_assets.core.corpus.queries import by_another_now, scripts_by_author
from ig_assets.core.forgetting.traces.named import named_scripts
from ig_assets.core.forgetting.service import (
    Plan,
    forget as forget_scripts,
    plan_forgetting,
    resume,
)
from ig_assets.core.reports.lineage.names import script_named
from ig_assets.core.reports.lineage.renames import renamed_sentence
from ig_assets.errors import InputError
from ig_assets.headless.one_command import one_command
from ig_assets.settings import load_settings
from ig_assets.warehouse.forgetting.receipts import Receipt
from ig_assets.wiring import Services


@plain_errors
def forget(
    scripts: Annotated[
        list[str] | None,
        typer.Argument(help="Ids of scripts, files' names, or beginnings of these."),
    ] = None,
    author: Annotated[
        str, typer.Option(help="All scripts with words by this author, now or earlier.")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why; it is in the receipt.")] = "",
    by: Annotated[
        str, typer.Option(help="Who asks for it. [default: your user name]")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be touched; no more.")
    ] = False,
    go_on: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Finish interrupted requests, repeat restored ones, and look again "
            "where words were left.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a script's words in tables, index and training files; this is for good.

    Example: `ig-assets forget knife-mug-edge.md --reason "the author asked for it"`
    """
    settings = load_settings()
    work = Services(settings).forgetting
    if go_on:
        if scripts or author or dry_run:
            raise InputError("--resume goes on with earlier requests; name no script.")
        with one_command(settings.data_dir):
            receipts = resume(work)
        _print_receipts(receipts, as_json)
        return
    with work.warehouse.transaction() as con:
        named = named_scripts(con, scripts or [], author, script_named)
        theirs = scripts_by_author(con, author) if author else []
        renamed = {i: said for i in named if (said := renamed_sentence(con, i))}
    others = by_another_now(theirs, author)
    if not named:
        if not as_json:
            console.print("All scripts of this author were forgotten already.")
        _print_receipts([], as_json)
        return
    if not dry_run and not reason.strip():
        raise InputError("Forgetting cannot be undone; say why with --reason.")
    plan = plan_forgetting(work, named)
    if dry_run:
        if as_json:
            print_json(plan.as_json() | {"by_another_now": others, "renamed": renamed})
        else:
            _print_plan(plan, others, renamed)
            console.print("Nothing was deleted.")
        return
    if not as_json:
        _print_plan(plan, others, renamed)
    with one_command(settings.data_dir):
        receipt = forget_scripts(
            work, named, reason, by or getpass.getuser(), author=author
        )
    _print_receipts([] if receipt is None else [receipt], as_json)


def _print_plan(
    plan: Plan, others: Mapping[str, str], renamed: Mapping[str, str]
) -> None:
    """Print what would be forgotten: counts and ids.

    `others` has a sentence for each script (by id) that is by another author now, and
    `renamed` one for each script that has another name.
    """
    erasure, found = plan.found.erasure, plan.found
    counts: Mapping[str, object] = {
        **{f"rows of {table}": n for table, n in plan.rows.items()},
        "scripts": len(erasure.scripts),
        "of them with the same words": len(found.same_words),
        "of them arms of the same test": len(found.sibling_arms),
        "variants": len(erasure.variants),
        "of them copies": len(found.copied),
        "training examples": len(erasure.examples),
        "models tainted": len(erasure.models),
        "stay: scripts with the same letters": len(found.same_letters),
        "stay: variants that had it in their prompt": len(found.influenced),
        "stay: models with it in their dataset": len(found.influenced_models),
        "stay: similar scripts": len(found.similar),
        "out: published posts": sum(
            not post.get("simulated") for post in found.published
        ),
    }
    print_table([{"what": k, "how many": v} for k, v in counts.items()], _COLUMNS)
    for script_id in erasure.scripts:
        said = f" ({others[script_id]})" if script_id in others else ""
        said += f" {renamed[script_id]}" if script_id in renamed else ""
        console.print(f"  {escaped(script_id + said)}", highlight=False)
    if not others.keys().isdisjoint(erasure.scripts):
        console.print(
            "All words of these scripts are forgotten, those by other authors too; "
            "name scripts by their ids, without --author, to forget fewer of them.",
            highlight=False,
        )
    for script_id in found.same_letters:
        said = f"  the same letters in other spacing or marks, stays: {script_id}"
        console.print(escaped(said), highlight=False)
    if found.same_letters:
        console.print(
            "Name these too to forget them in the same request; otherwise the next "
            "sync refuses their files, and their words stay in the tables.",
            highlight=False,
        )
    for script_id in found.similar:
        console.print(f"  similar, stays: {escaped(script_id)}", highlight=False)


_COLUMNS = ["what", "how many"]


def _print_receipts(receipts: list[Receipt], as_json: bool) -> None:
    """Print what was done. Exits with 1 if words are left somewhere."""
    fields = [receipt.fields for receipt in receipts]
    if as_json:
        print_json(
            [
                one | ({} if receipt.again is None else {"again": receipt.again})
                for receipt, one in zip(receipts, fields, strict=True)
            ]
        )
    elif not receipts:
        console.print("Nothing is left to forget.")
    left = [
        name
        for receipt, one in zip(receipts, fields, strict=True)
        for name in _places(one["steps"] if receipt.again is None else receipt.again)
    ]
    for receipt, one in zip(receipts, fields, strict=True):
        if as_json:
            continue
        if receipt.again is not None:
            looked = "search" in receipt.again
            console.print(_looked_again(receipt) if looked else _again(receipt))
            if sentence := active_said(receipt.again.get("models", {})):
                console.print(f"  {escaped(sentence)}", highlight=False)
            continue
        search = one["steps"].get("search", {})
        console.print(
            f"Forgotten. Receipt {receipt.number} ({receipt.request_id}); "
            f"{search.get('sentences', 0)} sentences were looked for in "
            f"{search.get('files', 0)} files and all tables."
        )
        for sentence in _said(one["steps"]):
            console.print(f"  {escaped(sentence)}", highlight=False)
        for sentence in one["not_undone"]:
            console.print(f"  {escaped(sentence)}", highlight=False)
    if left:
        if not as_json:
            console.print(
                f"[red]Words are left in:[/red] {escaped(', '.join(left))}. Remove "
                "them there, then run `ig-assets forget --resume`, which looks again."
            )
        raise typer.Exit(FAILED)


def _again(receipt: Receipt) -> str:
    """Return a sentence on a request to forget that was repeated after a restore.

    It leaves out the figures of the first time.
    """
    again = receipt.again or {}
    months = len(again.get("datasets", {}))
    return (
        f"Forgotten again after a restore. Receipt {receipt.number} "
        f"({receipt.request_id}); the index, the training files of "
        f"{months} {'month' if months == 1 else 'months'} and the warehouse were "
        "rewritten. Its words are not known any more, so none were looked for."
    )


def _looked_again(receipt: Receipt) -> str:
    """Return a sentence on a search that was repeated, since words had been left."""
    search = (receipt.again or {})["search"]
    name = f"Receipt {receipt.number} ({receipt.request_id})"
    begin = f"Deleted and looked again. {name}; "
    if not search["sentences"]:
        before = ", ".join(_places(receipt.fields["steps"]))
        return begin + (
            "its words are not known any more, so none were looked for; before, some "
            f"were in: {escaped(before)}."
        )
    return begin + (
        f"{search['sentences']} sentences were looked for in {search['files']} files "
        "and all tables."
    )


def _said(steps: Mapping[str, Any]) -> list[str]:
    """Return sentences for the person who forgot scripts.

    They say how many sentences stay because other texts have them too, and what became
    of a tainted active model. `steps` is what the steps of forgetting reported.
    """
    said = []
    if shared := steps.get("search", {}).get("shared"):
        tables = ", ".join(sorted(shared))
        said.append(
            f"At least {max(shared.values())} of the sentences stay, since other texts "
            f"have them too ({tables}); name these scripts to forget them as well."
        )
    if sentence := active_said(steps.get("models", {})):
        said.append(sentence)
    return said


def active_said(settled: Mapping[str, Any]) -> str:
    """Return a sentence on the model that is active after forgetting.

    `settled` is what the step for models reported. Returns "" if no active model was
    tainted.
    """
    sentence = _ACTIVE.get(str(settled.get("active")), "")
    return sentence.format(model=settled.get("model"))


_ACTIVE = {
    "rolled back": "The active model was tainted; {model} is active in its place.",
    "none left": "The active model {model} was tainted; no other was active before it.",
    "kept": "The active model {model} is tainted and stays active "
    "(IG_TAINTED_ACTIVE=keep).",
}


def _places(steps: Mapping[str, Any]) -> list[str]:
    return list(steps.get("search", {}).get("places", {}))

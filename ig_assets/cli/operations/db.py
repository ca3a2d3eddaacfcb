"""`ig-assets db`: prints views; backs up, restores, migrates and moves tables."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from ig_assets.cli.output import (
    FAILED,
    AsJson,
    console,
    escaped,
    plain_errors,
    print_json,
)
from ig_assets.errors import InputError
from ig_assets.files import from_home
from ig_assets.setting_values import MOST_DAYS
from ig_assets.settings import Settings, load_settings
from ig_assets.warehouse.backends import Home
from ig_assets.warehouse.comments import views_sql
from ig_assets.warehouse.migrations import MIGRATIONS
from ig_assets.warehouse.moving.copying import silent
from ig_assets.warehouse.writers.presence import check_present
from ig_assets.wiring import make_clock, make_money_clock, make_warehouse, receipts_of

app = typer.Typer(
    help="Read, back up, restore, migrate and move the warehouse.",
    no_args_is_help=True,
)

KINDS = ("duckdb:///", "postgres:", "ducklake:postgres:")
_FROM_ENVIRONMENT = "env:"


@app.command()
@plain_errors
def views() -> None:
    """Print the named views (`latest_decisions`, `current_scripts`, …) as SQL.

    They are not stored in the warehouse. Each line of comment says what a row is. The
    SQL attaches a warehouse file for reading; while your client has it open, ig-assets
    waits for it, so close the client when you are done.

    Example: `ig-assets db views > views.sql`, then `duckdb -init views.sql` and
    `SELECT * FROM latest_decisions;`
    """
    typer.echo(views_sql(load_settings().warehouse_location), nl=False)


@app.command()
@plain_errors
def backup(
    folder: Annotated[
        Path, typer.Argument(help="Where backups are kept, on another disk.")
    ],
    keep: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Delete all but this data folder's newest so many backups there.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Copy the warehouse, of any kind, into a new folder as one DuckDB file.

    The warehouse may be used meanwhile. Users of a file wait while its bytes are
    copied; users of a server do not wait. The index is not copied; `ig-assets sync`
    builds it again.

    Example: `ig-assets db backup /mnt/backups --keep 14`
    """
    from ig_assets.warehouse.moving.backups import back_up, owner_of
    from ig_assets.warehouse.moving.rotation import Rotation, remove_older

    settings = load_settings()
    url = settings.warehouse_location
    check_present(Home(url).path)
    receipts = receipts_of(settings, Home(url).path)
    owner = owner_of(settings.data_dir)
    made = back_up(url, receipts, folder, make_money_clock().now(), owner)
    rotated = Rotation() if keep is None else remove_older(folder, keep, made)
    if as_json:
        print_json(
            {
                "folder": str(made.folder),
                "made_at": made.made_at,
                "migration": made.migration,
                "sha256": made.sha256,
                "rows": made.rows,
                "removed": [str(path) for path in rotated.deleted],
                "spared": None if rotated.spared is None else str(rotated.spared),
                "dated_ahead": [str(path) for path in rotated.dated_ahead],
            }
        )
        return
    _say(
        f"{made.folder}: {made.total:,} rows in {len(made.rows)} tables, "
        f"migration {made.migration}."
    )
    for path in rotated.deleted:
        _say(f"deleted: {path}")
    for sentence in rotated.sentences():
        _say(sentence)


@app.command()
@plain_errors
def restore(
    folder: Annotated[
        Path, typer.Argument(help="The folder of one backup, warehouse-….")
    ],
    newest: Annotated[
        bool,
        typer.Option(
            "--newest",
            help="FOLDER holds backups: take the newest that this data folder made.",
        ),
    ] = False,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Replace a warehouse with rows; it is kept beside."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup in the place of the warehouse that the settings name.

    The backup is first compared with its manifest. What was forgotten after it was made
    is forgotten again. Stop the daemon before, and run `ig-assets sync` afterwards.

    Example: `ig-assets db restore /mnt/backups/warehouse-20260501T090000Z --replace`
    """
    from ig_assets.cli.operations.forget import active_said
    from ig_assets.core.forgetting.steps import settle_replayed
    from ig_assets.headless.one_command import one_command
    from ig_assets.warehouse.moving.backups import read_backup
    from ig_assets.warehouse.moving.restoring import restore as put_back
    from ig_assets.warehouse.moving.rotation import (
        ahead_sentence,
        backups_ahead,
        newest_backup,
    )

    settings = load_settings()
    url = settings.warehouse_location
    ahead: list[Path] = []
    if newest:
        now = make_money_clock().now()
        ahead = backups_ahead(folder, settings.data_dir, now, all_if_unnamed=True)
        folder = newest_backup(folder, settings.data_dir, now)
    found = read_backup(from_home(folder))
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with one_command(settings.data_dir):
        done = put_back(
            found,
            url,
            receipts_of(settings, Home(url).path),
            make_money_clock().now,
            replace=replace,
            say=silent if as_json else _say,
        )
        settled = {}
        if done.forgotten:
            clock, rolls_back = make_clock(settings), settings.tainted_active
            home = make_warehouse(settings, clock)
            settled = settle_replayed(home, clock, rolls_back == "rollback")
            home.close()
    if as_json:
        print_json(
            {
                "rows": done.rows,
                "kept": None if done.kept is None else str(done.kept),
                "migrated": done.migrated,
                "forgotten_again": done.forgotten,
                "settled": settled,
                "folder": str(found.folder),
                "dated_ahead": [str(path) for path in ahead],
            }
        )
        return
    for path in ahead:
        _say(ahead_sentence(path))
    _say(f"{done.rows:,} rows were restored from {found.folder}.")
    if done.kept is not None:
        _say(f"What the warehouse held before is kept: {done.kept}")
    if done.migrated:
        _say(f"Migrations applied: {', '.join(map(str, done.migrated))}.")
    if done.forgotten:
        repeated = (
            "1 request to forget was"
            if done.forgotten == 1
            else f"{done.forgotten} requests to forget were"
        )
        _say(
            f"{repeated} repeated; run `ig-assets forget --resume` for the index and "
            "the training files."
        )
        if done.kept is not None:
            _say("It stays open while the copy that is kept has the words: delete it.")
    if sentence := active_said(settled):
        _say(sentence)
    _say("Run `ig-assets sync`: it compares the index with the restored tables.")


@app.command()
@plain_errors
def migrate(
    check: Annotated[
        bool,
        typer.Option("--check", help="Change nothing; exit with 1 if one is pending."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the warehouse to this version's schema; a newer one is refused.

    Any command does this at its first transaction; this command says what was done.
    Back up before you upgrade, since no migration can be reversed.

    Example: `ig-assets db migrate --check`
    """
    from ig_assets.warehouse.moving.state import home_state

    settings = load_settings()
    state = home_state(settings.warehouse_location)
    state.check()
    if state.pending and not check:
        with make_warehouse(settings, make_clock(settings)).transaction():
            pass
    titles = {number: title for number, title, _ in MIGRATIONS}
    if as_json:
        key = "pending" if check else "applied"
        print_json({key: [titles[number] for number in state.pending]})
    elif not state.pending:
        _say(f"The warehouse is at migration {max(state.applied)}, the newest.")
    else:
        _say("pending:" if check else "applied:")
        for number in state.pending:
            _say(f"  {titles[number]}")
    if check and state.pending:
        raise typer.Exit(FAILED)


@app.command()
@plain_errors
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A warehouse's URL.")],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="The URL of an empty one.")
    ],
    as_json: AsJson = False,
) -> None:
    """Move a warehouse to another home: DuckDB file, Postgres or DuckLake.

    Nothing else can use the two homes meanwhile, so stop the daemon. Each table is
    compared by rows and hashes. An interrupted copy goes on when you repeat the
    command; no version opens the target before it is complete. The source stays as it
    is. Give a URL with a password as `env:NAME`, the name of a variable that holds it.

    Example: `ig-assets db copy duckdb:////srv/ig/warehouse.duckdb env:NEW_HOME`
    """
    from ig_assets.warehouse.moving.copying import copy_home
    from ig_assets.warehouse.moving.receipt_folders import (
        bring_receipts,
        bring_working_files,
    )

    settings = load_settings()
    origin, goal = _url(source), _url(target)
    done = copy_home(origin, goal, say=silent if as_json else _say)
    folders = _receipts(settings, origin), _receipts(settings, goal)
    receipts = bring_receipts(*folders)
    bring_working_files(*folders)
    if as_json:
        print_json({"rows": done.rows, "written": done.written, "receipts": receipts})
        return
    _say(
        f"{done.total:,} rows in {len(done.rows)} tables are the same in both homes; "
        f"{done.written:,} of them were written now. Set IG_WAREHOUSE_URL to the new "
        "home, restart the daemon, and keep the old one until you trust it."
    )


@app.command()
@plain_errors
def retain(
    days: Annotated[
        int | None,
        typer.Option(
            min=1, max=MOST_DAYS, help="Keep what is younger. [default: IG_KEEP_DAYS]"
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be deleted; no more.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Delete old runs of Dagster's event log, and a DuckLake's old snapshots.

    The newest materialisation of each partition stays. No row of a table is deleted.

    Example: `ig-assets db retain --days 90 --dry-run`
    """
    import dagster as dg

    from ig_assets.defs.operations.old_runs import delete_runs, old_runs
    from ig_assets.headless.dagster_home import ensure_dagster_home
    from ig_assets.headless.one_command import one_command
    from ig_assets.warehouse.moving.snapshots import expire_snapshots

    settings = load_settings()
    kept = days or settings.keep_days
    if kept is None:
        raise InputError("Say for how many days, with --days or IG_KEEP_DAYS.")
    before = make_money_clock().now() - timedelta(days=kept)
    home = ensure_dagster_home(settings)
    with (
        one_command(settings.data_dir),
        dg.DagsterInstance.from_config(str(home)) as instance,
    ):
        runs = old_runs(instance, before)
        if not dry_run:
            delete_runs(instance, runs)
    snapshots = expire_snapshots(settings.warehouse_location, before, dry_run)
    if as_json:
        print_json({"runs": len(runs), "snapshots": snapshots, "before": before})
        return
    would = "would be" if dry_run else "were"
    _say(
        f"{len(runs):,} runs and {snapshots:,} snapshots from before "
        f"{before:%Y-%m-%d %H:%M} UTC {would} deleted."
    )


def _receipts(settings: Settings, url: str) -> Path:
    return receipts_of(settings, Home(url).path)


def _url(given: str) -> str:
    """Return the URL of a home; `env:NAME` stands for the content of that variable.

    Raises InputError for a URL of another kind, and for a variable that is not set.
    """
    url = given
    if given.startswith(_FROM_ENVIRONMENT):
        name = given.removeprefix(_FROM_ENVIRONMENT)
        url = os.environ.get(name, "")
        if not url:
            raise InputError(f"The variable {name} is not set, so no home is named.")
    if not url.startswith(KINDS):
        raise InputError(
            f"The URL of a warehouse begins with {', '.join(KINDS)}, or is env:NAME "
            "for a variable that holds it; see IG_WAREHOUSE_URL in .env.example."
        )
    return url


def _say(line: str) -> None:
    console.print(escaped(line), highlight=False, soft_wrap=True)

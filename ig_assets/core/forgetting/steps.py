"""Defines the steps of a forgetting. Each may be repeated without harm."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from typing import Any

from ig_assets.core.corpus.index import generations
from ig_assets.core.fine_tuning.evaluation.canary import previously_active
from ig_assets.core.fine_tuning.training_set.dataset_files import (
    MANIFEST,
    write_datasets,
)
from ig_assets.core.fine_tuning.training_set.manifests import PAGE
from ig_assets.core.fine_tuning.training_set.vendor_lines import SENT
from ig_assets.core.forgetting.traces.anew import find_anew
from ig_assets.core.forgetting.begun import write_begun
from ig_assets.core.forgetting.traces.copies import Bounds
from ig_assets.core.forgetting.traces.found import Found
from ig_assets.core.forgetting.traces.remarks import sources_of
from ig_assets.core.forgetting.residue import long_sentences, search
from ig_assets.core.identity import text_hash
from ig_assets.core.models.registry import activate, list_models
from ig_assets.core.ports import BatchEmbedder, Clock, VectorIndex
from ig_assets.errors import IgAssetsError
from ig_assets.warehouse.forgetting.erasure import REMARKS, erase, rows_to_erase
from ig_assets.warehouse.warehouse import Connection, Warehouse

Detail = dict[str, Any]


@dataclass(frozen=True)
class Forgetting:
    """The services and settings that a forgetting uses.

    `clock` is the loop's clock, which may be simulated, and `machine_clock` the
    machine's; a receipt has both times. `receipts` is the folder of receipts.
    `datasets` has a folder of training files per month. `batches` returns the vendor of
    embedding batches. All files below `searched` are searched, except those below
    `library`, which this program must not change. `rolls_back` says whether an active
    model that is tainted is replaced at once. `forget_training(examples, kept)` removes
    everything that was trained on the examples on this machine, except models named in
    `kept`. `forget_events(sources, sentences)` removes remarks about the sources, and
    the sentences, from Dagster's stored events. `seed` and `base_model` are used for
    months whose manifest states none.
    """

    clock: Clock
    machine_clock: Clock
    warehouse: Warehouse
    index: VectorIndex
    batches: Callable[[], BatchEmbedder]
    receipts: Path
    datasets: Path
    searched: tuple[Path, ...]
    library: Path | None
    bounds: Bounds
    rolls_back: bool
    seed: int
    base_model: str
    forget_training: Callable[[Collection[str], Collection[str]], Detail] = (
        lambda examples, kept: {}
    )
    forget_events: Callable[[Collection[str], Collection[str]], Detail] = (
        lambda sources, sentences: {}
    )


@dataclass(frozen=True)
class Step:
    """A named step; `run` returns its findings and actions, as JSON types.

    The tables are erased before these steps (`erase_tables`).
    """

    name: str
    run: Callable[[Forgetting, Found], Detail]


def erase_tables(work: Forgetting, found: Found) -> tuple[Found, Detail]:
    """Search again and erase the words in every table, in one transaction.

    No row can therefore be written between search and erasure. The findings are written
    to the working file before anything is erased. Returns (findings, the step's
    detail).
    """
    with work.warehouse.transaction() as con:
        found = find_anew(con, found, work.bounds)
        write_begun(work.receipts, found)
        rows = erase(con, found.erasure)
    return found, {"rows": rows, "erasure": found.erasure.as_json()}


def came_later(work: Forgetting, found: Found) -> bool:
    """Return whether the tables have rows of the scripts that are not erased."""
    with work.warehouse.transaction() as con:
        return bool(rows_left(con, find_anew(con, found, work.bounds)))


def rows_left(con: Connection, found: Found) -> dict[str, int]:
    """Return {table: number of remaining rows of the scripts themselves}.

    Two kinds of rows are not counted. Remarks are not, since a sync makes one each time
    that it refuses the script's file; vectors of parts are not, since other texts may
    have the same part.
    """
    whole = {revision_hash for _, revision_hash in found.erasure.revisions}
    whole |= {text_hash(text) for text in found.own}
    erasure = dataclasses.replace(found.erasure, contents=tuple(sorted(whole)))
    rows = rows_to_erase(con, erasure)
    return {table: n for table, n in rows.items() if table not in _NOT_OF_WHOLE}


_NOT_OF_WHOLE = (*REMARKS, "hook_vectors")


def settle_models(work: Forgetting, found: Found) -> Detail:
    """Decide which model is active, then remove models trained here on the examples."""
    settled = settle_active_model(work, found)
    with work.warehouse.transaction() as con:
        kept = [model.called for model in list_models(con) if model.status == "active"]
    return settled | work.forget_training(found.erasure.examples, kept)


def settle_active_model(work: Forgetting, found: Found) -> Detail:
    """Replace an active model that is tainted, or keep it, as `rolls_back` says."""
    was_active = found.active_model
    if was_active is None or was_active not in found.erasure.models:
        return {"active": None}
    with work.warehouse.transaction() as con:
        return _settle(con, was_active, work.rolls_back, work.clock.now())


_ACTIVATED = """
    SELECT model_id
    FROM model_events
    WHERE status = 'active'
    ORDER BY changed_at DESC, model_id DESC
"""


def settle_replayed(warehouse: Warehouse, clock: Clock, rolls_back: bool) -> Detail:
    """Decide which model is active after a replay of receipts.

    A replay runs while the warehouse is opened. It knows only ids, and taints models
    without checking which one is active.
    """
    with warehouse.transaction() as con:
        models = {model.model_id: model.status for model in list_models(con)}
        activated = [str(row[0]) for row in con.execute(_ACTIVATED).fetchall()]
        latest = next((one for one in activated if one in models), None)
        if latest is None or "active" in models.values() or models[latest] != "tainted":
            return {"active": None}
        return _settle(con, latest, rolls_back, clock.now())


def _settle(
    con: Connection, was_active: str, rolls_back: bool, now: datetime
) -> Detail:
    if not rolls_back:
        if not _is_active(con, was_active):
            reason = "tainted, and kept active by IG_TAINTED_ACTIVE=keep"
            activate(con, was_active, reason, now)
        return {"active": "kept", "model": was_active}
    previous = previously_active(con, was_active)
    if previous is None:
        return {"active": "none left", "model": was_active}
    if not _is_active(con, previous):
        reason = f"rollback: {was_active} learnt from a forgotten script"
        activate(con, previous, reason, now)
    return {"active": "rolled back", "model": previous}


def _is_active(con: Connection, model_id: str) -> bool:
    return any(
        m.model_id == model_id and m.status == "active" for m in list_models(con)
    )


_NAMESPACES = """
    SELECT namespace
    FROM index_spaces
    WHERE index_name = $1
    UNION
    SELECT namespace
    FROM index_entries
    WHERE index_name = $1
    UNION
    SELECT namespace
    FROM index_generations
    WHERE index_name = $1
    ORDER BY namespace
"""


def purge_index(work: Forgetting, found: Found) -> Detail:
    """Purge the scripts' vectors from every namespace that the index ever had.

    Raises VendorError. If the state of a namespace had a generation, it gets a new one,
    so that the next sync accepts it.
    """
    warehouse, index = work.warehouse, work.index
    with warehouse.transaction() as con:
        rows = con.execute(_NAMESPACES, [index.name]).fetchall()
    for (namespace,) in rows:
        state = generations.compare(warehouse, index, namespace)
        generations.begin(warehouse, index, namespace, work.clock.now())
        index.purge(namespace, found.erasure.scripts)
        if state.is_named:
            generations.end(warehouse, index, namespace, work.clock.now())
    return {"namespaces": [namespace for (namespace,) in rows]}


def ask_vendors(work: Forgetting, found: Found) -> Detail:
    """Ask vendors to delete the batch files with the words; return their answers.

    If a vendor refuses or cannot be reached, the step goes on; the answer is in the
    receipt.
    """
    answers: Detail = {}
    for one in found.vendors:
        if batch_id := one.get("batch"):
            try:
                count = work.batches().delete_files(batch_id)
                answers[batch_id] = {"files_deleted": count}
            except IgAssetsError as error:
                answers[batch_id] = {"not_deleted": str(error)}
    return {"batches": answers}


_MONTHS = """
    SELECT DISTINCT month
    FROM forgotten_examples
    WHERE example_id IN (SELECT unnest(?::TEXT[]))
    ORDER BY month
"""


def rewrite_datasets(work: Forgetting, found: Found) -> Detail:
    """Rewrite the training files of each month that had one of the examples.

    Pages of lineage, which show first words, are removed, and so are saved prompt
    states of local models. A month whose files exist without rows, as after a restore,
    is rewritten too.
    """
    for page in work.datasets.glob(f"*/{PAGE}"):
        page.unlink()  # `lineage_report` writes it again, of what is left
    for folder in work.searched:
        for state in folder.glob("local_model/*/prompt_states/*"):
            state.unlink(missing_ok=True)  # what a local model has read
    with work.warehouse.transaction() as con:
        rows = con.execute(_MONTHS, [list(found.erasure.examples)]).fetchall()
    months = {str(month) for (month,) in rows}
    gone = set(found.erasure.examples)
    for sent in work.datasets.glob(f"*/{SENT}"):
        rmtree(sent)  # what a killed process was sending
    for manifest in sorted(work.datasets.glob(f"*/{MANIFEST}")):
        for leftover in manifest.parent.glob(".*.part"):
            leftover.unlink(missing_ok=True)
        named = json.loads(manifest.read_text(encoding="utf-8"))["examples"]
        if gone & {example["example_id"] for example in named}:
            months.add(manifest.parent.name)
    return {month: _rewrite_month(work, month) for month in sorted(months)}


def _rewrite_month(work: Forgetting, month: str) -> Detail:
    path = work.datasets / month / MANIFEST
    if not path.is_file():
        return {"files": "none"}
    before = json.loads(path.read_text(encoding="utf-8"))
    after = write_datasets(
        work.warehouse,
        work.clock,
        month,
        work.datasets,
        before.get("seed", work.seed),
        before.get("base_model", work.base_model),
    )
    lines = sum(before.get("counts", {}).values())
    return {
        "dataset_before": before.get("dataset_hash"),
        "dataset_after": after.dataset_hash,
        "lines_removed": lines - after.lines,
    }


def clean_events(work: Forgetting, found: Found) -> Detail:
    """Remove from Dagster's events the words that earlier versions quoted there."""
    with work.warehouse.transaction() as con:
        sources = sources_of(con, found.erasure.scripts)
    return work.forget_events(sources, long_sentences([*found.texts, *found.quoted]))


def rewrite_warehouse(work: Forgetting, found: Found) -> Detail:
    """Rewrite the warehouse's file or the server's tables without erased rows.

    The detail says what a server still keeps.
    """
    left = work.warehouse.rewrite()
    return {"rewritten": True} | ({"left": left} if left else {})


def search_everywhere(work: Forgetting, found: Found) -> Detail:
    """Search for the words in all tables and files.

    Rows that name one of the scripts, or are its words, are reported by their table.
    """
    with work.warehouse.transaction() as con:
        latest = find_anew(con, found, work.bounds)
        rows = rows_left(con, latest)
        if not latest.texts:
            note = "The words are not known here any more."
            return {"sentences": 0, "note": note} | ({"places": rows} if rows else {})
        skipped = [work.receipts, *([work.library] if work.library else [])]
        residue = search(
            con, latest.texts, work.searched, skipped, latest.quoted, latest.own
        )
    places = {_below(work, name): n for name, n in residue.places.items()}
    return dataclasses.asdict(residue) | {"places": rows | places}


def _below(work: Forgetting, name: str) -> str:
    """Return a file's path relative to the searched folder that contains it."""
    path = Path(name)
    for folder in work.searched:
        if path.is_relative_to(folder):
            return path.relative_to(folder).as_posix()
    return name


STEPS: Sequence[Step] = (
    Step("models", settle_models),
    Step("index", purge_index),
    Step("vendors", ask_vendors),
    Step("datasets", rewrite_datasets),
    Step("events", clean_events),
    Step("warehouse", rewrite_warehouse),
    Step("search", search_everywhere),
)

"""Drops rows of posts that are not published: deleted, drafts, or failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ig_assets.core.tabular.cells.missing import is_missing
from ig_assets.core.tabular.columns.vocabulary import bare_name, plain_name
from ig_assets.core.tabular.files.dialect import is_typed
from ig_assets.core.tabular.table import Batch, Cell, Table

DELETED = "deleted"
UNPOSTED = "not posted"

_DELETED_NAMES = frozenset(
    ("deleted", "is_deleted", "deleted_at", "fivetran_deleted", "sdc_deleted_at")
    + ("ab_cdc_deleted_at", "hevo_marked_deleted", "airbyte_deleted_at")
)
_STATUS_NAMES = frozenset(
    ("status", "publish_status", "publishing_status", "publication_status", "state")
    + ("beitragsstatus", "veroffentlichungsstatus", "zustand", "statut", "estado")
    + ("stato", "situacao")
)
_TRUE = frozenset(("true", "t", "yes", "y", "1"))
_NOT_POSTED = frozenset(
    ("draft", "scheduled", "failed", "error", "pending", "queued", "rejected")
    + ("cancelled", "canceled", "unpublished", "not_published", "not_posted")
    + ("deleted", "in_review", "needs_approval", "awaiting_approval", "publish_failed")
    + ("entwurf", "geplant", "fehlgeschlagen", "ausstehend", "abgelehnt", "geloscht")
    + ("brouillon", "programme", "planifie", "echoue", "echec", "en_attente", "refuse")
    + ("supprime", "borrador", "programado", "fallido", "pendiente", "rechazado")
    + ("eliminado", "rascunho", "agendado", "falhou", "pendente", "rejeitado")
    + ("excluido", "bozza", "programmato", "pianificato", "fallito", "in_attesa")
    + ("rifiutato", "eliminato", "idea", "ideas", "backlog", "to_do", "todo", "planned")
    + ("not_started", "writing", "filming", "editing", "ready_to_post", "idee", "ideen")
    + ("ready_to_publish", "zu_erledigen", "nicht_begonnen", "idees", "a_faire")
    + ("por_hacer", "planeado", "ideia", "a_fazer", "planejado", "da_fare")
)
"""Values of a post's status before it is published, in six languages."""


def without_deleted(batches: Iterator[Batch], names: Sequence[str]) -> Iterator[Batch]:
    """Yield the batches without deleted rows, which are counted as skipped."""
    at = [n for n, name in enumerate(names) if plain_name(name) in _DELETED_NAMES]
    return _without(batches, at, _is_deleted, DELETED)


def posted_only(table: Table) -> Table:
    """Return the table without rows of unpublished posts, which count as skipped.

    The status of a post decides whether it is published.
    """
    at = [
        n
        for n, name in enumerate(table.columns)
        if {plain_name(name), bare_name(plain_name(name))} & _STATUS_NAMES
    ]
    return replace(
        table, _read=lambda: _without(table.batches(), at, _is_unposted, UNPOSTED)
    )


def _without(
    batches: Iterator[Batch],
    columns: Sequence[int],
    is_out: Callable[[Cell], bool],
    kind: str,
) -> Iterator[Batch]:
    if not columns:
        yield from batches
        return
    for batch in batches:
        kept = [
            n
            for n, row in enumerate(batch.rows)
            if not any(is_out(row[at]) for at in columns)
        ]
        if len(kept) < len(batch.rows):
            batch.skipped[kind] += len(batch.rows) - len(kept)
            batch.lines = [batch.lines[n] for n in kept]
            batch.rows = [batch.rows[n] for n in kept]
        yield batch


def _is_deleted(cell: Cell) -> bool:
    """Return whether the cell is true, or has the time of the deletion."""
    if is_missing(cell) or isinstance(cell, bool):
        return cell is True
    text = str(cell).strip().casefold()
    return text in _TRUE or (text != "0" and is_typed(text))


def _is_unposted(cell: Cell) -> bool:
    if not isinstance(cell, str) or len(cell) > 40:
        return False
    return plain_name(cell) in _NOT_POSTED

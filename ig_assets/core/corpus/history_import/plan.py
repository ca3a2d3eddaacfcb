"""Plans an import: which rows are taken as which scripts, posts and experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ig_assets.core.corpus.history_import.arms import (
    ImportedArm,
    ImportedExperiment,
    experiment_id_of,
    make_arms,
    make_experiments,
    rated_rows,
    script_id_of,
    single_post_ids,
)
from ig_assets.core.corpus.history_import.rows import HistoryRow, ParsedHistory
from ig_assets.core.corpus.history_import.sources import (
    PastImport,
    known_posts,
    known_scripts,
)
from ig_assets.core.corpus.rejects import HISTORY
from ig_assets.core.corpus.scripts.script import Reject
from ig_assets.core.identity import stable_id
from ig_assets.core.tabular import ValueOptions
from ig_assets.warehouse.warehouse import Connection

_FORGOTTEN = """
    SELECT script_id, CAST(NULL AS TEXT)
    FROM forgotten_scripts
    UNION ALL
    SELECT script_id, revision_hash
    FROM script_status
    WHERE script_id IN (SELECT script_id FROM forgotten_scripts)
"""


@dataclass(frozen=True)
class ImportOptions:
    """How a file is read, and what its experiments are.

    `mapping` ({ours: theirs}) overrides the guessed columns, `numerator` and
    `denominator` the guessed metrics of the rate. `simulated=None` takes the file's
    column, or False. `randomised` experiments split one audience at random; `sigma` is
    their post-to-post standard deviation of the log rate. `source` names the export;
    without it the file's name does with `by_name`, else its content. `values` says how
    numbers and dates are written, and `preset` which tool made the file.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    simulated: bool | None = None
    randomised: bool = True
    sigma: float = 0.0
    numerator: str | None = None
    denominator: str | None = None
    source: str | None = None
    by_name: bool = False
    values: ValueOptions = field(default_factory=ValueOptions)
    preset: str | None = None
    dry_run: bool = False


@dataclass(frozen=True)
class SourceFile:
    """A file of history: its name, the SHA-256 of its bytes, and its export."""

    name: str
    content_hash: str
    source: str

    @property
    def is_named(self) -> bool:
        """Whether the export has a name; if not, the content is the source."""
        return self.source != self.content_hash

    @property
    def import_id(self) -> str:
        """The id of the file's import."""
        parts = (self.content_hash, self.source)[: 2 if self.is_named else 1]
        return stable_id("import", *parts)


@dataclass(frozen=True)
class ImportPlan:
    """All rows that an import writes.

    `rows` are the accepted rows, `scripts` one of them per text by script_id. The
    earlier files of the source had `known_scripts`, and of `experiments` the ones in
    `known_experiments`.
    """

    file: SourceFile
    history: ParsedHistory
    rows: list[HistoryRow]
    rejects: tuple[Reject, ...]
    scripts: Mapping[str, HistoryRow]
    arms: list[ImportedArm]
    experiments: list[ImportedExperiment]
    known_scripts: set[str]
    known_experiments: set[str]


def plan_import(
    con: Connection,
    file: SourceFile,
    history: ParsedHistory,
    past: Sequence[PastImport],
    options: ImportOptions,
) -> ImportPlan:
    """Match the rows with the posts of earlier imports; writes nothing."""
    accepted, forgotten = _without_forgotten(con, history, file.name)
    rated = rated_rows(accepted, history)
    single_ids = single_post_ids(rated, file.import_id, file.source)
    ids = {experiment_id_of(row, file.source) for row in rated if row.experiment}
    known = known_posts(con, past, file.source, ids, single_ids.values())
    arms, mismatched = make_arms(rated, file.source, single_ids, known)
    numbers = {row.number for row in mismatched}
    rows = [row for row in accepted if row.number not in numbers]
    experiments = make_experiments(arms, history, options.randomised, options.sigma)
    return ImportPlan(
        file=file,
        history=history,
        rows=rows,
        rejects=history.rejects + forgotten + _mismatch_rejects(mismatched, file),
        scripts={script_id_of(row): row for row in rows},
        arms=arms,
        experiments=experiments,
        known_scripts=known_scripts(con, file.source),
        known_experiments={e["experiment_id"] for e in experiments} & {*known.arms},
    )


def _mismatch_rejects(
    rows: Sequence[HistoryRow], file: SourceFile
) -> tuple[Reject, ...]:
    return tuple(
        Reject(
            f"{HISTORY}{file.name}#{row.line}",
            "other words",
            f"An arm of test {row.experiment} of source {file.source} came with other "
            "words or another image before; another export needs another --source.",
        )
        for row in rows
    )


def _without_forgotten(
    con: Connection, history: ParsedHistory, name: str
) -> tuple[list[HistoryRow], tuple[Reject, ...]]:
    """The rows but those of forgotten scripts or words, and the rejects of these."""
    forgotten = {
        value
        for row in con.execute(_FORGOTTEN).fetchall()
        for value in row
        if value is not None
    }
    kept, rejects = [], []
    for row in history.rows:
        if row.revision_hash in forgotten or script_id_of(row) in forgotten:
            uri = f"{HISTORY}{name}#{row.line}"
            detail = "The script was forgotten on request."
            rejects.append(Reject(uri, "forgotten", detail))
        else:
            kept.append(row)
    return kept, tuple(rejects)

"""Plans an import: which rows are accepted, as which scripts, posts and experiments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ig_assets.core.corpus.history_import.identity.file_posts import (
    FilePost,
    GroupedRows,
)
from ig_assets.core.corpus.history_import.identity.known_posts import (
    KnownHistory,
    KnownPost,
)
from ig_assets.core.corpus.history_import.identity.matching import KnownLookup
from ig_assets.core.corpus.history_import.planning.arms import (
    ImportedArm,
    make_arms,
    script_id_of,
)
from ig_assets.core.corpus.history_import.planning.edited_words import current_words
from ig_assets.core.corpus.history_import.planning.experiments import (
    ImportedExperiment,
    Terms,
    judged_anew,
    looked_at,
    make_experiments,
    with_statements,
)
from ig_assets.core.corpus.history_import.planning.figures import performance_rows
from ig_assets.core.corpus.history_import.planning.memberships import (
    Membership,
    membership_notes,
    new_memberships,
)
from ig_assets.core.corpus.history_import.planning.missing_arms import (
    without_incomplete_tests,
)
from ig_assets.core.corpus.history_import.planning.rates import rate_posts, rate_tests
from ig_assets.core.corpus.history_import.planning.reading_times import (
    ReadingTime,
    reading_time,
    settle_time,
)
from ig_assets.core.corpus.history_import.planning.sentences import (
    arm_notes,
    experiment_notes,
    identity_notes,
    rate_notes,
)
from ig_assets.core.operations.present import Present
from ig_assets.core.corpus.history_import.reading.rows import HistoryRow, ParsedHistory
from ig_assets.core.corpus.history_import.reading.sources import known_scripts
from ig_assets.core.corpus.queries import forgotten_scripts, forgotten_words
from ig_assets.core.corpus.rejects import HISTORY
from ig_assets.core.corpus.scripts.script import Reject
from ig_assets.core.identity import forgotten_hashes, stable_id
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

FORGOTTEN = ("forgotten", "The script was forgotten on request.")

_ALIKE = (
    "cannot be distinguished",
    "Several posts have the same words and image, and their counts do not say "
    "which is which, so none of them or their test was changed; --map arm=COLUMN or "
    "--map post_id=COLUMN names them.",
)

_OTHER_WORDS = (
    "An arm of test {} of source {.source} came with other words or another image "
    "before; another export needs another --source."
)


@dataclass(frozen=True)
class ImportOptions:
    """How to read a file, and what a person states about its experiments.

    `mapping` ({our column: the file's column}) overrides guessed columns; `numerator`
    and `denominator` override the guessed rate. With `simulated` None the file's column
    says whether the counts are simulated, and without that column they are not. `as_of`
    is when the counts were read (naive UTC); with None the file's dates decide.
    `source` names the export. Without `source`, `by_name` derives it from shared posts
    or the file's name; without both, the source is the hash of the content. `values`
    are the formats of numbers and dates; `preset` is the tool that made the file. With
    `dry_run` nothing is written. `randomised`, `sigma`, `organic_sigma`, `running` and
    `ends` are those of `Terms`.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    simulated: bool | None = None
    randomised: bool | None = None
    sigma: float | None = None
    organic_sigma: float | None = None
    running: bool = False
    ends: datetime | None = None
    numerator: str | None = None
    denominator: str | None = None
    as_of: datetime | None = None
    source: str | None = None
    by_name: bool = False
    values: ValueOptions = field(default_factory=ValueOptions)
    preset: str | None = None
    dry_run: bool = False

    @property
    def terms(self) -> Terms:
        """What a person states about the tests."""
        return Terms(
            self.randomised, self.sigma, self.organic_sigma, self.running, self.ends
        )


@dataclass(frozen=True)
class SourceFile:
    """A file of history: its name, the SHA-256 of its bytes, and its source."""

    name: str
    content_hash: str
    source: str

    @property
    def is_named(self) -> bool:
        """Whether the source has a name; otherwise `source` is the `content_hash`."""
        return self.source != self.content_hash

    @property
    def import_id(self) -> str:
        """The id of the file's import."""
        parts = (self.content_hash, self.source)[: 2 if self.is_named else 1]
        return stable_id("import", *parts)


@dataclass(frozen=True)
class ImportPlan:
    """All rows that an import writes.

    `rows` are the accepted rows; `repeated` is the number of rows that add nothing.
    `scripts` maps each script id to a row with its words; `edited` are the ids of
    scripts with new words. `known_scripts` are the scripts of the source's earlier
    files, `known_experiments` the experiments that exist already, and `judged_anew`
    those existing experiments whose split, σ or rate changes. `leaving` are posts of
    earlier files that stop being arms of their test. `notes` are sentences about the
    assumptions made. `said_numerator` and `said_denominator` are the rate that a person
    stated, or None.
    """

    file: SourceFile
    history: ParsedHistory
    rows: list[HistoryRow]
    repeated: int
    rejects: tuple[Reject, ...]
    scripts: Mapping[str, HistoryRow]
    edited: set[str]
    arms: list[ImportedArm]
    leaving: list[KnownPost]
    memberships: list[Membership]
    experiments: list[ImportedExperiment]
    known_scripts: set[str]
    known_experiments: set[str]
    judged_anew: list[str]
    time: ReadingTime
    performance: list[dict[str, Any]]
    notes: tuple[str, ...]
    said_numerator: str | None = None
    said_denominator: str | None = None

    @property
    def skipped(self) -> dict[str, int]:
        """{kind: number of rows} of the rows that are neither accepted nor rejected.

        Repeated rows are among them.
        """
        repeated = {"repeated": self.repeated} if self.repeated else {}
        return {**(self.history.skipped or {}), **repeated}


def plan_import(
    con: Connection,
    file: SourceFile,
    history: ParsedHistory,
    grouped: GroupedRows,
    known: KnownHistory,
    options: ImportOptions,
    present: Present,
    corrects: bool = False,
) -> ImportPlan:
    """Match the posts of a file with those of earlier imports, and plan what to write.

    `corrects` is true if a person now states another rate for a file that is imported
    already. The function only reads the warehouse.
    """
    posts = grouped.posts
    rated = rate_posts(posts, history)
    across = options.by_name and options.source is None
    made = make_arms(rated.posts, file.source, file.import_id, known, across)
    forgotten = forgotten_scripts(con)
    whole = without_incomplete_tests(made.arms, known.posts, forgotten, file.source)
    kept = [arm for arm in whole.arms if arm.script_id not in forgotten]
    is_said = options.numerator is not None or options.denominator is not None
    tests = rate_tests(kept, known, history, is_said, corrects)
    arms = with_statements(tests.arms, options.terms)
    gone = [arm.post for arm in whole.arms if arm.script_id in forgotten]
    memberships = new_memberships(arms, known.posts)
    time, time_notes = settle_time(reading_time(posts, options.as_of, present), arms)
    set_aside = {post.row.number for post in (*gone, *made.other_words, *made.alike)}
    set_aside |= {row.number for row, *_ in whole.refused}
    left = [post for post in posts if post.row.number not in set_aside]
    taken = {row.line: row for post in left for row in post.rows}
    lookup = KnownLookup(known, file.source, across)
    words, edited = current_words(con, left, arms, time, lookup)
    experiments = make_experiments(arms, tests, options.terms, known, time)
    refused = [
        *grouped.refused,
        *_with_reason(gone, *FORGOTTEN),
        *_with_reason(made.alike, *_ALIKE),
        *whole.refused,
        *(
            (row, "other words", _OTHER_WORDS.format(row.experiment, file))
            for post in made.other_words
            for row in post.rows
        ),
    ]
    return ImportPlan(
        said_numerator=options.numerator,
        said_denominator=options.denominator,
        file=file,
        history=history,
        rows=list(taken.values()),
        repeated=len(grouped.repeated),
        rejects=(
            *history.rejects,
            *_rejects(file, [no for no in refused if no[0].line not in taken]),
        ),
        scripts={item.script_id: item.post.row for item in words},
        edited=edited,
        arms=arms,
        leaving=tests.leaving,
        memberships=memberships,
        experiments=experiments,
        known_scripts=known_scripts(con, file.source),
        known_experiments={e["experiment_id"] for e in experiments} & {*known.tests},
        judged_anew=judged_anew(experiments, known.tests),
        time=time,
        performance=performance_rows(con, words, history, file.source, time, corrects),
        notes=(
            *history.notes,
            *grouped.notes,
            *identity_notes(grouped),
            *rate_notes(rated, history, tests.apart),
            *arm_notes(arms, known),
            *membership_notes(arms, memberships),
            *experiment_notes(
                experiments, options.terms, known.tests, looked_at(con, experiments)
            ),
            *time_notes,
        ),
    )


def without_forgotten(
    con: Connection, history: ParsedHistory, name: str
) -> tuple[list[HistoryRow], tuple[Reject, ...]]:
    """Return (rows that may be stored, rejects of rows that were forgotten).

    A row is forgotten if its script is, or if its words are those of a forgotten
    script.
    """
    forgotten = {
        value
        for row in con.execute(_FORGOTTEN).fetchall()
        for value in row
        if value is not None
    }
    words = forgotten_words(con)
    kept, rejects = [], []
    for row in history.rows:
        if (
            row.revision_hash in forgotten
            or script_id_of(row) in forgotten
            or words
            and not words.isdisjoint(forgotten_hashes(row.text))
        ):
            rejects.append(Reject(f"{HISTORY}{name}#{row.line}", *FORGOTTEN))
        else:
            kept.append(row)
    return kept, tuple(rejects)


def _with_reason(
    posts: Iterable[FilePost], reason: str, detail: str
) -> list[tuple[HistoryRow, str, str]]:
    return [(row, reason, detail) for post in posts for row in post.rows]


def _rejects(
    file: SourceFile, refused: Sequence[tuple[HistoryRow, str, str]]
) -> tuple[Reject, ...]:
    """Return one reject for each line of the file that has a refused row."""
    found = {
        row.line: Reject(f"{HISTORY}{file.name}#{row.line}", reason, detail)
        for row, reason, detail in refused
    }
    return tuple(found.values())

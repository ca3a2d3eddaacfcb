"""Reports the state of a data folder: contents, active models, tasks for a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ig_assets.core.corpus.embedding.batch_api.report import stop_reason
from ig_assets.core.corpus.history_import.doubtful import doubtful_files
from ig_assets.core.models.registry import ModelRow, current_ranker, list_models
from ig_assets.warehouse.forgetting.unfinished import UNFINISHED
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

RECENT = timedelta(days=7)

# What only a person can settle: how many, what, and what to type.
WAITING = (
    (
        "SELECT count(*) FROM posts WHERE status = 'proposed'",
        "post{s} wait{v} for approval",
        "ig-assets posts list --status proposed",
    ),
    (
        "SELECT count(*) FROM held_winners",
        "winner{s} {is} held, because of a broken split or the like",
        "ig-assets experiments, then ig-assets accept ID --reason WHY",
    ),
    (
        "SELECT count(*) FROM current_rejects "
        "WHERE NOT starts_with(source_uri, 'history:')",
        "source{s} of scripts {is} rejected",
        "ig-assets sync --dry-run",
    ),
    (
        "SELECT count(*) FROM api_calls WHERE status = 'unknown'",
        "paid call{s} ended without an answer that is known",
        "ig-assets costs",
    ),
    (
        f"SELECT count(*) FROM forget_requests WHERE {UNFINISHED}",
        "request{s} to forget {is} not finished",
        "ig-assets forget --resume",
    ),
)

_MONTHS = """
SELECT month, topics, published, decided, undecided, job
FROM (SELECT month, count(*) FILTER (WHERE status = 'planned') AS topics
      FROM topics GROUP BY month)
LEFT JOIN (
    SELECT e.month, count(*) FILTER (WHERE p.status = 'published') AS published
    FROM posts p JOIN experiments e ON e.experiment_id = p.experiment_id
    WHERE p.variant_id IS NOT NULL
    GROUP BY e.month
) USING (month)
LEFT JOIN (
    SELECT e.month, count(*) FILTER (WHERE d.decision <> 'running') AS decided,
        count(*) FILTER (WHERE coalesce(d.decision, 'running') = 'running')
            AS undecided
    FROM experiments e
    LEFT JOIN latest_decisions d ON d.experiment_id = e.experiment_id
    WHERE e.topic_id IS NOT NULL
    GROUP BY e.month
) USING (month)
LEFT JOIN (
    SELECT month, arg_max(status, submitted_at) AS job
    FROM fine_tune_jobs GROUP BY month
) USING (month)
ORDER BY month
"""


@dataclass(frozen=True)
class MonthState:
    """One month of the calendar.

    `topics` is the number of planned topics, `published` the number of published posts;
    `decided` and `undecided` are numbers of tests. `fine_tune` is the status of the
    month's latest job, or None.
    """

    month: str
    topics: int
    published: int
    decided: int
    undecided: int
    fine_tune: str | None


@dataclass(frozen=True)
class Waiting:
    """A task that waits for a person, and the command that shows or settles it."""

    sentence: str
    command: str


@dataclass(frozen=True)
class Failure:
    """A failed run: its job, the time (naive UTC) and the reason."""

    job: str
    failed_at: datetime
    sentence: str


@dataclass(frozen=True)
class DataFolderState:
    """The state of a data folder, from its tables.

    `scripts` is {origin: number of active scripts}, `simulated_scripts` the number of
    those that come from a simulated audience or past. `models` is the number of
    registered models that write, `ranker` describes the ranker in use, `withdrawn` is
    the number of topics that a person withdrew. `failures` are the failed runs of the
    last week, newest first.
    """

    scripts: dict[str, int]
    simulated_scripts: int
    months: tuple[MonthState, ...]
    models: int
    active_model: str | None
    on_trial: str | None
    ranker: str | None
    withdrawn: int
    waiting: tuple[Waiting, ...]
    failures: tuple[Failure, ...]

    @property
    def scripts_in_words(self) -> str:
        """The numbers of scripts by origin, empty if there are none."""
        parts = [f"{count:,} {origin}" for origin, count in self.scripts.items()]
        said = ", ".join(parts)
        if not self.simulated_scripts:
            return said
        return f"{said}; {self.simulated_scripts:,} of them are SIMULATED"


def data_folder_state(con: Connection, now: datetime) -> DataFolderState:
    """Return the state of the data folder: numbers and names, no text of a script."""
    scripts = con.execute(
        "SELECT origin, count(*) FROM current_scripts GROUP BY origin ORDER BY origin"
    ).fetchall()
    ((simulated,),) = con.execute(
        "SELECT count(DISTINCT script_id) FROM current_scripts WHERE simulated"
    ).fetchall()
    months = [
        MonthState(
            month=row["month"],
            topics=row["topics"],
            published=row["published"] or 0,
            decided=row["decided"] or 0,
            undecided=row["undecided"] or 0,
            fine_tune=row["job"],
        )
        for row in fetch_dicts(con, _MONTHS)
    ]
    models = list_models(con)
    named = {model.status: model.name for model in models}
    ((withdrawn,),) = con.execute("SELECT count(*) FROM withdrawn_topics").fetchall()
    failures = fetch_dicts(
        con,
        "SELECT job, failed_at, sentence FROM run_failures WHERE failed_at >= ? "
        "ORDER BY failed_at DESC, run_id",
        [now - RECENT],
    )
    return DataFolderState(
        scripts=dict(scripts),
        simulated_scripts=simulated,
        months=tuple(months),
        models=len(models),
        active_model=named.get("active"),
        on_trial=named.get("canary"),
        ranker=None if (ranker := current_ranker(con)) is None else _state(ranker),
        withdrawn=withdrawn,
        waiting=tuple(_waiting(con)),
        failures=tuple(Failure(**row) for row in failures),
    )


def _state(ranker: ModelRow) -> str:
    """Return the state of a ranker, its audience and its name, in words."""
    known = ranker.artifact or {}
    audience = "simulated" if known.get("simulated") else "real"
    return f"{known.get('state', ranker.status)}, {audience} audience ({ranker.name})"


def counted(count: int, words: str) -> str:
    """Return the number with its words, in singular or plural.

    `{s}`, `{v}` and `{is}` in `words` become the endings or forms for this number.
    """
    one = count == 1
    forms = {
        "s": "" if one else "s",
        "v": "s" if one else "",
        "is": "is" if one else "are",
    }
    return f"{count} {words.format(**forms)}"


def _waiting(con: Connection) -> list[Waiting]:
    found = []
    for sql, words, command in WAITING:
        ((count,),) = con.execute(sql).fetchall()
        if count:
            found.append(Waiting(counted(count, words), command))
    found += [
        Waiting(file.sentence, "ig-assets import-history FILE")
        for file in doubtful_files(con)
    ]
    if stopped := stop_reason(con):
        found.append(Waiting(stopped, "ig-assets sync"))
    return found

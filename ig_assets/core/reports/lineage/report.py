"""Reports which scripts fed a month's fine-tune, as data, table and picture."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import Any

from ig_assets.core.experiments.stats.e_values import LARGEST_LOG_E
from ig_assets.core.fine_tuning.jobs.rows import latest_job
from ig_assets.core.identity import stable_id
from ig_assets.core.reports.lineage.trace import ScriptBehind, scripts_behind_model
from ig_assets.core.reports.lineage.words import (
    SHARES,
    ModelScript,
    scripts_of_model,
    share_of,
)
from ig_assets.core.reports.markdown import plain_markdown
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

SAMPLE = 20


@dataclass(frozen=True)
class MonthReport:
    """Numbers on the way from scripts to the model, and a sample of examples.

    `texts` is the number of distinct revisions, winners and losers. `in_model` is the
    number of examples from which the model learnt, `behind` the number of all its
    examples. `sample` has at most 20 examples. `scripts` are the texts behind the
    model. `earlier_month` is the last month before this one with a training set;
    `entered` and `left` are ids of scripts and variants whose words are only in this
    month's set, or only in the earlier one. The report has no text of a script.
    """

    month: str
    texts: int
    sft: int
    dpo: int
    train: int
    validation: int
    simulated: int
    dataset_hash: str | None
    lines: int
    job_id: str | None
    job_status: str
    refusal: str | None
    model_id: str | None
    model_name: str | None
    in_model: int
    sample: tuple[ScriptBehind, ...]
    behind: int
    scripts: tuple[ModelScript, ...] = ()
    earlier_month: str | None = None
    entered: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def month_report(con: Connection, month: str) -> MonthReport:
    """Return the month's report.

    Its numbers are 0 if the month has no examples and no job.
    """
    rows = fetch_dicts(
        con,
        """
        SELECT kind, split, revision_hash, rejected_revision_hash, simulated
        FROM training_examples
        WHERE month = ?
        ORDER BY example_id
        """,
        [month],
    )
    texts = {row["revision_hash"] for row in rows}
    texts |= {row["rejected_revision_hash"] for row in rows} - {None}
    job = latest_job(con, month)
    dataset_hash = None if job is None else job.dataset_hash
    lines = con.execute(
        "SELECT coalesce(max(lines), 0) FROM datasets "
        "WHERE month = ? AND dataset_hash = ?",
        [month, dataset_hash],
    ).fetchall()[0][0]
    model_id, behind = None, list[ScriptBehind]()
    if job is not None:
        wanted = stable_id("model", job.job_id)
        if con.execute("SELECT 1 FROM models WHERE model_id = ?", [wanted]).fetchall():
            model_id, behind = wanted, scripts_behind_model(con, wanted)
    behind.sort(key=lambda b: not b.in_model)
    earlier, entered, left = _changes(con, month)
    return MonthReport(
        month=month,
        texts=len(texts),
        sft=sum(row["kind"] == "sft" for row in rows),
        dpo=sum(row["kind"] == "dpo" for row in rows),
        train=sum(row["split"] == "train" for row in rows),
        validation=sum(row["split"] == "validation" for row in rows),
        simulated=sum(bool(row["simulated"]) for row in rows),
        dataset_hash=dataset_hash if lines else None,
        lines=int(lines),
        job_id=None if job is None else job.job_id,
        job_status="none" if job is None else job.status,
        refusal=None if job is None else job.refusal,
        model_id=model_id,
        model_name=None if job is None else job.model_name,
        in_model=sum(b.in_model for b in behind),
        sample=tuple(behind[:SAMPLE]),
        behind=len(behind),
        scripts=tuple(scripts_of_model(con, behind)),
        earlier_month=earlier,
        entered=tuple(entered),
        left=tuple(left),
    )


_SOURCES = """
SELECT DISTINCT revision_hash, coalesce(script_id, variant_id, example_id) AS id
FROM training_examples
WHERE month = ?
"""


def _changes(con: Connection, month: str) -> tuple[str | None, list[str], list[str]]:
    """Return (last earlier month with a set, ids that entered, ids that left)."""
    [(earlier,)] = con.execute(
        "SELECT max(month) FROM training_examples WHERE month < ?", [month]
    ).fetchall()
    if earlier is None:
        return None, [], []
    now, then = (
        {row["revision_hash"]: row["id"] for row in fetch_dicts(con, _SOURCES, [m])}
        for m in (month, earlier)
    )
    gone = con.execute(
        "SELECT DISTINCT example_id FROM forgotten_examples WHERE month = ? "
        "ORDER BY example_id",
        [earlier],
    ).fetchall()
    left = sorted(then[words] for words in then.keys() - now.keys())
    return (
        str(earlier),
        sorted(now[words] for words in now.keys() - then.keys()),
        left + [f"example {example_id} (forgotten)" for (example_id,) in gone],
    )


def script_rows(report: MonthReport) -> list[dict[str, Any]]:
    """Return the scripts behind the model as rows of ids, labels and numbers.

    The rows contain no words of scripts.
    """
    return [
        {
            "script": text.id,
            "topic": text.topic or "",
            "author": text.author or "",
            "origin": text.origin or "forgotten",
            "simulated": text.simulated,
            "hook_style": text.hook_style or "",
            "rate": text.rate,
            "lines": text.lines,
            "learnt": text.in_model,
            "as_worse": text.as_worse,
            "split": text.splits,
            "weight": round(text.weight, 3),
            "lift": text.lift,
            "evidence": text.evidence,
            "decided_by": text.rule or "",
        }
        for text in report.scripts
    ]


def shares_and_changes(report: MonthReport) -> str:
    """Return Markdown on shares of the learnt examples, and on changes of the set."""
    lines = []
    for title, name in SHARES:
        found = share_of(report.scripts, name)
        if found:
            listed = ", ".join(
                f"{share:.0%} {plain_markdown(label)}"
                for label, share in found[:SAMPLE]
            )
            beyond = len(found) - SAMPLE
            listed += f" and {beyond} more beyond" if beyond > 0 else ""
            lines.append(f"- By {title}: {listed}.")
    if report.earlier_month is not None:
        for what, ids in (("entered", report.entered), ("left", report.left)):
            listed = ", ".join(f"`{i}`" for i in ids[:SAMPLE]) or "none"
            beyond = len(ids) - SAMPLE
            listed += f" and {beyond} more beyond" if beyond > 0 else ""
            since = f"Since {report.earlier_month} {what}"
            lines.append(f"- {since}: {len(ids)} ({listed}).")
    return "\n".join(lines)


def report_markdown(report: MonthReport) -> str:
    """Return the report as Markdown: a sentence, and a table of at most 20 rows."""
    model = plain_markdown(report.model_name or "no model")
    head = (
        f"**{report.month}**: {report.texts:,} texts → {report.sft:,} supervised "
        f"examples and {report.dpo:,} preference pairs ({report.train:,} train, "
        f"{report.validation:,} validation, {report.simulated:,} simulated) → "
        f"dataset `{(report.dataset_hash or 'none')[:12]}` → job {report.job_status} "
        f"→ {model}, which learnt from {report.in_model:,} of them."
    )
    if report.refusal:
        head += f"\n\n{plain_markdown(report.refusal)}"
    if more := shares_and_changes(report):
        head += f"\n\n{more}"
    if not report.sample:
        return head + "\n"
    lines = [
        head,
        "",
        "| script or variant | revision | kind | split | in model | weight | lift "
        "| e | why |",
        "|---|---|---|---|---|---|---|---|---|",
        *map(_line, report.sample),
    ]
    if report.behind > len(report.sample):
        lines += ["", f"{report.behind - len(report.sample):,} more are not listed."]
    return "\n".join(lines) + "\n"


def flow_picture(report: MonthReport) -> bytes:
    """Return a small PNG of the numbers: texts, examples, dataset lines, job, model."""
    from matplotlib.figure import Figure

    boxes = (
        ("texts", str(report.texts)),
        ("examples", f"{report.sft:,} SFT\n{report.dpo:,} DPO"),
        ("dataset", f"{report.lines} lines\n{(report.dataset_hash or 'none')[:8]}"),
        ("job", report.job_status),
        ("model", f"{report.in_model:,} learnt\n{(report.model_id or 'none')[:8]}"),
    )
    figure = Figure(figsize=(7.0, 1.5), dpi=100)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(-0.5, len(boxes) - 0.5)
    axes.set_ylim(0.0, 1.0)
    style = {
        "boxstyle": "round,pad=0.5",
        "facecolor": "#eef3fb",
        "edgecolor": "#4a6fa5",
    }
    for place, (name, value) in enumerate(boxes):
        axes.text(place, 0.85, name, ha="center", va="center", fontsize=9)
        axes.text(place, 0.42, value, ha="center", va="center", fontsize=9, bbox=style)
        if place:
            axes.annotate(
                "",
                xy=(place - 0.37, 0.42),
                xytext=(place - 0.63, 0.42),
                arrowprops={"arrowstyle": "->", "color": "#4a6fa5"},
            )
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _line(row: ScriptBehind) -> str:
    source = row.script_id or row.variant_id or f"example {row.example_id}"
    weight = "" if row.weight is None else f"{row.weight:.2f}"
    lift = "" if row.lift is None else f"{row.lift:+.0%}"
    e_value = (
        "" if row.log_e is None else f"{math.exp(min(row.log_e, LARGEST_LOG_E)):.3g}"
    )
    cells = (
        source,
        (row.revision_hash or "")[:12],
        row.kind or "",
        row.split,
        "yes" if row.in_model else "no",
        weight,
        lift,
        e_value,
        row.reason,
    )
    return "| " + " | ".join(map(plain_markdown, cells)) + " |"

from __future__ import annotations

from pathlib import Path

from ig_assets.core.fine_tuning.jobs.submit import submit_job
from ig_assets.core.reports.lineage.report import (
    flow_picture,
    month_report,
    report_markdown,
    script_rows,
)
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import (
    MONTH,
    FineTuningFactory,
)
from ig_assets_tests.core.fine_tuning.jobs.training_vendors import Vendor
from ig_assets_tests.core.fine_tuning.training_set.built_sets import write
from ig_assets_tests.core.reports.lineage.test_lineage_trace import trained_model


def test_the_report_counts_the_way_from_texts_to_the_model(tmp_path: Path) -> None:
    env, model = trained_model(tmp_path)
    with env.warehouse.transaction() as con:
        report = month_report(con, MONTH)
    assert (report.texts, report.sft, report.dpo, report.lines) == (18, 9, 9, 18)
    assert (report.job_status, report.model_id, report.in_model) == (
        "succeeded",
        model.model_id,
        2,
    )
    assert report.simulated == 12 and report.train + report.validation == 18


def test_the_table_is_a_sample_of_ids_and_numbers_without_texts(
    tmp_path: Path,
) -> None:
    env, model = trained_model(tmp_path)
    with env.warehouse.transaction() as con:
        report = month_report(con, MONTH)
    text = report_markdown(report)
    assert model.name in text and "| s-h1-a |" in text
    assert not any(words in text for words in ("body", "hook e", "hook h"))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) - 2 == len(report.sample) == 18
    assert rows[2].split(" | ")[4] == rows[3].split(" | ")[4] == "yes"
    assert rows[4].split(" | ")[4] == "no"


def test_scripts_are_rows_of_labels_and_numbers_with_shares_of_what_was_learnt(
    tmp_path: Path,
) -> None:
    env, _ = trained_model(tmp_path)
    with env.warehouse.transaction() as con:
        report = month_report(con, MONTH)
    rows = {row["script"]: row for row in script_rows(report)}
    assert (rows["s-h1-a"]["lines"], rows["s-h1-a"]["origin"]) == (2, "history")
    assert sum(row["learnt"] for row in rows.values()) == report.in_model
    assert "hook" not in str([list(row.values()) for row in rows.values()])
    said = report_markdown(report)
    assert "- By origin: 100% history." in said and "- By hook style: " in said
    assert "Since" not in said, "there is no earlier set"


def test_what_entered_and_left_since_the_last_set_is_named(tmp_path: Path) -> None:
    env, _ = trained_model(tmp_path)
    for row in env.read("SELECT * FROM training_examples WHERE kind = 'sft'"):
        if row["script_id"] == "s-h1-a":
            continue
        env.write("training_examples", row | {"month": "2026-04"})
    new = {"month": "2026-04", "example_id": "x", "revision_hash": "r", "kind": "sft"}
    env.write("training_examples", new | {"script_id": "library/new"})
    with env.warehouse.transaction() as con:
        report = month_report(con, "2026-04")
    assert (report.earlier_month, report.entered) == (MONTH, ("library/new",))
    assert report.left == ("s-h1-a",)
    said = report_markdown(report)
    assert f"Since {MONTH} entered: 1 (`library/new`)." in said


def test_the_picture_is_a_small_png(tmp_path: Path) -> None:
    env, _ = trained_model(tmp_path)
    with env.warehouse.transaction() as con:
        picture = flow_picture(month_report(con, MONTH))
    assert picture.startswith(b"\x89PNG") and len(picture) < 40_000


def test_an_empty_month_is_reported_with_the_refusal(tmp_path: Path) -> None:
    env = FineTuningFactory(tmp_path)
    with env.warehouse.transaction() as con:
        nothing = month_report(con, MONTH)
    assert (nothing.job_status, nothing.behind) == ("none", 0)
    submit_job(env.warehouse, env.clock, Vendor(), MONTH, write(env), 7)
    with env.warehouse.transaction() as con:
        report = month_report(con, MONTH)
    assert report.job_status == "refused"
    assert "no decided experiment before 2026-04-01" in report_markdown(report)
    assert flow_picture(report).startswith(b"\x89PNG")

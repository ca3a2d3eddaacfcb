"""Every failure of the runbook is produced by a test that asserts what a person sees.

`SYMPTOMS` has each row of its first table, `SECTIONS` each section of *Failures*: the
test that produces it, and words of the message which that test asserts.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text("utf-8")
Claims = dict[str, tuple[str, str]]

SYMPTOMS: Claims = {
    "a run failed": (
        "defs/operations/test_alerts.py::"
        "test_a_failed_run_is_one_message_with_its_sentence_and_its_page",
        "generate_month failed at topics: ",
    ),
    "a command reports that the warehouse is busy": (
        "cli/test_runbook.py::test_a_warehouse_that_another_program_holds",
        "close the program that has it open.",
    ),
    "a run waits for a pool": (
        "defs/test_requests_for_work.py::"
        "test_work_is_requested_once_while_its_run_is_queued_or_running",
        "has not ended yet.",
    ),
    "a transaction on a DuckLake fails": (
        "warehouse/test_two_writers.py::"
        "test_a_writer_whose_sessions_the_server_ends_writes_nothing_and_may_go_on",
        "The database server closed the connection in the middle of a transaction",
    ),
    "a file of the library is missing": (
        "core/corpus/scripts/test_parse.py::"
        "test_an_unusable_file_is_refused_with_its_reason_and_the_rest_goes_on",
        "broken front matter",
    ),
    "a topic is missing": (
        "core/generation/topics/test_content_calendar.py::"
        "test_a_bad_row_is_quarantined_by_its_column_and_the_rest_goes_on",
        "due_on",
    ),
    "search reports a lost index": (
        "core/corpus/search/test_retrieve.py::test_a_lost_index_is_not_an_empty_answer",
        "none of its 25 vectors; run",
    ),
    "a budget is reached": (
        "core/costs/ledger/test_ledger.py::"
        "test_beyond_the_budget_nothing_is_sent_and_nothing_reserved",
        "it was not sent",
    ),
    "calls with status `unknown`": (
        "core/costs/ledger/test_ledger.py::"
        "test_a_call_that_may_have_been_billed_keeps_its_share_of_the_budget",
        "unknown",
    ),
    "a post is `ambiguous`": (
        "defs/experiments/test_experiment_checks.py::"
        "test_a_post_whose_outcome_is_unknown_is_reported_with_what_to_do",
        "Run publish_posts again",
    ),
    "an approved post is `proposed` again": (
        "core/experiments/posts/test_publish.py::"
        "test_after_two_months_off_nothing_goes_out_before_a_person_says_so_again",
        "; moved on by 61 days, its slot had passed",
    ),
    "a scheduled run failed, or is missing": (
        "defs/test_scheduled_runs.py::"
        "test_a_day_that_was_given_up_is_named_until_it_is_run",
        "To run them, open the job in the UI, choose the partitions",
    ),
    "a run failed and `run_failures` names a check": (
        "defs/operations/test_operations.py::"
        "test_a_run_that_a_blocking_check_ended_leaves_the_checks_reason",
        "1 active script",
    ),
    "every call to a fine-tuned model is refused": (
        "core/costs/test_budget.py::"
        "test_where_dollars_are_limited_an_unknown_price_is_too_much",
        "No price is known for unpriced-1",
    ),
    "a brief is reported for a control token": (
        "defs/generation/test_generation_checks.py::"
        "test_a_brief_with_a_control_token_is_reported_without_its_words",
        "briefs_have_no_control_token",
    ),
    "a token is about to expire": (
        "defs/experiments/test_experiment_checks.py::"
        "test_a_token_that_expires_within_a_week_is_reported",
        "IG_INSTAGRAM_TOKEN",
    ),
    "a promoted model is worse": (
        "core/fine_tuning/evaluation/test_canary.py::"
        "test_promotion_retires_the_model_before_and_rollback_brings_it_back",
        "rollback: complaints",
    ),
    "a key is 75 days old or older": (
        "defs/operations/test_operations.py::"
        "test_a_key_of_ninety_days_fails_the_review_in_one_sentence",
        "Replace OPENAI_API_KEY (90 days, overdue) without downtime",
    ),
    "the newest backup is older than two days": (
        "headless/test_metrics.py::"
        "test_a_backup_that_is_too_old_is_named_by_doctor_and_by_the_figure",
        "The newest of 1 is 51 h old.",
    ),
    "you do not know what is wrong": (
        "headless/doctor/test_doctor.py::"
        "test_every_line_that_is_not_good_says_what_to_do",
        "ig-assets db migrate",
    ),
    '"A copy into this warehouse was interrupted"': (
        "warehouse/moving/test_copying.py::"
        "test_an_interrupted_copy_is_opened_by_no_command_and_goes_on",
        "was interrupted and is not finished",
    ),
    "texts were given up by the Batch API": (
        "core/corpus/embedding/batch_api/test_report.py::"
        "test_texts_that_were_given_up_are_named_and_tried_again_when_a_person_asks",
        "the vendor did not accept the batch (invalid_json_line)",
    ),
    '"An earlier request to forget is not finished"': (
        "core/forgetting/test_forgetting.py::"
        "test_forgetting_needs_a_reason_and_ends_one_request_before_the_next",
        "An earlier request to forget is not finished.*--resume",
    ),
    '`forget` ends with "Words are left in …"': (
        "cli/operations/test_forget.py::"
        "test_words_that_are_left_are_named_and_end_the_command_with_1",
        "Words are left in: notes.txt",
    ),
    '"The receipt … of what was forgotten does not follow"': (
        "warehouse/forgetting/test_erasing.py::"
        "test_a_receipt_that_was_changed_keeps_the_warehouse_shut",
        "does not follow",
    ),
    '"The warehouse has migration …': (
        "cli/test_runbook.py::test_a_warehouse_of_newer_code",
        "The warehouse has migration 9999, which this version",
    ),
    '"The warehouse file … was here and is gone"': (
        "cli/test_runbook.py::test_a_warehouse_file_that_is_gone",
        "was here and is gone",
    ),
    "a sample-ratio mismatch is reported": (
        "defs/experiments/test_experiment_checks.py::"
        "test_a_sample_ratio_mismatch_is_named_and_unequal_organic_reach_is_not",
        "splits_are_as_planned",
    ),
}
SECTIONS: Claims = {
    "A run failed": SYMPTOMS["a run failed"],
    "A run was stopped": (
        "headless/loops/test_interrupted.py::"
        "test_ctrl_c_in_the_middle_of_paid_work_says_what_is_kept",
        "Stopped. What was done is kept; run it again to go on.",
    ),
    "A check failed": (
        "defs/operations/test_alerts.py::"
        "test_a_failed_check_is_told_once_and_not_while_it_passes",
        "The check spending_is_within_budget of api_usage failed.",
    ),
    "An unexpected error": (
        "cli/test_output.py::"
        "test_an_unexpected_error_is_one_sentence_and_its_traceback_is_in_the_log",
        "ig-assets: Unexpected KeyError; what was done is kept.",
    ),
    "A setting is wrong": (
        "cli/test_runbook.py::test_a_wrong_setting",
        "IG_ARMS is '9', but must be a whole number from 2 to 3",
    ),
    "A file or an argument cannot be used": (
        "cli/test_runbook.py::test_a_file_that_is_not_there",
        "none.csv cannot be read (No such file or directory).",
    ),
    "Nothing of a file was taken": (
        "cli/test_runbook.py::test_a_file_of_which_nothing_can_be_taken",
        "Nothing was compared.",
    ),
    "A model file is missing or wrong": (
        "adapters/local_models/test_files.py::"
        "test_when_nothing_works_one_sentence_says_what_was_tried",
        "the shop: it sent another file",
    ),
    "The warehouse is busy": SYMPTOMS["a command reports that the warehouse is busy"],
    "The warehouse cannot be opened": SYMPTOMS['"The warehouse has migration …'],
    "The warehouse is gone": SYMPTOMS['"The warehouse file … was here and is gone"'],
    "The request contradicts what is there": (
        "core/generation/topics/test_withdrawal.py::"
        "test_nothing_is_written_for_a_withdrawn_topic_whatever_its_calendar_says",
        "rita withdrew .*knives.* .off our brand",
    ),
    "The index is lost": SYMPTOMS["search reports a lost index"],
    "A budget is reached": SYMPTOMS["a budget is reached"],
    "A vendor does not answer": (
        "cli/test_runbook.py::test_a_vendor_that_is_not_there",
        "cannot be reached",
    ),
    "A vendor refuses the account": (
        "cli/test_runbook.py::test_a_vendor_that_refuses_the_key",
        "a-vendor-refuses-the-account",
    ),
    "A vendor refuses a request": (
        "adapters/openai/test_writer.py::test_a_declined_request_is_refused_for_good",
        "declined",
    ),
    "An answer cannot be used": (
        "core/corpus/embedding/test_embed.py::"
        "test_an_unusable_answer_is_paid_for_but_never_kept",
        "nothing of the batch was kept",
    ),
    "Figures are stale": (
        "core/reports/metrics/test_metrics.py::"
        "test_budgets_keys_posts_index_and_fine_tunes_are_those_of_their_tables",
        "ig_assets_posts_with_stale_insights",
    ),
    "A key is too old": SYMPTOMS["a key is 75 days old or older"],
    "The backup is old or missing": SYMPTOMS[
        "the newest backup is older than two days"
    ],
    "No fine-tune this month": (
        "core/reports/metrics/test_metrics.py::"
        "test_budgets_keys_posts_index_and_fine_tunes_are_those_of_their_tables",
        "ig_assets_fine_tune_of_last_month",
    ),
    "No figures arrive": (
        "core/reports/metrics/test_metrics.py::test_the_server_answers_metrics_alone",
        "choose another",
    ),
    "The monthly invoice review": (
        "defs/operations/test_alerts.py::"
        "test_the_invoices_of_last_month_are_named_once_with_what_to_type",
        "`ig-assets costs --reconcile FILE`",
    ),
}
ALERTS = {
    "Figures are stale",
    "The backup is old or missing",
    "No fine-tune this month",
    "No figures arrive",
}
"""Sections that only an alert of Prometheus names: its words are tested there."""


@cache
def strings(file: str, test: str) -> str:
    """All texts in a test's code, one a line; fails where there is no such test."""
    source = (ROOT / "ig_assets_tests" / file).read_text("utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name == test:
            found = (n.value for n in ast.walk(node) if isinstance(n, ast.Constant))
            return "\n".join(one for one in found if isinstance(one, str))
    raise AssertionError(f"{file} has no {test}")


def unproven(claims: Claims) -> list[str]:
    """Failures whose test does not have the words of the message."""
    return [
        name
        for name, (test, words) in claims.items()
        if not words or words not in strings(*test.split("::"))
    ]


def test_every_symptom_of_the_runbook_has_a_test_with_its_message() -> None:
    table = RUNBOOK[: RUNBOOK.index("\n```")]
    rows = re.findall(r"^\| (.+?) \|", table, re.MULTILINE)[1:]
    assert len(rows) > 20
    untested = [row for row in rows if not row.startswith(tuple(SYMPTOMS))]
    stale = [name for name in SYMPTOMS if not any(r.startswith(name) for r in rows)]
    assert (untested, stale, unproven(SYMPTOMS)) == ([], [], [])


def test_every_section_of_the_runbook_has_a_test_with_its_message() -> None:
    failures = RUNBOOK[RUNBOOK.index("\n## Failures") :].split("\n## ")[1]
    sections = re.findall(r"^### (.+)$", failures, re.MULTILINE)
    assert sections == list(SECTIONS)
    assert unproven(SECTIONS) == []
    named = re.findall(r"^Test: `(.+)`\.$", failures, re.MULTILINE)
    assert named == [test for test, _ in SECTIONS.values()]


def test_an_alert_of_prometheus_names_each_section_that_only_it_leads_to() -> None:
    alerts = (ROOT / "deploy" / "prometheus" / "alerts.yml").read_text("utf-8")
    anchors = {name.lower().replace(" ", "-") for name in ALERTS}
    assert [one for one in anchors if f"runbook.md#{one}" not in alerts] == []


def test_what_such_an_alert_says_is_produced_by_promtool_as_a_person_sees_it() -> None:
    """`deployment/test_monitoring.py` runs these; each sentence is without a blank."""
    rules = (ROOT / "deploy" / "prometheus" / "alerts_test.yml").read_text("utf-8")
    fired = re.findall(r"summary: (.+)\n +runbook: docs/runbook\.md#(\S+)", rules)
    said = {anchor: sentence for sentence, anchor in fired if "{{" not in sentence}
    assert {name.lower().replace(" ", "-") for name in ALERTS} - said.keys() == set()

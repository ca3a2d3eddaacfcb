from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ig_assets.core.reports.status import (
    WAITING,
    DataFolderState,
    counted,
    data_folder_state,
)
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import (
    MONTH,
    FineTuningFactory,
)

NOW = datetime(2026, 4, 1)


def state_of(env: FineTuningFactory) -> DataFolderState:
    with env.warehouse.transaction() as con:
        return data_folder_state(con, NOW)


def test_an_empty_folder_has_no_month_no_model_and_nothing_that_waits(
    tmp_path: Path,
) -> None:
    state = state_of(FineTuningFactory(tmp_path))
    assert state.scripts_in_words == ""
    assert state == DataFolderState({}, 0, (), 0, None, None, None, 0, (), ())


def test_what_waits_for_a_person_is_counted_with_what_to_type(tmp_path: Path) -> None:
    env = FineTuningFactory(tmp_path)
    for name in ("p1", "p2"):
        env.write("posts", {"post_id": name, "status": "proposed"})
    env.write("posts", {"post_id": "p3", "status": "published"})
    env.write("api_calls", {"call_id": "c1", "status": "unknown"})
    assert [(w.sentence, w.command) for w in state_of(env).waiting] == [
        ("2 posts wait for approval", "ig-assets posts list --status proposed"),
        ("1 paid call ended without an answer that is known", "ig-assets costs"),
    ]


@pytest.mark.parametrize("words", [words for _, words, _ in WAITING])
def test_each_thing_that_waits_has_a_sentence_for_one_and_for_several(
    words: str,
) -> None:
    one, several = counted(1, words), counted(2, words)
    assert one.startswith("1 ") and several.startswith("2 ")
    assert " are " not in one and " is held" not in several


def test_a_rejected_source_and_an_unfinished_forgetting_wait(tmp_path: Path) -> None:
    env = FineTuningFactory(tmp_path)
    reject = {"source_uri": "a.md", "seen_at": NOW, "reason": "forgotten"}
    env.write("script_rejects", reject)
    env.write("forget_requests", {"request_id": "f1", "status": "begun"})
    env.write("forget_requests", {"request_id": "f2", "status": "done"})
    assert [(w.sentence, w.command) for w in state_of(env).waiting] == [
        ("1 source of scripts is rejected", "ig-assets sync --dry-run"),
        ("1 request to forget is not finished", "ig-assets forget --resume"),
    ]


def test_a_test_that_still_runs_is_undecided(tmp_path: Path) -> None:
    env = FineTuningFactory(tmp_path)
    env.write("topics", {"month": MONTH, "topic_id": "t", "status": "planned"})
    for name, decision in (("e1", "inconclusive"), ("e2", "running"), ("e3", None)):
        env.write(
            "experiments", {"experiment_id": name, "month": MONTH, "topic_id": "t"}
        )
        if decision:
            row = {"decision": decision, "decided_at": NOW, "data_through": NOW}
            env.write("decisions", {"experiment_id": name, **row})
    (month,) = state_of(env).months
    assert (month.topics, month.decided, month.undecided) == (1, 1, 2)
    assert (month.published, month.fine_tune) == (0, None)


def test_topics_that_are_withdrawn_now_are_counted(tmp_path: Path) -> None:
    env = FineTuningFactory(tmp_path)
    for name, back in (("t1", (True,)), ("t2", (True, False))):
        env.write("topics", {"month": MONTH, "topic_id": name, "status": "planned"})
        for day, is_withdrawn in enumerate(back):
            row = {"month": MONTH, "topic_id": name, "is_withdrawn": is_withdrawn}
            at = NOW + timedelta(days=day)
            env.write("topic_withdrawals", row | {"changed_at": at, "reason": "off"})
    assert state_of(env).withdrawn == 1


def test_only_recent_failures_are_listed_newest_first(tmp_path: Path) -> None:
    env = FineTuningFactory(tmp_path)
    for days in (1, 3, 30):
        failed_at = NOW - timedelta(days=days)
        row = {"job": f"j{days}", "sentence": "why", "failed_at": failed_at}
        env.write("run_failures", {"run_id": f"r{days}", **row})
    assert [failure.job for failure in state_of(env).failures] == ["j1", "j3"]

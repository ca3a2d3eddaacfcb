from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from ig_assets.core.fine_tuning.months import month_cutoff
from ig_assets.core.fine_tuning.training_set.examples import build_training_examples
from ig_assets.core.identity import text_hash
from ig_assets.errors import InputError
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import (
    CUTOFF,
    DIMENSIONS,
    MODEL,
    MONTH,
    FineTuningFactory,
)
from ig_assets_tests.core.fine_tuning.training_set.built_sets import (
    build,
    decided,
    rows,
)


def test_a_decision_on_the_first_instant_of_the_next_month_enters_the_next_set(
    env: FineTuningFactory,
) -> None:
    env.experiment("late", decided_at=CUTOFF)
    env.experiment("early", decided_at=CUTOFF - timedelta(microseconds=1))
    env.clock.at = datetime(2026, 5, 2)
    build(env)
    build(env, "2026-04")
    assert decided(env) == {"early"}
    assert decided(env, "2026-04") == {"early", "late"}


def test_a_winner_is_an_example_and_a_pair_with_each_arm_that_it_beat(
    env: FineTuningFactory,
) -> None:
    env.experiment("e1", arms=("a", "b", "c"))
    summary = build(env)
    assert (summary.sft, summary.dpo) == (1, 2)
    assert summary.simulated == 3
    pairs = [row for row in rows(env) if row["kind"] == "dpo"]
    assert {row["rejected"] for row in pairs} == {
        "hook e1 b\n\nbody of e1 b",
        "hook e1 c\n\nbody of e1 c",
    }
    assert {row["completion"] for row in rows(env)} == {"hook e1 a\n\nbody of e1 a"}
    assert {row["reason"] for row in pairs} == {
        "winner: +32 % over b, e=81",
        "winner: +32 % over c, e=81",
    }


def test_an_arm_that_was_ahead_of_a_provisional_winner_is_no_rejected_text(
    env: FineTuningFactory,
) -> None:
    env.experiment("e1", decision="provisional", arms=("a", "b", "c"))
    env.write(
        "evidence",
        {
            "experiment_id": "e1",
            "arm_a": "a",
            "arm_b": "c",
            "data_through": datetime(2026, 3, 20),
            "log_rate_ratio": -0.1,
            "log_e": 0.1,
        },
    )
    summary = build(env)
    assert (summary.sft, summary.dpo) == (1, 1)
    assert summary.excluded == {"rival: not beaten": 1}


def test_evidence_is_read_the_right_way_round(env: FineTuningFactory) -> None:
    env.experiment("e1", decision="provisional", arms=("a",))
    env.variant("e1", "b")
    env.write(
        "evidence",
        {
            "experiment_id": "e1",
            "arm_a": "b",
            "arm_b": "a",
            "data_through": datetime(2026, 3, 20),
            "log_rate_ratio": -0.2776,
            "log_e": 1.0,
        },
    )
    assert build(env).dpo == 1


def test_evidence_after_the_decision_is_ignored(env: FineTuningFactory) -> None:
    env.experiment("e1", decision="provisional")
    env.write(
        "evidence",
        {
            "experiment_id": "e1",
            "arm_a": "a",
            "arm_b": "b",
            "data_through": datetime(2026, 4, 20),
            "log_rate_ratio": -1.0,
            "log_e": 9.0,
        },
    )
    assert build(env).dpo == 1


def test_the_weight_is_the_shrunken_lift_over_the_largest_and_half_if_provisional(
    env: FineTuningFactory,
) -> None:
    env.experiment("best", shrunken_lift=0.4)
    env.experiment("small", shrunken_lift=0.1)
    env.experiment("maybe", shrunken_lift=0.2, decision="provisional")
    build(env)
    weights = {row["decision_ref"]: row["weight"] for row in rows(env)}
    assert weights == {"best": 1.0, "small": 0.25, "maybe": 0.25}


def test_what_is_undecided_or_not_positive_is_counted_and_left_out(
    env: FineTuningFactory,
) -> None:
    env.experiment("e1", decision="inconclusive")
    env.experiment("e2", decision="running")
    env.experiment("e3", shrunken_lift=-0.1)
    summary = build(env)
    assert rows(env) == []
    assert summary.excluded == {"inconclusive": 1, "no positive lift": 1, "running": 1}


def test_only_the_latest_decision_as_of_the_cut_off_counts(
    env: FineTuningFactory,
) -> None:
    env.experiment("e1")
    for at, decision in (
        (datetime(2026, 3, 25), "inconclusive"),
        (datetime(2026, 4, 2), "winner"),
    ):
        env.write(
            "decisions",
            {"experiment_id": "e1", "decided_at": at, "decision": decision},
        )
    assert build(env).excluded == {"inconclusive": 1}


def test_a_forgotten_script_leaves_the_set_and_nothing_else_changes(
    env: FineTuningFactory,
) -> None:
    env.imported("h1")
    env.imported("h2")
    env.experiment("e1")
    build(env)
    before = rows(env)
    env.forget("s-h1-a")
    build(env)
    kept = [row for row in before if row["decision_ref"] != "h1"]
    assert len(kept) == 4 and rows(env) == kept


def test_a_forgotten_loser_removes_only_its_pair(env: FineTuningFactory) -> None:
    env.imported("h1")
    build(env)
    env.forget("s-h1-b")
    summary = build(env)
    assert (summary.sft, summary.dpo) == (1, 0)
    assert summary.excluded == {"rival: forgotten": 1}


@pytest.mark.parametrize("still_stored", [True, False])
def test_a_forgotten_winner_takes_its_variant_along(
    env: FineTuningFactory, still_stored: bool
) -> None:
    env.experiment("e1")
    env.experiment("e2")
    build(env)
    if still_stored:
        env.write(
            "scripts",
            {"script_id": "promoted", "revision_hash": "h", "variant_id": "e1-a"},
        )
    env.forget("promoted" if still_stored else "winner/e1-a")
    build(env)
    assert decided(env) == {"e2"}


def test_a_script_forgotten_before_the_set_was_built_never_enters(
    env: FineTuningFactory,
) -> None:
    env.imported("h1")
    env.forget("s-h1-a")
    assert build(env).excluded == {"forgotten": 1}
    assert rows(env) == []


def test_a_script_retired_before_the_cut_off_is_out_and_after_it_is_in(
    env: FineTuningFactory,
) -> None:
    env.imported("h1")
    env.imported("h2")
    env.status("s-h1-a", "retired", CUTOFF - timedelta(days=1))
    env.status("s-h2-a", "retired", CUTOFF)
    assert build(env).excluded == {"retired": 1}
    assert decided(env) == {"h2"}


def test_a_rerun_gives_identical_rows_even_when_late_decisions_came_in(
    env: FineTuningFactory,
) -> None:
    env.experiment("e1")
    env.experiment("e2")
    first = build(env)
    before = rows(env)
    env.experiment("backdated", decided_at=datetime(2026, 3, 21), shrunken_lift=0.9)
    env.clock.at = datetime(2026, 4, 9)
    second = build(env, seed=99)
    assert rows(env) == before
    assert (second.sft, second.late) == (first.sft, 2)
    env.clock.at = datetime(2026, 5, 1)
    build(env, "2026-04")
    assert "backdated" in decided(env, "2026-04")


def test_the_same_rows_give_the_same_set_on_another_machine(
    env: FineTuningFactory, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = FineTuningFactory(tmp_path_factory.mktemp("other"))
    for number in range(6):
        env.experiment(f"e{number}")
    for number in reversed(range(6)):
        other.experiment(f"e{number}")
    build(env)
    build(other)
    assert rows(env) == rows(other)


def test_a_month_that_is_not_over_cannot_be_built(env: FineTuningFactory) -> None:
    env.clock.at = CUTOFF - timedelta(microseconds=1)
    with pytest.raises(InputError, match="2026-03 is not over yet"):
        build(env)


def test_december_ends_with_the_year() -> None:
    assert month_cutoff("2026-12") == datetime(2027, 1, 1)
    with pytest.raises(InputError, match="YYYY-MM"):
        month_cutoff("2026-13")


def test_a_split_lasts_from_month_to_month_and_a_merge_is_for_validation(
    env: FineTuningFactory,
) -> None:
    for number in range(8):
        env.experiment(f"e{number}")
    build(env)
    splits = {row["decision_ref"]: row["split"] for row in rows(env)}
    assert set(splits.values()) == {"train", "validation"}
    of_train = min(str(e) for e, split in splits.items() if split == "train")
    held_out = min(str(e) for e, split in splits.items() if split == "validation")
    later = datetime(2026, 4, 10)
    for number in range(8, 20):
        env.experiment(f"e{number}", decided_at=later)
    env.experiment("joint", topic=f"topic {of_train}", decided_at=later)
    # The words of the held-out hook, under the topic of one in training.
    for arm, hook in (("a", f"hook {held_out} a"), ("b", "another hook")):
        text = f"{hook}\n\nnew body {arm}"
        env.variant("joint", arm, hook=hook, text=text, revision_hash=text_hash(text))
        hashed = {"published_revision_hash": text_hash(text)}
        env.write("posts", {"post_id": f"p-joint-{arm}", **hashed})
    env.clock.at = datetime(2026, 5, 1)
    build(env, "2026-04")
    after = {row["decision_ref"]: row["split"] for row in rows(env, "2026-04")}
    moved = {of_train, held_out, "joint"}
    assert {after[name] for name in moved} == {"validation"}
    for name, split in splits.items():
        assert name in moved or after[name] == split


def test_every_candidate_is_taken_or_has_one_reason(env: FineTuningFactory) -> None:
    for name in ("taken", "forgotten", "loser"):
        env.experiment(name)
    env.experiment("undecided", decision="inconclusive")
    env.experiment("negative", shrunken_lift=-0.1)
    env.experiment(
        "secret", topic="key sk-never-shown-0123456789abcdef0123456789abcdef"
    )
    env.forget("winner/forgotten-a")
    env.forget("winner/loser-b")
    summary = build(env)
    assert (summary.candidates, summary.taken, summary.unexplained) == (6, 2, 0)
    assert summary.excluded == {
        "forgotten": 1,
        "inconclusive": 1,
        "no positive lift": 1,
        "rival: forgotten": 1,
        "secret in the brief": 1,
    }


def test_an_older_decision_weighs_half_after_each_half_life_and_by_default_as_much(
    env: FineTuningFactory,
) -> None:
    year = timedelta(days=365.25)
    env.experiment("new", decided_at=month_cutoff(MONTH) - timedelta(seconds=1))
    env.experiment("old", decided_at=month_cutoff(MONTH) - year)
    build(env)
    assert {row["weight"] for row in rows(env)} == {1.0}
    with env.warehouse.transaction() as con:
        con.execute("DELETE FROM training_examples")
    build_training_examples(
        env.warehouse,
        env.clock,
        MONTH,
        7,
        MODEL,
        DIMENSIONS,
        half_life_months=6.0,
    )
    weights = {row["decision_ref"]: row["weight"] for row in rows(env)}
    assert weights["old"] == pytest.approx(0.25)
    assert weights["new"] == pytest.approx(1.0, abs=1e-6)

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta

import numpy as np
import pytest

from ig_assets.core.experiments.stats.anytime_t_test import t_log_e
from ig_assets.core.experiments.stats.e_values import TAU
from ig_assets.core.fine_tuning.evaluation.canary import (
    E_PROMOTE,
    NOVELTY,
    PromotionDecision,
    admit_canary,
    canary_evidence,
    decide_promotion,
    promote,
    rollback,
)
from ig_assets.core.fine_tuning.evaluation.trial import TRIAL, trial_note
from ig_assets.core.models.registry import (
    active_model,
    canary_model,
    ensure_base_model,
    list_models,
    set_status,
)
from ig_assets.errors import InputError
from ig_assets.settings import Settings
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import FineTuningFactory

BASE = "base/local/qwen"


def model(env: FineTuningFactory, model_id: str, status: str = "candidate") -> None:
    ensure_base_model(env.warehouse, env.clock, "local", "qwen")
    with env.warehouse.transaction() as con:
        if model_id != BASE:
            con.execute(
                "INSERT INTO models (model_id, provider, name, base_model, created_at) "
                "VALUES (?, 'few_shot', ?, 'qwen', ?)",
                [model_id, model_id, env.clock.now()],
            )
        set_status(con, model_id, status, "test", env.clock.now())


def evaluated(env: FineTuningFactory, model_id: str, score: float) -> None:
    env.write(
        "evaluations",
        {
            "model_id": model_id,
            "against_model_id": BASE,
            "example_id": "x",
            "score": score,
            "against_score": 1.0,
            "detail": json.dumps({"planned": 1}),
        },
    )


def pair(
    env: FineTuningFactory,
    name: str,
    ratio: float,
    variance: float = 0.02,
    events: float = 100.0,
    canary_first: bool = True,
    day: int = 20,
    decision: str = "inconclusive",
    month: str = "2026-03",
    published_at: datetime | None = None,
) -> None:
    """A canary text and its sibling of arm a, with evidence at the last look."""
    env.write("experiments", {"experiment_id": name, "month": month})
    env.variant(name, "a", model_id=BASE)
    env.variant(name, "b", model_id=BASE, hook_style="story")
    env.variant(name, "control", model_id=BASE, is_control=True)
    env.variant(name, "canary", model_id="new", is_canary=True)
    if published_at is not None:
        row = {"post_id": f"p-{name}-canary", "published_at": published_at}
        env.write("posts", row)
    arms = ("canary", "a") if canary_first else ("a", "canary")
    for other in (arms, ("canary", "b"), ("canary", "control")):
        matched = set(other) == {"a", "canary"}
        env.write(
            "evidence",
            {
                "experiment_id": name,
                "arm_a": other[0],
                "arm_b": other[1],
                "data_through": datetime(2026, 3, day),
                "events_a": events,
                "events_b": 100.0,
                "log_rate_ratio": ratio if matched else -9.0,
                "variance": variance,
            },
        )
    env.write(
        "decisions",
        {
            "experiment_id": name,
            "decided_at": datetime(2026, 3, 28),
            "decision": decision,
        },
    )


def decided(env: FineTuningFactory) -> PromotionDecision:
    """The decision after what can be admitted was admitted."""
    with env.warehouse.transaction() as con:
        admit_canary(con, env.clock.now())
        return decide_promotion(con)


def status_of(env: FineTuningFactory, model_id: str) -> str:
    with env.warehouse.transaction() as con:
        return {m.model_id: m.status for m in list_models(con)}[model_id]


def test_a_candidate_that_passed_becomes_the_canary_and_no_more_than_that(
    env: FineTuningFactory,
) -> None:
    model(env, "new")
    evaluated(env, "new", 1.0)
    decision = decided(env)
    assert (decision.action, decision.model_id) == ("keep", "new")
    assert status_of(env, "new") == "canary"
    assert status_of(env, BASE) == "active"


@pytest.mark.parametrize("score", [0.5, None])
def test_a_candidate_that_failed_or_was_not_evaluated_is_not_tried(
    env: FineTuningFactory, score: float | None
) -> None:
    model(env, "new")
    if score is not None:
        evaluated(env, "new", score)
    assert decided(env).action == "none"
    assert status_of(env, "new") == "candidate"


def test_asking_for_a_decision_changes_nothing(env: FineTuningFactory) -> None:
    model(env, "new")
    evaluated(env, "new", 1.0)
    before = env.read("SELECT * FROM model_events ORDER BY changed_at")
    with env.warehouse.transaction() as con:
        assert decide_promotion(con).action == "none"
    assert env.read("SELECT * FROM model_events ORDER BY changed_at") == before


def test_a_newer_candidate_waits_until_the_trial_of_the_canary_is_over(
    env: FineTuningFactory,
) -> None:
    model(env, "old", "canary")
    model(env, "new")
    evaluated(env, "new", 1.5)
    assert decided(env).model_id == "old"
    assert status_of(env, "new") == "candidate"
    with env.warehouse.transaction() as con:
        note = trial_note(con, env.clock.now())
        canary = canary_model(con)
    assert note is not None and canary is not None
    end = canary.changed_at + timedelta(days=366)
    assert f"old is on trial until {end:%Y-%m-%d}, 366 days at most" in note
    assert "candidate new waits until then" in note and "IG_CANARY_DAYS" in note
    env.clock.at += TRIAL + timedelta(seconds=1)
    assert decided(env).model_id == "new"
    assert status_of(env, "old") == "retired"


def test_without_evidence_nothing_is_promoted(env: FineTuningFactory) -> None:
    model(env, "new", "canary")
    env.variant("e1", "a", model_id=BASE)
    env.variant("e1", "canary", model_id="new", is_canary=True)
    decision = decided(env)
    assert decision.action == "keep" and "no pair of posts" in decision.reason


def test_one_good_month_is_not_enough_and_several_are(env: FineTuningFactory) -> None:
    model(env, "new", "canary")
    for number in range(30):
        pair(env, f"m1-{number}", 0.3 + number / 1000)
    assert decided(env).action == "keep"
    for month, ratio in ((4, 0.3), (5, 0.4), (6, 0.3)):
        first = month != 5
        sign = 1 if first else -1
        name, of = f"m{month}", f"2026-{month:02}"
        pair(env, name, sign * ratio, canary_first=first, month=of)
    assert decided(env).action == "keep"
    pair(env, "m7", 0.35, month="2026-07")
    pair(env, "m8", 0.32, month="2026-08")
    decision = decided(env)
    assert decision.action == "promote"
    assert decision.reason.startswith(
        "canary: +39 % over the active model in 35 pairs of 6 months"
    )
    assert status_of(env, "new") == "canary"


def test_the_first_days_of_a_new_model_promote_nothing(env: FineTuningFactory) -> None:
    model(env, "new", "canary")
    first = datetime(2026, 3, 2)
    pair(env, "e1", 3.0, published_at=first)
    pair(env, "e2", 3.0, published_at=first + NOVELTY - timedelta(hours=1))
    decision = decided(env)
    assert decision.action == "keep"
    assert "2 pairs are of its first 28 days" in decision.reason
    pair(env, "e3", 0.2, month="2026-04", published_at=first + NOVELTY)
    with env.warehouse.transaction() as con:
        evidence = canary_evidence(con)
    assert evidence is not None
    assert (evidence.stand.pairs, evidence.left_out) == (1, 2)
    assert evidence.stand.mean == pytest.approx(0.2)


def test_a_month_with_a_pair_that_still_runs_waits(env: FineTuningFactory) -> None:
    model(env, "new", "canary")
    pair(env, "e1", 0.2)
    pair(env, "e2", 0.9, month="2026-04")
    pair(env, "e3", 0.9, month="2026-04", decision="running")
    with env.warehouse.transaction() as con:
        evidence = canary_evidence(con)
    assert evidence is not None
    assert (evidence.stand.pairs, evidence.left_out) == (1, 1)


def test_texts_that_differ_by_chance_promote_nothing_however_often_one_asks() -> None:
    """What passes when the spread of posts is taken for all the spread there is."""
    draw = np.random.RandomState(7)
    pairs = draw.normal(0.0, math.hypot(0.38, 0.3), (2000, 30))
    n = np.arange(1, 31)
    known, mean = 0.09 / n, pairs.cumsum(axis=1) / n
    wide = known + TAU**2
    naive = 0.5 * np.log(known / wide) + mean**2 * TAU**2 / (2 * known * wide)
    ahead = mean > 0
    assert ((naive >= math.log(E_PROMOTE)) & ahead).any(axis=1).mean() > 0.05
    ours = t_log_e(pairs)
    assert ((ours >= math.log(E_PROMOTE)) & ahead).any(axis=1).mean() < 0.03


def test_a_canary_that_is_behind_is_never_promoted_however_sure_that_is(
    env: FineTuningFactory,
) -> None:
    model(env, "new", "canary")
    for month in range(1, 9):
        pair(env, f"e{month}", -0.5, month=f"2026-{month:02}")
    decision = decided(env)
    assert decision.action == "keep" and "promotion needs" in decision.reason


def test_each_pair_enters_once_at_the_last_look_of_an_ended_experiment(
    env: FineTuningFactory,
) -> None:
    model(env, "new", "canary")
    pair(env, "e1", 5.0, day=10)
    pair_rows = env.read("SELECT * FROM evidence WHERE arm_b = 'a'")
    env.write(
        "evidence",
        *(
            row | {"data_through": datetime(2026, 3, 21), "log_rate_ratio": 0.4}
            for row in pair_rows
        ),
    )
    pair(env, "e2", 0.2, variance=0.06)
    pair(env, "thin", 5.0, events=24.0)
    pair(env, "still running", 5.0, decision="running", month="2026-04")
    with env.warehouse.transaction() as con:
        evidence = canary_evidence(con)
    assert evidence is not None and evidence.stand.pairs == 2
    assert evidence.stand.mean == pytest.approx((0.4 + 0.2) / 2)
    assert (evidence.stand.units, evidence.stand.log_e) == (1, pytest.approx(0.0))


def test_a_pair_grounded_in_different_scripts_does_not_count(
    env: FineTuningFactory,
) -> None:
    model(env, "new", "canary")
    for name, seen in (("same", "r1"), ("other", "r2"), ("fewer", None)):
        pair(env, name, 0.2)
        for arm, revision in (("a", "r1"), ("canary", seen)):
            if revision is not None:
                row = {"variant_id": f"{name}-{arm}", "script_id": "s", "rank": 1}
                env.write("retrievals", row | {"revision_hash": revision})
    with env.warehouse.transaction() as con:
        evidence = canary_evidence(con)
    assert evidence is not None and evidence.stand.pairs == 1


def test_promotion_retires_the_model_before_and_rollback_brings_it_back(
    env: FineTuningFactory,
) -> None:
    model(env, "new", "canary")
    for _ in range(2):
        promote(env.warehouse, env.clock, "new", "e=40")
    assert status_of(env, "new") == "active" and status_of(env, BASE) == "retired"
    back = rollback(env.warehouse, env.clock, "complaints")
    assert (back.model_id, back.reason) == (BASE, "rollback: complaints")
    assert status_of(env, "new") == "retired"
    with pytest.raises(InputError, match="no earlier active model"):
        rollback(env.warehouse, env.clock, "more complaints")
    with env.warehouse.transaction() as con:
        assert active_model(con).model_id == BASE and canary_model(con) is None
    events = env.read("SELECT model_id, status FROM model_events ORDER BY changed_at")
    assert len(events) == 6


def test_a_tainted_model_is_neither_promoted_nor_rolled_back_to(
    env: FineTuningFactory,
) -> None:
    model(env, "old", "canary")
    promote(env.warehouse, env.clock, "old", "won")
    model(env, "new", "canary")
    promote(env.warehouse, env.clock, "new", "won")
    model_row = env.clock.now()
    with env.warehouse.transaction() as con:
        set_status(con, "old", "tainted", "a script was forgotten", model_row)
    with pytest.raises(InputError, match="forgotten"):
        promote(env.warehouse, env.clock, "old", "again")
    assert rollback(env.warehouse, env.clock, "worse").model_id == BASE


def test_a_person_must_give_a_reason(env: FineTuningFactory) -> None:
    model(env, "new", "canary")
    for change in (
        lambda: promote(env.warehouse, env.clock, "new", " "),
        lambda: rollback(env.warehouse, env.clock, ""),
    ):
        with pytest.raises(InputError, match="needs a reason"):
            change()
    with pytest.raises(InputError, match="no model 'other'"):
        promote(env.warehouse, env.clock, "other", "why not")


def test_the_warning_of_a_promotion_is_part_of_its_reason(
    env: FineTuningFactory,
) -> None:
    model(env, "new", "canary")
    warned = promote(
        env.warehouse, env.clock, "new", "e=40", lambda model: f"no {model.base_model}"
    )
    assert warned.reason == "e=40 (warning: no qwen)"
    back = rollback(env.warehouse, env.clock, "worse", lambda model: "no price")
    assert back.reason == "rollback: worse (warning: no price)"


def test_the_length_of_a_trial_is_one_setting(env: FineTuningFactory) -> None:
    settings = Settings(_env_file=None, canary_days=30)
    assert Settings(_env_file=None).canary_trial == TRIAL == timedelta(days=366)
    model(env, "old", "canary")
    model(env, "new")
    evaluated(env, "new", 1.5)
    env.clock.at += timedelta(days=31)
    with env.warehouse.transaction() as con:
        note = trial_note(con, env.clock.now(), settings.canary_trial)
        assert note is not None and "was on trial for 30 days" in note
        admit_canary(con, env.clock.now(), trial=settings.canary_trial)
    assert status_of(env, "new") == "canary"

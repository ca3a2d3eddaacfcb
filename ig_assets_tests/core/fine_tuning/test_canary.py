from __future__ import annotations

import json
import math
from datetime import datetime, timedelta

import numpy as np
import pytest

from ig_assets.core.experiments.stats.anytime_t_test import t_log_e
from ig_assets.core.experiments.stats.e_values import TAU
from ig_assets.core.fine_tuning.canary import (
    E_PROMOTE,
    TRIAL,
    canary_evidence,
    decide_promotion,
    promote,
    rollback,
)
from ig_assets.core.models.registry import (
    active_model,
    canary_model,
    ensure_base_model,
    list_models,
    set_status,
)
from ig_assets.errors import InputError
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import FineTuningFactory

BASE = "base/local/qwen"


def model(house: FineTuningFactory, model_id: str, status: str = "candidate") -> None:
    ensure_base_model(house.warehouse, house.clock, "local", "qwen")
    with house.warehouse.transaction() as con:
        if model_id != BASE:
            con.execute(
                "INSERT INTO models (model_id, provider, name, base_model, created_at) "
                "VALUES (?, 'few_shot', ?, 'qwen', ?)",
                [model_id, model_id, house.clock.now()],
            )
        set_status(con, model_id, status, "test", house.clock.now())


def evaluated(house: FineTuningFactory, model_id: str, score: float) -> None:
    house.write(
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
    house: FineTuningFactory,
    name: str,
    ratio: float,
    variance: float = 0.02,
    events: float = 100.0,
    canary_first: bool = True,
    day: int = 20,
    decision: str = "inconclusive",
) -> None:
    """A canary text and its sibling of arm a, with evidence at the last look."""
    house.variant(name, "a", model_id=BASE)
    house.variant(name, "b", model_id=BASE, hook_style="story")
    house.variant(name, "control", model_id=BASE, is_control=True)
    house.variant(name, "canary", model_id="new", is_canary=True)
    arms = ("canary", "a") if canary_first else ("a", "canary")
    for other in (arms, ("canary", "b"), ("canary", "control")):
        matched = set(other) == {"a", "canary"}
        house.write(
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
    house.write(
        "decisions",
        {
            "experiment_id": name,
            "decided_at": datetime(2026, 3, 28),
            "decision": decision,
        },
    )


def status_of(house: FineTuningFactory, model_id: str) -> str:
    with house.warehouse.transaction() as con:
        return {m.model_id: m.status for m in list_models(con)}[model_id]


def test_a_candidate_that_passed_becomes_the_canary_and_no_more_than_that(
    house: FineTuningFactory,
) -> None:
    model(house, "new")
    evaluated(house, "new", 1.0)
    decision = decide_promotion(house.warehouse, house.clock)
    assert (decision.action, decision.model_id) == ("keep", "new")
    assert status_of(house, "new") == "canary"
    assert status_of(house, BASE) == "active"


@pytest.mark.parametrize("score", [0.5, None])
def test_a_candidate_that_failed_or_was_not_evaluated_is_not_tried(
    house: FineTuningFactory, score: float | None
) -> None:
    model(house, "new")
    if score is not None:
        evaluated(house, "new", score)
    assert decide_promotion(house.warehouse, house.clock).action == "none"
    assert status_of(house, "new") == "candidate"


def test_a_newer_candidate_waits_until_the_trial_of_the_canary_is_over(
    house: FineTuningFactory,
) -> None:
    model(house, "old", "canary")
    model(house, "new")
    evaluated(house, "new", 1.5)
    assert decide_promotion(house.warehouse, house.clock).model_id == "old"
    assert status_of(house, "new") == "candidate"
    house.clock.at += TRIAL + timedelta(seconds=1)
    assert decide_promotion(house.warehouse, house.clock).model_id == "new"
    assert status_of(house, "old") == "retired"


def test_without_evidence_nothing_is_promoted(house: FineTuningFactory) -> None:
    model(house, "new", "canary")
    house.variant("e1", "a", model_id=BASE)
    house.variant("e1", "canary", model_id="new", is_canary=True)
    decision = decide_promotion(house.warehouse, house.clock)
    assert decision.action == "keep" and "no pair of posts" in decision.reason


def test_one_good_pair_is_not_enough_and_several_are(house: FineTuningFactory) -> None:
    model(house, "new", "canary")
    pair(house, "e1", 3.0)
    assert decide_promotion(house.warehouse, house.clock).action == "keep"
    for name, ratio in (("e2", 0.3), ("e3", -0.2), ("e4", 0.4), ("e5", 0.3)):
        pair(house, name, ratio, canary_first=ratio > 0)
    pair(house, "e1", 0.3)
    assert decide_promotion(house.warehouse, house.clock).action == "keep"
    for name in ("e6", "e7", "e8", "e9"):
        pair(house, name, 0.3)
    decision = decide_promotion(house.warehouse, house.clock)
    assert decision.action == "promote"
    assert decision.reason.startswith("canary: +35 % over the active model in 9 pairs")
    assert status_of(house, "new") == "canary"


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
    house: FineTuningFactory,
) -> None:
    model(house, "new", "canary")
    for name in ("e1", "e2", "e3", "e4", "e5"):
        pair(house, name, -0.5)
    decision = decide_promotion(house.warehouse, house.clock)
    assert decision.action == "keep" and "promotion needs" in decision.reason


def test_each_pair_enters_once_at_the_last_look_of_an_ended_experiment(
    house: FineTuningFactory,
) -> None:
    model(house, "new", "canary")
    pair(house, "e1", 5.0, day=10)
    pair_rows = house.read("SELECT * FROM evidence WHERE arm_b = 'a'")
    house.write(
        "evidence",
        *(
            row | {"data_through": datetime(2026, 3, 21), "log_rate_ratio": 0.4}
            for row in pair_rows
        ),
    )
    pair(house, "e2", 0.1, variance=0.06)
    pair(house, "thin", 5.0, events=24.0)
    pair(house, "still running", 5.0, decision="running")
    with house.warehouse.transaction() as con:
        evidence = canary_evidence(con)
    assert evidence is not None and evidence.stand.pairs == 2
    assert evidence.stand.mean == pytest.approx((0.4 + 0.1) / 2)
    assert evidence.stand.log_e_of_leader == pytest.approx(
        float(t_log_e([0.4, 0.1]).max())
    )


def test_a_pair_that_was_shown_different_scripts_says_nothing_of_the_model(
    house: FineTuningFactory,
) -> None:
    model(house, "new", "canary")
    for name, seen in (("same", "r1"), ("other", "r2"), ("fewer", None)):
        pair(house, name, 0.2)
        for arm, revision in (("a", "r1"), ("canary", seen)):
            if revision is not None:
                row = {"variant_id": f"{name}-{arm}", "script_id": "s", "rank": 1}
                house.write("retrievals", row | {"revision_hash": revision})
    with house.warehouse.transaction() as con:
        evidence = canary_evidence(con)
    assert evidence is not None and evidence.stand.pairs == 1


def test_promotion_retires_the_model_before_and_rollback_brings_it_back(
    house: FineTuningFactory,
) -> None:
    model(house, "new", "canary")
    for _ in range(2):
        promote(house.warehouse, house.clock, "new", "e=40")
    assert status_of(house, "new") == "active" and status_of(house, BASE) == "retired"
    back = rollback(house.warehouse, house.clock, "complaints")
    assert (back.model_id, back.reason) == (BASE, "rollback: complaints")
    assert status_of(house, "new") == "retired"
    with pytest.raises(InputError, match="no earlier active model"):
        rollback(house.warehouse, house.clock, "more complaints")
    with house.warehouse.transaction() as con:
        assert active_model(con).model_id == BASE and canary_model(con) is None
    events = house.read("SELECT model_id, status FROM model_events ORDER BY changed_at")
    assert len(events) == 6


def test_a_tainted_model_is_neither_promoted_nor_rolled_back_to(
    house: FineTuningFactory,
) -> None:
    model(house, "old", "canary")
    promote(house.warehouse, house.clock, "old", "won")
    model(house, "new", "canary")
    promote(house.warehouse, house.clock, "new", "won")
    model_row = house.clock.now()
    with house.warehouse.transaction() as con:
        set_status(con, "old", "tainted", "a script was forgotten", model_row)
    with pytest.raises(InputError, match="forgotten"):
        promote(house.warehouse, house.clock, "old", "again")
    assert rollback(house.warehouse, house.clock, "worse").model_id == BASE


def test_a_person_must_say_why(house: FineTuningFactory) -> None:
    model(house, "new", "canary")
    for change in (
        lambda: promote(house.warehouse, house.clock, "new", " "),
        lambda: rollback(house.warehouse, house.clock, ""),
    ):
        with pytest.raises(InputError, match="needs a reason"):
            change()
    with pytest.raises(InputError, match="no model 'other'"):
        promote(house.warehouse, house.clock, "other", "why not")

from __future__ import annotations

import pytest

from ig_assets.core.models.registry import (
    active_model,
    canary_model,
    ensure_base_model,
    list_models,
    set_status,
)
from ig_assets.errors import InputError
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import FineTuningFactory


def test_the_first_base_model_is_active_and_registering_it_twice_changes_nothing(
    env: FineTuningFactory,
) -> None:
    for _ in range(2):
        model_id = ensure_base_model(env.warehouse, env.clock, "local", "qwen")
    assert model_id == "base/local/qwen"
    with env.warehouse.transaction() as con:
        assert active_model(con).model_id == model_id
        assert canary_model(con) is None
    (event,) = env.read("SELECT status, reason FROM model_events")
    assert event == {"status": "active", "reason": "no model was active yet"}


def test_another_base_model_does_not_push_the_active_one_aside(
    env: FineTuningFactory,
) -> None:
    ensure_base_model(env.warehouse, env.clock, "local", "qwen")
    ensure_base_model(env.warehouse, env.clock, "openai", "gpt")
    with env.warehouse.transaction() as con:
        assert active_model(con).name == "qwen"
        assert {m.name: m.status for m in list_models(con)}["gpt"] == "retired"


def test_events_of_the_same_instant_keep_their_order(env: FineTuningFactory) -> None:
    ensure_base_model(env.warehouse, env.clock, "local", "qwen")
    now = env.clock.now()
    with env.warehouse.transaction() as con:
        for status in ("retired", "active", "canary"):
            set_status(con, "base/local/qwen", status, "test", now)
        assert [m.status for m in list_models(con)] == ["canary"]
    events = env.read("SELECT status FROM model_events ORDER BY changed_at")
    assert [e["status"] for e in events] == ["active", "retired", "active", "canary"]


def test_an_unknown_status_and_a_missing_active_model_are_errors(
    env: FineTuningFactory,
) -> None:
    with env.warehouse.transaction() as con:
        with pytest.raises(InputError, match="No model is active"):
            active_model(con)
        with pytest.raises(InputError, match="'best' is no status"):
            set_status(con, "m", "best", "test", env.clock.now())

"""A model that learnt from a forgotten script is tainted and never promoted."""

from __future__ import annotations

import pytest

from ig_assets.core.fine_tuning.evaluation.canary import promote, rollback
from ig_assets.core.fine_tuning.jobs.register import register_model
from ig_assets.core.forgetting.service import forget, plan_forgetting
from ig_assets.core.models.few_shot import few_shot_messages
from ig_assets.core.models.registry import active_model, get_model
from ig_assets.errors import InputError
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import MONTH
from ig_assets_tests.core.forgetting.forgetting_factory import (
    BASE,
    PHRASE,
    ForgettingFactory,
)
from ig_assets_tests.core.forgetting.requests import KETTLE


def test_a_model_that_learnt_from_it_is_tainted_rolled_back_and_never_promoted(
    env: ForgettingFactory,
) -> None:
    forget(env.work(), [KETTLE], "a letter", "rita")
    with env.warehouse.transaction() as con:
        assert active_model(con).model_id == BASE
        model = get_model(con, env.model_id)
        assert model.status == "tainted"
        assert model.artifact is not None
        assert PHRASE not in str(few_shot_messages(con, model.artifact))
    with pytest.raises(InputError, match="cannot be promoted"):
        promote(env.warehouse, env.clock, env.model_id, "I like it")


@pytest.mark.further
def test_a_tainted_model_stays_active_on_request_and_is_never_promoted_again(
    env: ForgettingFactory,
) -> None:
    forget(env.work(rolls_back=False), [KETTLE], "a letter", "rita")
    with env.warehouse.transaction() as con:
        assert active_model(con).model_id == env.model_id
    rollback(env.warehouse, env.clock, "a person's decision")
    with env.warehouse.transaction() as con:
        assert active_model(con).model_id == BASE
    with pytest.raises(InputError, match="cannot be promoted"):
        promote(env.warehouse, env.clock, env.model_id, "back again")


def test_a_model_that_did_not_learn_from_it_is_not_tainted(
    env: ForgettingFactory,
) -> None:
    near = plan_forgetting(env.work(), ["history/radish"]).found
    assert len(near.erasure.examples) == 2, "in its validation lines"
    assert near.erasure.models == () and near.influenced_models == (env.model_id,)
    learnt = plan_forgetting(env.work(), ["history/lamp"]).found
    assert learnt.erasure.models == (env.model_id,)
    assert learnt.influenced_models == ()


def test_a_model_of_another_kind_learnt_from_every_line_of_its_dataset(
    env: ForgettingFactory,
) -> None:
    env.write("models", {"model_id": env.model_id, "artifact": None})
    plan = plan_forgetting(env.work(), ["history/radish"])
    assert plan.found.erasure.models == (env.model_id,)


@pytest.mark.further
def test_a_model_that_is_registered_after_the_forgetting_is_tainted_at_once(
    env: ForgettingFactory,
) -> None:
    with env.warehouse.transaction() as con:
        con.execute("DELETE FROM models WHERE model_id = ?", [env.model_id])
        con.execute("DELETE FROM model_events WHERE model_id = ?", [env.model_id])
    forget(env.work(), [KETTLE], "a letter", "rita")
    model = register_model(env.warehouse, env.clock, MONTH)
    assert model is not None
    assert (model.model_id, model.status) == (env.model_id, "tainted")

"""The job that forgets a script: its form lists, then deletes, and shows no words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ig_assets.defs.operations.forgetting import forget_script
from ig_assets.settings import load_settings
from ig_assets_tests.core.forgetting.forgetting_factory import PHRASE, ForgettingFactory

FORM = {"scripts": ["history/kettle"], "reason": "a letter", "requested_by": "rita"}


@pytest.fixture
def env(tmp_path: Path) -> ForgettingFactory:
    factory = ForgettingFactory(tmp_path)
    factory.fill()
    return factory


def run(env: ForgettingFactory, form: dict[str, Any]) -> dg.ExecuteInProcessResult:
    return forget_script.execute_in_process(
        run_config=form,
        resources={
            "settings": load_settings(data_dir=env.data),
            "clock": env.clock,
            "warehouse": env.warehouse,
            "index": env.index,
        },
        raise_on_error=False,
    )


def shown(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    [event] = [e for e in result.all_events if e.is_successful_output]
    data: Any = event.event_specific_data
    return {name: value.value for name, value in data.metadata.items()}


def test_the_form_lists_until_it_is_told_to_delete_and_shows_no_words(
    env: ForgettingFactory,
) -> None:
    listed = run(env, FORM)
    assert listed.success
    assert shown(listed)["plan"]["rows"]["training_examples"] == 2
    assert env.files_with(PHRASE), "nothing was deleted"
    done = run(env, FORM | {"dry_run": False})
    assert done.success
    assert shown(done)["steps"]["search"]["places"] == {}
    assert env.files_with(PHRASE) == []
    assert PHRASE not in str(done.all_events) + str(listed.all_events)
    again = run(env, FORM | {"dry_run": False})
    assert again.success and "receipt" not in shown(again)


def test_a_run_that_leaves_words_somewhere_fails_and_says_where(
    env: ForgettingFactory,
) -> None:
    (env.data / "notes.txt").write_text(PHRASE)
    result = run(env, FORM | {"dry_run": False})
    [failed] = [e for e in result.all_events if e.is_step_failure]
    data = failed.step_failure_data.user_failure_data
    assert data is not None and "notes.txt" in str(data.description)

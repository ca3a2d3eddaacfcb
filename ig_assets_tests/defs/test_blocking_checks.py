"""Every blocking check that fails gives a person the reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace

import dagster as dg
import pytest

from ig_assets.adapters.local_models.embedder import LocalEmbedder
from ig_assets.core.fine_tuning.training_set.training_lines import (
    jsonl_line,
)
from ig_assets.headless.runner import BlockingCheckFailedError, Headless
from ig_assets_tests.defs.ticking import DagsterEnv

JANUARY = datetime(2026, 1, 1)
MONTH = "2026-01"
EXAMPLE = {"month": MONTH, "kind": "sft", "group_id": "g1"}
RANKED = {"month": MONTH, "evaluated_at": JANUARY}


def _script_without_a_text(env: DagsterEnv) -> None:
    env.add_script("knives")
    assert env.materialise("raw_scripts").success
    env.execute("UPDATE scripts SET text = ' '")


def _script_without_a_vector(env: DagsterEnv) -> None:
    env.add_script("knives")
    assert env.materialise("raw_scripts").success


def _winner_without_evidence(env: DagsterEnv) -> None:
    env.write("experiments", {"experiment_id": "e1", "month": MONTH})
    winner = {"experiment_id": "e1", "decided_at": JANUARY, "decision": "winner"}
    env.write("decisions", winner | {"winner_arm": "a"})


def _group_in_both_splits(env: DagsterEnv) -> None:
    env.write(
        "training_examples",
        EXAMPLE | {"example_id": "1", "split": "train"},
        EXAMPLE | {"example_id": "2", "split": "validation"},
    )


def _line_that_is_no_json(env: DagsterEnv) -> None:
    folder = env.services.settings.data_dir / "datasets" / MONTH
    folder.mkdir(parents=True)
    (folder / "sft_train.jsonl").write_text("no JSON\n")
    (folder / "openlineage.jsonl").write_text("{}\n")  # for other tools, no set


def _nothing_compared(env: DagsterEnv) -> None:
    env.write("models", {"model_id": "m1"})


# For each blocking check: how it comes to fail, and the reason it gives then.
FAILURES: dict[str, tuple[Callable[[DagsterEnv], None], str]] = {
    "raw_scripts:active_scripts_have_text": (
        _script_without_a_text,
        "1 active scripts have no text, or not exactly one present revision.",
    ),
    "script_index:index_equals_corpus": (
        _script_without_a_vector,
        "1 active scripts are missing in the index, 0 of its ids belong to no active "
        "script, and 0 are from an older or newer copy of the store.",
    ),
    "experiment_results:winners_have_evidence": (
        _winner_without_evidence,
        "1 of 1 winners have no stored evidence.",
    ),
    "training_examples:groups_never_straddle_splits": (
        _group_in_both_splits,
        "1 groups of related examples are in both splits, so that validation examples "
        "leak into training.",
    ),
    "fine_tune_jsonl:lines_are_valid": (
        _line_that_is_no_json,
        "1 of 1 lines are not valid.",
    ),
    "model_evaluation:candidate_passes_the_gate": (
        _nothing_compared,
        "No held-out pair was written, so nothing was compared.",
    ),
}


def _blocking(definitions: dg.Definitions) -> dict[str, dg.AssetChecksDefinition]:
    return {
        f"{spec.asset_key.to_user_string()}:{spec.name}": check
        for check in definitions.get_repository_def().asset_checks_defs_by_key.values()
        for spec in check.check_specs
        if spec.blocking
    }


def test_every_blocking_check_is_made_to_fail_here(definitions: dg.Definitions) -> None:
    assert set(_blocking(definitions)) == set(FAILURES)


@pytest.mark.parametrize("name", sorted(FAILURES))
def test_a_blocking_check_that_fails_gives_its_reason(
    dagster_env: DagsterEnv, name: str
) -> None:
    fail, reason = FAILURES[name]
    fail(dagster_env)
    result = _evaluated(dagster_env, name)
    assert (result.passed, result.description) == (False, reason)


def test_a_line_of_a_set_ends_at_its_line_feed_alone(dagster_env: DagsterEnv) -> None:
    """Notes and slides give U+2028 and U+0085 as breaks within a text."""
    example = {
        "kind": "sft",
        "prompt": "Write.",
        "completion": "One.\u2028Two.\x85Three.",
    }
    folder = dagster_env.services.settings.data_dir / "datasets" / MONTH
    folder.mkdir(parents=True)
    (folder / "sft_train.jsonl").write_text(f"{jsonl_line(example)}\n", "utf-8")
    result = _evaluated(dagster_env, "fine_tune_jsonl:lines_are_valid")
    assert (result.passed, result.metadata["checked"].value) == (True, 1)


def _evaluated(env: DagsterEnv, name: str) -> dg.AssetCheckResult:
    check = _blocking(env.definitions)[name].op.compute_fn.decorated_fn
    services = env.services
    available = {
        "context": SimpleNamespace(partition_key=MONTH),
        "settings": services.settings,
        "warehouse": services.warehouse,
        "index": services.index,
        "embedder": LocalEmbedder,  # its space is all that is asked of it
    }
    wanted = check.__code__.co_varnames[: check.__code__.co_argcount]
    result: dg.AssetCheckResult = check(**{name: available[name] for name in wanted})
    return result


def test_a_blocking_check_without_a_reason_is_named() -> None:
    """A check of somebody's own may give none; Dagster 1.13.27 asks for none."""

    @dg.asset
    def stage() -> None:
        """Something that is checked."""

    @dg.asset_check(asset=stage, blocking=True, description="It is complete.")
    def is_complete() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False)

    definitions = dg.Definitions(assets=[stage], asset_checks=[is_complete])
    with dg.DagsterInstance.ephemeral() as instance:
        headless = Headless(definitions, instance)
        with pytest.raises(BlockingCheckFailedError) as closed:
            headless.materialise(["stage"])
    assert str(closed.value) == "stage: the check is_complete failed."

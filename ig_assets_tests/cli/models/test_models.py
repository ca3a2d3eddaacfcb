"""`ig-assets models`: a model is named as lineage names it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from ig_assets.cli.app import app
from ig_assets.warehouse.rows import merge_rows
from ig_assets_tests.core.fine_tuning.evaluation.test_preference_accuracy import details
from ig_assets_tests.core.forgetting.forgetting_factory import BASE, ForgettingFactory


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> ForgettingFactory:
    return ForgettingFactory.filled(tmp_path_factory.mktemp("models"))


def run(env: ForgettingFactory, *arguments: str) -> Result:
    return of_app(env, "models", *arguments)


def of_app(env: ForgettingFactory, *arguments: str) -> Result:
    settings = env.settings | {"DAGSTER_HOME": str(env.data / "dagster")}
    return CliRunner().invoke(app, list(arguments), env=settings)


def test_a_model_is_found_by_its_name_and_the_beginning_of_its_id(
    env: ForgettingFactory,
) -> None:
    for name in ("tiny", BASE, BASE[:-2]):
        shown = run(env, "show", name, "--json")
        assert shown.exit_code == 0, shown.output
        assert json.loads(shown.stdout)["model"]["model_id"] == BASE
        compared = run(env, "compare", env.model_id[:6], name, "--json")
        assert compared.exit_code == 0, compared.output
        named = json.loads(compared.stdout)
        assert (named["model"], named["against"]) == (env.model_id, BASE)


def test_a_comparison_shows_the_accuracy_of_held_out_pairs_with_its_interval(
    env: ForgettingFactory,
) -> None:
    pairs = details(both=20, mine=12, theirs=2, neither=6)
    rows = [
        {
            "model_id": env.model_id,
            "against_model_id": "another",
            "example_id": f"pair {number}",
            "score": 1.0,
            "against_score": 1.0,
            "detail": json.dumps(pair),
        }
        for number, pair in enumerate(pairs)
    ]
    with env.warehouse.transaction() as con:
        con.execute(
            "INSERT INTO models (model_id, name, provider, base_model, created_at) "
            "VALUES ('another', 'another', 'p', 'b', '2026-01-01')"
        )
        con.execute(
            "INSERT INTO model_events VALUES ('another', '2026-01-01', 'retired', '')"
        )
        merge_rows(con, "evaluations", rows)
    env.warehouse.close()
    compared = run(env, "compare", env.model_id, "another")
    assert compared.exit_code == 0, compared.output
    said = " ".join(compared.stdout.split())
    assert "Preference better: by log-probability" in said
    assert "80% of 40 pairs (95 % interval 65% to 90%)" in said
    told = json.loads(run(env, "compare", env.model_id, "another", "--json").stdout)
    assert told["evaluation"]["accuracy"]["accuracy_difference"] == 0.25


def test_a_model_is_promoted_by_its_name_and_what_is_several_changes_nothing(
    env: ForgettingFactory,
) -> None:
    with env.warehouse.transaction() as con:
        con.execute(
            "INSERT INTO models (model_id, name, provider) VALUES "
            "('base/openai/tinier', 'double', 'p'), ('base/openai/tiniest', 'double', "
            "'p')"
        )
    before = env.read("SELECT * FROM model_events ORDER BY changed_at")
    env.warehouse.close()
    for name in ("base/openai/tin", "double"):
        refused = run(env, "promote", name, "--reason", "a test")
        assert refused.exit_code != 0
        assert "may be one of" in " ".join(refused.output.split())
    unknown = run(env, "promote", "base/none", "--reason", "a test")
    assert "There is no model 'base/none'" in unknown.output
    assert env.read("SELECT * FROM model_events ORDER BY changed_at") == before
    env.warehouse.close()
    done = run(env, "promote", "tiny", "--reason", "a test")
    assert done.exit_code == 0, done.output
    [last] = env.read("SELECT * FROM model_events ORDER BY changed_at")[-1:]
    env.warehouse.close()
    assert last["reason"] == "a test"
    [now] = env.read("SELECT model_id FROM latest_model_status WHERE status = 'active'")
    assert now["model_id"] == BASE


def test_the_scripts_that_fed_a_model_are_counted_and_named_both_ways(
    env: ForgettingFactory,
) -> None:
    listed = {
        row["model_id"]: row for row in json.loads(run(env, "list", "--json").stdout)
    }
    shown = json.loads(run(env, "show", env.model_id, "--json").stdout)
    assert listed[env.model_id]["scripts"] == len(shown["scripts"]) >= 2
    assert listed[BASE]["scripts"] == 0
    said = " ".join(run(env, "show", env.model_id).stdout.split())
    assert (
        f"{len(shown['scripts'])} scripts are behind it, in its training lines" in said
    )
    ids = of_app(env, "lineage", env.model_id, "--ids")
    assert ids.stdout.split() == shown["scripts"]
    for script_id in shown["scripts"]:
        back = of_app(env, "lineage", "script", script_id, "--ids", "--json")
        assert json.loads(back.stdout) == [env.model_id]
    kettle = of_app(env, "scripts", "show", "history/kettle", "--json")
    assert json.loads(kettle.stdout)["facts"]["models it fed"] == env.model_id
    for wrong in ([BASE, "--ids", "--down"], ["2026-01", "--ids", "--depth", "1"]):
        refused = of_app(env, "lineage", *wrong)
        assert refused.exit_code == 2 and "--ids is one step" in refused.output
    assert of_app(env, "lineage", BASE, "--ids").stdout == ""

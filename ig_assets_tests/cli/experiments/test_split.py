"""`ig-assets split`: clear errors, and money is spent only after a start."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ig_assets.adapters.simulated.clocks import SimulatedClock
from ig_assets.cli.app import app
from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets_tests.adapters.instagram.graph_factory import START
from ig_assets_tests.core.experiments.ad_studies.ad_study_factory import (
    AdStudyEnv,
    ad_study_env,
    add_reels,
)
from ig_assets_tests.stand_ins.graph_ads import AD_ACCOUNT, BUSINESS, FACEBOOK_PAGE
from ig_assets_tests.stand_ins.graph_server import ACCOUNT, SECRET, TOKEN

PLAN = ("plan", "e1", "--budget", "60", "--days", "7", "--countries", "us, gb")
WRONG_USE = 2


class Shell:
    """Runs `ig-assets split` under one account's settings."""

    def __init__(self, one: AdStudyEnv, folder: Path) -> None:
        self.env = {
            "IG_SOCIAL": "instagram",
            "IG_CLOCK": "simulated",
            "IG_DATA_DIR": str(folder),
            "IG_WAREHOUSE_URL": f"duckdb:///{folder / 'w.duckdb'}",
            "IG_INSTAGRAM_ACCOUNT": ACCOUNT,
            "IG_INSTAGRAM_TOKEN": TOKEN,
            "IG_META_APP_SECRET": SECRET,
            "IG_INSTAGRAM_URL": one.world.server.url,
            "IG_AD_ACCOUNT": AD_ACCOUNT,
            "IG_BUSINESS": BUSINESS,
            "IG_FACEBOOK_PAGE": FACEBOOK_PAGE,
            "IG_SPLIT_MAX_BUDGET": "100",
        }
        SimulatedClock(folder / "clock.json", START).move_to(START)

    def run(self, *arguments: str, **env: str | None) -> Result:
        return self.invoke("split", *arguments, **env)

    def invoke(self, *arguments: str, **env: str | None) -> Result:
        settings: dict[str, str | None] = {**self.env, **env}
        return CliRunner().invoke(app, list(arguments), env=settings)

    def answer(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def complaint(self, *arguments: str, **env: str | None) -> str:
        result = self.run(*arguments, **env)
        assert result.exit_code == WRONG_USE, result.output
        message = " ".join(result.stderr.split())
        assert TOKEN not in message and SECRET not in message
        assert message.startswith("ig-assets: ") and message.endswith(".")
        return message.removeprefix("ig-assets: ")


@pytest.fixture
def one(tmp_path: Path) -> Iterator[AdStudyEnv]:
    with ad_study_env(tmp_path) as made:
        add_reels(made.world)
        yield made


@pytest.fixture
def shell(one: AdStudyEnv, tmp_path: Path) -> Shell:
    return Shell(one, tmp_path)


def test_a_plan_costs_nothing_and_a_start_says_what_it_may(
    one: AdStudyEnv, shell: Shell
) -> None:
    study = shell.answer(*PLAN, "--ages", "18-44")
    assert (study["status"], study["countries"]) == ("paused", "US,GB")
    assert (study["min_age"], study["max_age"]) == (18, 44)
    assert one.vendor.would_spend() == 0
    message = shell.run("start", study["split_id"])
    assert "60.00 USD at most" in " ".join(message.stdout.split())
    assert one.vendor.would_spend() == 6000
    shell.answer("stop", study["split_id"])
    assert one.vendor.would_spend() == 0


def test_a_plan_is_kept_to_a_custom_audience_beside_its_countries(
    one: AdStudyEnv, shell: Shell
) -> None:
    number = "23850000000000001"
    audience = {"account_id": AD_ACCOUNT, "delivery_status": {"code": 200}}
    one.world.server.ads.audiences[number] = audience
    with_audience = (*PLAN, "--custom-audience", number)
    assert "is no number" in shell.complaint(*PLAN, "--custom-audience", "our fans")
    assert "no audience 99999" in shell.complaint(*PLAN, "--custom-audience", "99999")
    assert one.vendor.objects == {}
    study = shell.answer(*with_audience)
    assert study["custom_audiences"] == number
    assert shell.answer(*with_audience)["split_id"] == study["split_id"]
    assert "on other terms" in shell.complaint(*PLAN)
    [row] = shell.answer("list")
    assert row["custom_audiences"] == number


def test_only_the_word_start_starts(one: AdStudyEnv, shell: Shell) -> None:
    assert shell.answer(*PLAN)["status"] == "paused"
    assert one.vendor.would_spend() == 0
    assert shell.answer(*PLAN, "--start")["status"] == "running"
    assert one.vendor.would_spend() == 6000


def test_the_list_has_a_row_a_test(shell: Shell) -> None:
    assert "no split test yet" in shell.run("list").stdout
    study = shell.answer(*PLAN)
    [row] = shell.answer("list")
    assert row["split_id"] == study["split_id"] and row["spent"] is None
    assert row["verdict"] == "Nothing was shown yet."
    output = " ".join(shell.run("list").stdout.split())
    assert study["split_id"] in output and "paused" in output


@pytest.mark.parametrize("name", ["IG_AD_ACCOUNT", "IG_BUSINESS", "IG_FACEBOOK_PAGE"])
def test_a_setting_that_is_missing_is_named(
    one: AdStudyEnv, shell: Shell, name: str
) -> None:
    assert f"a split test needs {name}" in shell.complaint(*PLAN, **{name: None})
    assert not one.world.server.asked


def test_a_token_that_may_not_advertise_is_reported_before_any_request(
    one: AdStudyEnv, shell: Shell
) -> None:
    message = shell.complaint(*PLAN, IG_INSTAGRAM_URL=None)
    assert "needs a token of Facebook Login" in message


def test_the_simulated_audience_has_no_ads(shell: Shell) -> None:
    message = shell.complaint(*PLAN, IG_SOCIAL=None)
    assert "needs IG_SOCIAL=instagram" in message


def test_money_is_off_by_default(one: AdStudyEnv, shell: Shell) -> None:
    message = shell.complaint(*PLAN, IG_SPLIT_MAX_BUDGET=None)
    assert "off" in message and "IG_SPLIT_MAX_BUDGET" in message
    assert one.vendor.objects == {}


@pytest.mark.parametrize(
    ("option", "value"), [("--ages", "young"), ("--ages", "18"), ("--countries", "")]
)
def test_an_unreadable_request_is_reported(
    shell: Shell, option: str, value: str
) -> None:
    assert shell.complaint(*PLAN, option, value)


def test_who_pays_comes_from_the_settings(one: AdStudyEnv, shell: Shell) -> None:
    german = [*PLAN[:-1], "DE"]
    result = shell.run(*german)
    assert result.exit_code == 1 and "IG_AD_PAYER" in result.stderr
    shell.env["IG_AD_PAYER"] = "Rita's Kitchen"
    shell.answer(*german)
    assert len(one.vendor.of("campaign")) == 1, "the same test goes on"
    assert one.vendor.of("ad_set")[-1].fields["dsa_payor"] == "Rita's Kitchen"


@pytest.mark.parametrize(("setting", "examples"), [(None, 0), ("1", 2)])
def test_a_training_set_has_what_ads_decided_only_where_that_is_allowed(
    one: AdStudyEnv, shell: Shell, setting: str | None, examples: int
) -> None:
    with one.warehouse.transaction() as con:
        con.execute("""
            UPDATE posts
            SET published_revision_hash = v.revision_hash
            FROM variants AS v
            WHERE v.variant_id = posts.variant_id
            """)
    one.running()
    for arm, likes in (("A", 400), ("B", 200)):
        one.vendor.show(one.ad_of(arm).object_id, 10_000, 24.5, post_reaction=likes)
    one.read_daily(4)
    update_results(one.warehouse, one.world.time)
    clock = SimulatedClock(Path(str(shell.env["IG_DATA_DIR"])) / "clock.json", START)
    clock.move_to(datetime(2026, 2, 2))
    prepare = ("fine-tune", "prepare", "--month", "2026-01", "--json")
    result = shell.invoke(*prepare, IG_TRAIN_ON_ADS=setting)
    assert result.exit_code == 0, result.output
    rows = one.rows("SELECT kind, variant_id FROM training_examples ORDER BY kind")
    assert len(rows) == examples
    assert all(row["variant_id"] == "t1-A" for row in rows)

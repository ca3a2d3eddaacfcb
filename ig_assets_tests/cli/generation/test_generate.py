"""Variants of one topic on demand: written once, within the budget, readable."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ig_assets.core.generation.writing.schema import HOOK_STYLES
from ig_assets_tests.factories.processes import command, run_command, started
from ig_assets_tests.headless.loop_fixtures import TurnedLoop, new_loop
from ig_assets_tests.stand_ins.openai_server import RESPONSES, Fault, OpenAIStandIn

DONE, FAILED, WRONG_USE = 0, 1, 2
PATIENCE_S = 120.0  # for a machine that hangs; nothing is timed


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TurnedLoop]:
    """A corpus with its index, and no month turned."""
    with OpenAIStandIn() as stand_in:
        loop = new_loop(tmp_path_factory.mktemp("generate"), stand_in)
        synced = run_command(["sync"], loop.env, loop.data_dir)
        assert synced.returncode == DONE, synced.stderr
        yield loop


def generate(
    loop: TurnedLoop, *arguments: str, **env: str
) -> subprocess.CompletedProcess[str]:
    return run_command(["generate", *arguments], loop.env | env, loop.data_dir)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def answer(loop: TurnedLoop, *arguments: str) -> Any:
    result = generate(loop, *arguments, "--json")
    assert result.returncode == DONE, result.stderr
    return json.loads(result.stdout)


def test_a_topic_gets_its_variants_once(loop: TurnedLoop) -> None:
    first = answer(loop, "sharp knives", "--variants", "3", "--brief", "Hone daily.")
    variants = first["variants"]
    assert [v["arm"] for v in variants] == ["a", "b", "c"]
    ids = [v["variant_id"] for v in variants]
    asked_for = loop.rows(
        "SELECT DISTINCT hook_style FROM drafts WHERE variant_id IN (?, ?, ?)", ids
    )
    assert len(asked_for) == 3, "a variant's own label is what its hook is"
    assert {v["hook_style"] for v in variants} <= set(HOOK_STYLES)
    assert all(v["hook"] and v["body"] and v["call_to_action"] for v in variants)
    assert all(15 <= v["estimated_seconds"] <= 60 for v in variants)
    assert all(v["cost_usd"] > 0 for v in variants)
    asked = loop.stand_in.requests[RESPONSES]
    second = answer(loop, "Sharp Knives", "--variants", "2")
    assert second["variants"] == variants
    assert loop.stand_in.requests[RESPONSES] == asked == 6


def test_the_output_has_the_texts_and_the_cost(loop: TurnedLoop) -> None:
    output = generate(loop, "sharp knives").stdout
    for variant in answer(loop, "sharp knives")["variants"]:
        assert " ".join(variant["hook"].split()) in " ".join(output.split())
    assert "3 variants of 2026-01, USD 0.00" in output


def test_the_run_is_in_the_ui_under_its_job_and_its_assets(loop: TurnedLoop) -> None:
    run_id = answer(loop, "sharp knives")["run_id"]
    with dg.DagsterInstance.from_config(str(loop.dagster_home)) as instance:
        run = instance.get_run_by_id(run_id)
        assert run is not None and run.job_name == "generate_topic"
        for asset in ("topics", "script_drafts", "script_variants"):
            event = instance.get_latest_materialization_event(dg.AssetKey(asset))
            assert event is not None and event.run_id == run_id
            assert event.asset_materialization is not None
            assert event.asset_materialization.partition == "2026-01"


def test_a_budget_stops_between_two_drafts_and_reports_what_is_left(
    loop: TurnedLoop,
) -> None:
    nothing = generate(loop, "baking bread", IG_BUDGETS="generate:run:tokens=1")
    [most] = re.findall(r"would take ([0-9,]+) tokens", _one_line(nothing.stderr))
    limit = int(most.replace(",", "")) + 50  # one draft, and no second beside it
    ended = generate(loop, "baking bread", IG_BUDGETS=f"generate:run:tokens={limit}")
    assert ended.returncode == FAILED
    output = _one_line(ended.stderr)
    assert f"of generate:run:tokens={limit} is spent, and the next call" in output
    assert "1 of 3 drafts are written, 2 are left for the next run" in output
    assert "Traceback" not in output
    assert len(answer(loop, "baking bread")["variants"]) == 3


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (("  ",), "The topic cannot be used"),
        (("kites", "--variants", "5"), "ask for 2 or 3"),
        (("kites", "--month", "2025-12"), "not an open month"),
        (("kites", "--language", "Klingon"), "The topic cannot be used: language"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_paid(
    loop: TurnedLoop, arguments: tuple[str, ...], output: str
) -> None:
    before = loop.counts(), dict(loop.stand_in.requests)
    refused = generate(loop, *arguments)
    assert refused.returncode == WRONG_USE
    assert output in " ".join(refused.stderr.split())
    assert (loop.counts(), dict(loop.stand_in.requests)) == before


def test_another_brief_for_a_topic_is_a_conflict_and_nothing_is_spent(
    loop: TurnedLoop,
) -> None:
    answer(loop, "clean windows", "--brief", "Use paper.")
    before = loop.counts(), dict(loop.stand_in.requests)
    ended = generate(loop, "Clean windows", "--brief", "Use a squeegee.")
    assert ended.returncode == FAILED
    output = _one_line(ended.stderr)
    assert "2026-01 already has the topic 'clean windows', with another brief" in output
    assert "name this one differently" in output and "squeegee" not in output
    assert (loop.counts(), dict(loop.stand_in.requests)) == before


def test_rejected_variants_are_retried_and_the_result_is_reported(
    loop: TurnedLoop,
) -> None:
    loop.stand_in.fail(*[Fault(400, "content_policy_violation")] * 3)
    ended = generate(loop, "old tins")
    assert ended.returncode == FAILED and "(3 rejected)" in _one_line(ended.stdout)
    rows = "SELECT * FROM variants WHERE rejection IS NOT NULL ORDER BY variant_id"
    rejected = loop.rows(rows)
    loop.stand_in.fail(*[Fault(400, "content_policy_violation")])
    some = generate(loop, "--retry-rejected", "--month", "2026-01")
    output = _one_line(some.stdout)
    assert some.returncode == FAILED, some.stderr
    assert "3 rejected variants of 2026-01 were written once more" in output
    assert "2 passed, 1 are still rejected" in output and "Still rejected" in output

    report = answer(loop, "old tins", "--retry-rejected")

    assert report["after"]["accepted"] == report["after"]["arms"] == 3
    assert report["after"]["rejected"] == [] and report["cost_usd"] > 0
    assert all(row in loop.rows(rows) for row in rejected), "history stays"
    asked = loop.stand_in.requests[RESPONSES]
    none = generate(loop, "--retry-rejected")
    assert none.returncode == DONE
    assert "No variant of 2026-01 is rejected" in _one_line(none.stdout)
    assert loop.stand_in.requests[RESPONSES] == asked


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (("--retry-rejected", "--month", "2025-12"), "not an open month"),
        (("moon dust", "--retry-rejected"), "has no topic 'moon dust'"),
    ],
)
def test_what_cannot_be_retried_is_wrong_use(
    loop: TurnedLoop, arguments: tuple[str, ...], output: str
) -> None:
    refused = generate(loop, *arguments)
    assert refused.returncode == WRONG_USE
    assert output in _one_line(refused.stderr)


def test_of_two_runs_at_the_same_time_the_second_fails_and_plans_nothing(
    loop: TurnedLoop, tmp_path: Path
) -> None:
    asked = loop.stand_in.requests[RESPONSES]
    loop.stand_in.fail(Fault(delay_s=PATIENCE_S))
    files = tmp_path / "out", tmp_path / "err"
    arguments = ["generate", "slow cooking", "--json"]
    first = started(command, arguments, loop.env, loop.data_dir, files)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while loop.stand_in.requests[RESPONSES] == asked:
            assert time.monotonic() < deadline and first.is_alive()
            time.sleep(0.05)
        second = generate(loop, "quick cooking")
    finally:
        first.kill()
        first.join()
    assert second.returncode == FAILED
    output = _one_line(second.stderr)
    assert "Another `ig-assets` command that writes" in output
    assert "wait until it has ended" in output and "Traceback" not in output
    topics = {row["topic"] for row in loop.rows("SELECT topic FROM topics")}
    assert "quick cooking" not in topics, "it would be paid for later by accident"
    assert len(answer(loop, "quick cooking")["variants"]) == 3


def test_the_launchpad_shows_one_flat_form(tmp_path: Path) -> None:
    from ig_assets.defs.generation.on_demand import generate_topic

    schema: Any = generate_topic.run_config_schema.config_type
    required = [name for name, field in schema.fields.items() if field.is_required]
    assert required == ["topic"]
    assert {"variants", "brief", "language", "month"} <= set(schema.fields)


def test_the_form_for_another_try_needs_nothing() -> None:
    from ig_assets.defs.generation.on_demand import retry_rejected

    schema: Any = retry_rejected.run_config_schema.config_type
    assert set(schema.fields) == {"month", "topic"}
    assert not any(field.is_required for field in schema.fields.values())


def _topic_process(
    form: str, env: dict[str, str], cwd: Path, file: Path
) -> None:  # pragma: no cover
    """The process of a page: its form by standard input, its lines into the file."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.stdin, sys.stdout = io.StringIO(form), file.open("w", encoding="utf-8")
    from ig_assets.headless.workers.topic_process import main

    sys.exit(main())


def _lines_of_process(loop: TurnedLoop, form: str, file: Path) -> list[dict[str, Any]]:
    process = started(_topic_process, form, loop.env, loop.data_dir, file)
    process.join(PATIENCE_S)
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_a_page_hears_how_far_its_topic_is_and_how_it_ended(
    loop: TurnedLoop, tmp_path: Path
) -> None:
    form = json.dumps({"topic": "cast iron", "variants": 2, "month": "2026-01"})
    said = _lines_of_process(loop, form, tmp_path / "lines")
    assert any("2 of 2 drafts" in line.get("progress", "") for line in said)
    [run] = [line["done"] for line in said if "done" in line]
    rows = loop.rows("SELECT DISTINCT run_id FROM api_calls WHERE run_id = ?", [run])
    assert len(rows) == 1
    late = json.dumps({"topic": "cast iron", "variants": 2, "month": "2025-01"})
    refused = _lines_of_process(loop, late, tmp_path / "refused")[-1]
    assert "not an open month" in refused["error"] and refused["section"]

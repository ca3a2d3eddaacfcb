"""The training sets and models of two months."""

from __future__ import annotations

import hashlib
import json

import pytest

from ig_assets_tests.headless.loop_fixtures import FEBRUARY, JANUARY, MONTHS, TurnedLoop


def test_no_group_of_related_examples_stands_in_both_splits(
    turned_loop: TurnedLoop,
) -> None:
    splits = turned_loop.rows("""
        SELECT month, group_id, count(DISTINCT split) AS splits
        FROM training_examples
        GROUP BY month, group_id
        """)
    assert {row["splits"] for row in splits} == {1}
    assert {row["month"] for row in splits} == set(MONTHS)
    months = turned_loop.rows(
        "SELECT month, count(DISTINCT split) AS n FROM training_examples GROUP BY month"
    )
    assert {row["n"] for row in months} == {2}


@pytest.mark.parametrize("month", MONTHS)
def test_the_files_are_what_their_manifest_says(
    turned_loop: TurnedLoop, month: str
) -> None:
    folder = turned_loop.data_dir / "datasets" / month
    manifest = json.loads((folder / "manifest.json").read_text())
    files = {path.stem: path for path in folder.glob("*_*.jsonl")}
    lines = {
        name: path.read_text(encoding="utf-8").splitlines()
        for name, path in files.items()
    }
    assert lines
    assert {name: len(found) for name, found in lines.items()} == {
        name: count for name, count in manifest["counts"].items() if count
    }
    assert all(json.loads(line) for found in lines.values() for line in found)
    named = {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in files.items()
    }
    assert set(named.values()) <= set(_texts_of(manifest))


@pytest.mark.parametrize("month", MONTHS)
def test_the_examples_in_the_manifest_are_those_of_the_table(
    turned_loop: TurnedLoop, month: str
) -> None:
    folder = turned_loop.data_dir / "datasets" / month
    manifest = json.loads((folder / "manifest.json").read_text())
    rows = turned_loop.rows(
        "SELECT example_id, split FROM training_examples WHERE month = ?", [month]
    )
    assert rows
    assert {(e["example_id"], e["split"]) for e in manifest["examples"]} == {
        (row["example_id"], row["split"]) for row in rows
    }


def _texts_of(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts_of(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts_of(item)]
    return [value] if isinstance(value, str) else []


def test_each_month_registers_a_model_and_evaluates_it(
    turned_loop: TurnedLoop,
) -> None:
    rows = turned_loop.rows("""
        SELECT j.month, j.status, m.base_model, count(e.example_id) > 0 AS evaluated
        FROM fine_tune_jobs AS j
        JOIN models AS m ON m.job_id = j.job_id
        LEFT JOIN evaluations AS e ON e.model_id = m.model_id
        GROUP BY j.month, j.status, m.base_model
        ORDER BY j.month
        """)
    assert [tuple(row.values()) for row in rows] == [
        (JANUARY, "succeeded", "gpt-5-mini", True),
        (FEBRUARY, "succeeded", "gpt-5-mini", True),
    ]


def test_the_base_model_stays_active_until_the_evidence_promotes(
    turned_loop: TurnedLoop,
) -> None:
    models = {m["model_id"]: m["status"] for m in turned_loop.summary["models"]}
    assert models["base/openai/gpt-5-mini"] == "active"
    assert sorted(models.values()) == ["active", "canary", "candidate"]

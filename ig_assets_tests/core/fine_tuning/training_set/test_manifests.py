"""Manifests for other tools: the formats' own rules, our ids, the same bytes."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ig_assets.core.fine_tuning.training_set.manifests import (
    CROISSANT,
    EVENTS,
    write_croissant,
    write_events,
)
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import (
    MONTH,
    FineTuningFactory,
)
from ig_assets_tests.core.fine_tuning.training_set.built_sets import write
from ig_assets_tests.core.reports.lineage.test_lineage_trace import trained_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a month with a trained model."""
    env, _ = trained_model(tmp_path_factory.mktemp("manifests"))
    target = env.folder / "sets" / MONTH
    with env.warehouse.transaction() as con:
        write_events(con, target, MONTH)
    return target


def read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def test_croissant_names_each_file_with_the_hash_of_its_bytes(folder: Path) -> None:
    described = read(folder / CROISSANT)
    assert described["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    assert described["identifier"] == read(folder / "manifest.json")["dataset_hash"]
    for file in described["distribution"]:
        payload = (folder / file["contentUrl"]).read_bytes()
        assert file["sha256"] == hashlib.sha256(payload).hexdigest()
    names = {file["name"] for file in described["distribution"]}
    assert names == {path.name for path in folder.iterdir()} - {CROISSANT, EVENTS}
    [examples] = [r for r in described["recordSet"] if r["name"] == "examples"]
    derived = [
        field["name"]
        for field in examples["field"]
        if field.get("equivalentProperty") == "prov:wasDerivedFrom"
    ]
    assert derived == ["revision_hash"]


@pytest.mark.parametrize("decisions", [[], ["e1"], ["e1", 'e"2', "é"]])
def test_croissant_lists_each_decision_as_the_json_module_writes_it(
    tmp_path: Path, decisions: list[str]
) -> None:
    file = {"name": "sft_train.jsonl", "sha256": "0" * 64}
    manifest = {"files": [file], "month": MONTH, "dataset_hash": "d"}
    write_croissant(tmp_path, manifest, "1" * 64, decisions, datetime(2026, 4, 1))
    described = read(tmp_path / CROISSANT)
    assert described["prov:wasDerivedFrom"] == [
        {"@id": f"urn:ig-assets:decision:{name}"} for name in decisions
    ]
    whole = json.dumps(described, indent=1, ensure_ascii=False) + "\n"
    assert (tmp_path / CROISSANT).read_text(encoding="utf-8") == whole


def test_each_run_begins_and_ends_and_names_what_it_read_and_made(
    folder: Path,
) -> None:
    lines = (folder / EVENTS).read_text().splitlines()
    events = [json.loads(line) for line in lines]
    kinds = [(event["job"]["name"], event["eventType"]) for event in events]
    assert kinds == [
        ("fine_tune_jsonl", "START"),
        ("fine_tune_jsonl", "COMPLETE"),
        ("fine_tuned_model", "START"),
        ("fine_tuned_model", "COMPLETE"),
    ]
    for event in events:
        assert {"eventTime", "producer", "schemaURL", "run", "job"} <= set(event)
        assert str(uuid.UUID(event["run"]["runId"])) == event["run"]["runId"]
        at = datetime.fromisoformat(event["eventTime"])
        assert at.tzinfo is not None, "RFC 3339 asks for an offset"
        for data in event["inputs"] + event["outputs"]:
            assert data["namespace"] and data["name"]
    [made] = events[1]["outputs"]
    assert made["name"] == read(folder / "manifest.json")["dataset_hash"]
    assert made["name"] in {data["name"] for data in events[3]["inputs"]}


def test_no_manifest_holds_words_of_a_script(folder: Path) -> None:
    for name in (CROISSANT, EVENTS):
        text = (folder / name).read_text()
        assert "body of" not in text and "hook e" not in text, name


def test_a_set_without_examples_has_neither(tmp_path: Path) -> None:
    env = FineTuningFactory(tmp_path)
    write(env)
    names = {path.name for path in (env.folder / "sets" / MONTH).iterdir()}
    assert names == {"manifest.json"}


_READ_BACK = """
import json, sys
import mlcroissant as mlc
dataset = mlc.Dataset("croissant.json")
assert not dataset.metadata.ctx.issues.errors, dataset.metadata.ctx.issues.report()

def plain(value):
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.decode() if isinstance(value, bytes) else value

json.dump(
    {
        records.name: [
            {key.partition("/")[2]: plain(value) for key, value in record.items()}
            for record in dataset.records(records.id)
        ]
        for records in dataset.metadata.record_sets
    },
    sys.stdout,
)
"""


@pytest.mark.ship
def test_mlcroissant_reads_the_same_records_back(folder: Path, tmp_path: Path) -> None:
    """In an environment of its own: it brings SciPy, RDFLib and more."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "mlcroissant>=1.1,<1.2"]
    subprocess.run(install, check=True)
    read_back = subprocess.run(
        [python, "-W", "ignore", "-c", _READ_BACK],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert read_back.returncode == 0, read_back.stderr
    found = json.loads(read_back.stdout)
    manifest = read(folder / "manifest.json")
    for file in manifest["files"]:
        lines = (folder / file["name"]).read_text().splitlines()
        parsed = [json.loads(line) for line in lines]
        assert found[Path(file["name"]).stem] == [record_of(line) for line in parsed]
    names = list(found["examples"][0])
    assert found["examples"] == [
        {name: one[name] for name in names} for one in manifest["examples"]
    ]


def record_of(line: dict[str, Any]) -> dict[str, Any]:
    """A line of a file as the manifest describes its fields."""
    if "messages" in line:
        return {"messages": [message["content"] for message in line["messages"]]}
    return {
        "prompt": line["input"]["messages"][0]["content"],
        "preferred": [m["content"] for m in line["preferred_output"]],
        "not_preferred": [m["content"] for m in line["non_preferred_output"]],
    }

"""A training set is rebuilt from its manifest, or what is gone is named with why."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ig_assets.core.fine_tuning.training_set.rebuild import rebuild_dataset
from ig_assets.core.forgetting.service import forget
from ig_assets.errors import InputError
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import MONTH
from ig_assets_tests.core.forgetting.forgetting_factory import ForgettingFactory


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> ForgettingFactory:
    factory = ForgettingFactory(tmp_path_factory.mktemp("filled"))
    factory.fill()
    return factory


def test_a_set_has_the_same_bytes_until_something_of_it_is_forgotten(
    env: ForgettingFactory, tmp_path: Path
) -> None:
    original = env.data / "datasets" / MONTH
    kept = tmp_path / "kept"
    shutil.copytree(original, kept)
    same = rebuild_dataset(env.warehouse, original / "manifest.json", tmp_path / "new")
    assert same.is_same and same.gone == ()
    for file in same.files:
        written = (tmp_path / "new" / file.name).read_bytes()
        assert written == (original / file.name).read_bytes()

    receipt = forget(env.work(), ["history/kettle"], "a letter", "rita")
    assert receipt is not None
    after = rebuild_dataset(env.warehouse, kept / "manifest.json", tmp_path / "later")
    assert not after.is_same
    assert sorted(one.example_id for one in after.gone) == sorted(
        receipt.fields["erasure"]["examples"]
    )
    assert {one.why for one in after.gone} == {"forgotten on 2026-04-01 (receipt 1)"}
    assert sum(f.lines_of_manifest - f.lines for f in after.files) == len(after.gone)
    now = rebuild_dataset(env.warehouse, original / "manifest.json", tmp_path / "now")
    assert now.is_same, "the manifest of now names what is left"


def test_what_is_no_manifest_is_refused(env: ForgettingFactory, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    outside = {
        "month": MONTH,
        "files": [{"name": "../sft_train.jsonl", "lines": 0, "sha256": ""}],
        "examples": [{"example_id": "e", "kind": "../sft", "split": "train"}],
    }
    for text in ("{}", "[1]", "not JSON", json.dumps(outside)):
        other.write_text(text)
        with pytest.raises(InputError, match="is no manifest of a training set"):
            rebuild_dataset(env.warehouse, other, tmp_path / "into")
    with pytest.raises(InputError, match="cannot be read"):
        rebuild_dataset(env.warehouse, tmp_path / "missing.json", tmp_path / "into")
    manifest = env.data / "datasets" / MONTH / "manifest.json"
    with pytest.raises(InputError, match="name another folder"):
        rebuild_dataset(env.warehouse, manifest, manifest.parent)


def test_rows_that_are_not_in_this_folder_are_said_to_be_of_another(
    env: ForgettingFactory, tmp_path: Path
) -> None:
    manifest = env.data / "datasets" / MONTH / "manifest.json"
    other = tmp_path / "other.json"
    other.write_text(
        manifest.read_text().replace(f'"month": "{MONTH}"', '"month": "x"')
    )
    found = rebuild_dataset(env.warehouse, other, tmp_path / "into")
    assert {one.why for one in found.gone} == {
        "its row is not in the tables; this may be another data folder"
    }

"""Any GGUF file of the user's is a writer, known by its name and hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ig_assets.adapters.local_models.own_model import own_model
from ig_assets.errors import ModelFileError
from ig_assets.settings import load_settings
from ig_assets.wiring.models import base_model, writer_file

WEIGHTS = b"GGUF\x03\x00\x00\x00 weights of someone's instruct model"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    file = tmp_path / "my-7b-instruct.gguf"
    file.write_bytes(WEIGHTS)
    return file


def test_another_file_under_the_same_path_is_another_model(
    weights: Path, tmp_path: Path
) -> None:
    first = own_model(weights, tmp_path / "cache")
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    assert first.name == f"my-7b-instruct@sha256:{digest[:12]}"
    weights.write_bytes(WEIGHTS + b"!")
    assert own_model(weights, tmp_path / "cache").name != first.name


def test_a_file_that_did_not_change_is_hashed_once(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = []
    real = hashlib.file_digest

    def counted(*arguments: object) -> object:
        hashed.append(1)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(hashlib, "file_digest", counted)
    names = {own_model(weights, tmp_path / "cache").name for _ in range(3)}
    assert len(hashed) == len(names) == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        pytest.param("weights.gguf", b"PK\x03\x04", "not a GGUF file", id="a zip"),
        pytest.param("m-00001-of-00002.gguf", WEIGHTS, "one part", id="a part"),
        pytest.param("m.gguf", None, "there is no file", id="missing"),
    ],
)
def test_what_is_no_whole_model_is_refused_in_a_sentence(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ModelFileError, match=said):
        own_model(file, tmp_path / "cache")
    with pytest.raises(ModelFileError, match="IG_MODEL_PATH"):
        own_model(None, tmp_path / "cache")


def test_the_models_name_in_every_row_is_that_of_the_file(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IG_MODEL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("IG_MODEL_PATH", str(weights))
    monkeypatch.setenv("IG_LOCAL_MODEL", "file")
    settings = load_settings()
    assert base_model(settings).name.startswith("my-7b-instruct@sha256:")
    assert writer_file(settings) == weights

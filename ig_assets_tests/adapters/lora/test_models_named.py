"""A model with an adapter is written with under its own name, or said to be missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ig_assets.adapters.lora.adapter_file import (
    adapter_path,
    model_name,
    sha256_of,
    split_name,
)
from ig_assets.adapters.lora.gguf_header import base_facts
from ig_assets.adapters.lora.trainer import LoraTrainer
from ig_assets.core.generation.writing.schema import ScriptAnswer
from ig_assets.core.ports import WriteRequest
from ig_assets.errors import ModelFileError, SettingsError
from ig_assets.settings import load_settings
from ig_assets.wiring import models
from ig_assets.wiring.models import lora_folder, make_writer
from ig_assets.wiring.stores import make_clock, make_warehouse
from ig_assets.wiring.trainers import make_trainers

BASE = "qwen2.5-coder-0.5b-instruct-q4_k_m"
REQUEST = WriteRequest("You write.", "Topic: salt", ScriptAnswer, 400, 0.0, 7)


def test_a_name_has_the_base_and_the_adapter_and_no_other_model_has_such_a_name() -> (
    None
):
    name = model_name(BASE, "0123456789abcdef" * 4)
    assert split_name(name) == (BASE, "0123456789ab")
    others = (BASE, "ft:gpt-4.1:x", "lora/", f"lora/{BASE}", f"{name}0", "together/x+y")
    assert [split_name(other) for other in others] == [None] * len(others)


def test_an_adapter_that_is_gone_or_another_is_said_when_it_is_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever writer the settings name: the model's own name decides."""
    base = tmp_path / "base.gguf"
    base.write_bytes(b"STAND-IN of a base model")
    monkeypatch.setattr(models, "writer_file", lambda *_, **__: base)
    settings = load_settings(data_dir=tmp_path, local_servers=1)
    folder = lora_folder(settings) / "adapters"
    folder.mkdir(parents=True)
    kept = folder / "kept.gguf"
    kept.write_bytes(b"STAND-IN of an adapter")
    name = model_name(BASE, sha256_of(kept))
    writer = make_writer(settings, name)
    assert (writer.provider, writer.model) == ("local", name)
    with pytest.raises(ModelFileError, match="is not in .*roll back"):
        writer.write(REQUEST)
    adapter_path(folder, sha256_of(kept)[:12]).write_bytes(b"another")
    with pytest.raises(ModelFileError, match="is not the adapter that was trained"):
        writer.write(REQUEST)
    with pytest.raises(SettingsError, match="the base model of lora/llama"):
        make_writer(settings, "lora/llama+0123456789ab")


def test_the_setting_alone_makes_a_trainer_and_another_makes_none(
    tmp_path: Path,
) -> None:
    named = load_settings(
        data_dir=tmp_path, trainer="lora,few_shot", local_model="0.5b"
    )
    first, _ = make_trainers(named, make_warehouse(named, make_clock(named)))
    assert isinstance(first, LoraTrainer)
    assert (first.provider, first.base_model) == ("lora", BASE)
    other = load_settings(data_dir=tmp_path)
    others = make_trainers(other, make_warehouse(other, make_clock(other)))
    assert [trainer.provider for trainer in others] == ["few_shot"]
    assert not lora_folder(named).exists(), "nothing is begun by naming it"


def test_a_file_that_is_no_language_model_is_said(tmp_path: Path) -> None:
    for name, content in (("text", b"hello"), ("cut", b"GGUF\x03\0\0\0\1\0\0")):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match="is no GGUF file"):
            base_facts(path)

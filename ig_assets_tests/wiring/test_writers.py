"""The writers of one process share what they hold."""

from __future__ import annotations

from pathlib import Path

from ig_assets.settings import load_settings
from ig_assets.wiring import Services


def test_a_model_has_one_writer_in_a_process(tmp_path: Path) -> None:
    settings = load_settings(
        data_dir=tmp_path, writer="openai", openai_api_key="never-a-key-for-tests"
    )
    services = Services(settings)
    one, other = "gpt-4o-mini", "gpt-4o"
    assert services.writer(one) is services.writer(one)
    assert services.writer(one) is not services.writer(other)

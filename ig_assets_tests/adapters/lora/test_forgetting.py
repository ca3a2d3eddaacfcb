"""Forgetting a script takes adapters that learnt from it, and jobs under way."""

from __future__ import annotations

from pathlib import Path


from ig_assets.adapters.lora.adapter_file import adapter_path, model_name
from ig_assets.adapters.lora.forgetting import REASON, forget_examples
from ig_assets.adapters.lora.trainer import LoraTrainer
from ig_assets_tests.adapters.lora.lora_jobs import StandInProcess, dataset, request

SHA = "0123456789abcdef" * 4


def finish(process: StandInProcess, store: Path) -> Path:
    """Let the last job succeed with an adapter; return its file."""
    path = adapter_path(store / "adapters", SHA[:12])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"STAND-IN of an adapter")
    process.end(adapter=SHA, file=path.name)
    return path


def test_an_adapter_goes_with_any_example_of_its_set_unless_it_is_kept(
    trainer: LoraTrainer, process: StandInProcess, tmp_path: Path
) -> None:
    store = tmp_path / "lora"
    trainer.submit(request(dataset(tmp_path / "set")))
    adapter = finish(process, store)
    assert forget_examples(store, ["another"], []) == {} and adapter.exists()
    kept = [model_name("base", SHA)]
    assert forget_examples(store, ["dpo1"], kept) == {} and adapter.exists()
    removed = forget_examples(store, ["dpo1"], [])
    assert removed == {"adapters_removed": [adapter.name]} and not adapter.exists()
    assert forget_examples(store, ["dpo1"], []) == {}, "it may be repeated"


def test_an_open_job_ends_without_its_words_and_weights(
    trainer: LoraTrainer, process: StandInProcess, tmp_path: Path
) -> None:
    job = trainer.submit(request(dataset(tmp_path / "set"))).provider_job_id
    folder = process.started[0]
    folder.checkpoint.mkdir()
    assert forget_examples(tmp_path / "lora", ["sft3"], []) == {"jobs_ended": [job]}
    state = trainer.poll(job)
    assert (state.status, state.refusal) == ("cancelled", REASON)
    assert not folder.rows.exists() and not folder.checkpoint.exists()
    assert len(process.started) == 1, "a poll does not start it again"

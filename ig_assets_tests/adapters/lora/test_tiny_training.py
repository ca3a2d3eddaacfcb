"""A whole training by the real packages and the real server, on a tiny random model.

Real are the process, the kill, torch, transformers, peft, gguf and llama.cpp's server;
the model is random and small, so that it takes seconds. `tools/verify_training.py` does
the same with the local writer's own model, in minutes. Needs the extra `train`.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ig_assets.adapters.local_models.serving.log_probability import answer_likelihood
from ig_assets.adapters.local_models.serving.server import (
    ServerAddress,
    ensure_server,
    stop_server,
)
from ig_assets.adapters.lora.adapter_file import find_adapter
from ig_assets.adapters.lora.fit.recipe import Machine, Recipe
from ig_assets.adapters.lora.gguf_header import base_facts
from ig_assets.adapters.lora.job_folder import ENDED, JobFolder
from ig_assets.adapters.lora.rows import TrainingRow, rows_of_dataset
from ig_assets.adapters.lora.trainer import LoraTrainer
from ig_assets.core.ports import TrainingState
from ig_assets.errors import ModelFileError
from ig_assets_tests.adapters.lora.lora_jobs import MACHINE, dataset, request
from ig_assets_tests.adapters.lora.tiny_base import NAME, write_tiny_base

pytestmark = pytest.mark.model
WHY = "needs the extra train (torch, transformers, peft, gguf)"
for package in ("torch", "transformers", "peft", "gguf"):
    pytest.importorskip(package, reason=WHY)

RECIPE = Recipe(
    epochs=6,
    rows_per_step=2,
    steps_per_checkpoint=4,
    learning_rate=2e-2,
    pair_learning_rate=5e-3,
    most_tokens=4096,
)


@dataclass(frozen=True)
class Trained:
    """A job that ran through, its folder, its adapter, and the base model."""

    state: TrainingState
    folder: JobFolder
    adapter: Path
    base: Path
    row: TrainingRow


def trainer(folder: Path, base: Path) -> LoraTrainer:
    def machine(path: Path, recipe: Recipe, store: Path) -> Machine:
        return MACHINE

    return LoraTrainer(folder, NAME, lambda: base, RECIPE, machine=machine)


def ended(one: LoraTrainer, job: str) -> TrainingState:
    """Poll a job until it has ended."""
    state = one.poll(job)
    while state.status not in ENDED:
        time.sleep(0.2)
        state = one.poll(job)
    return state


def job_folder(store: Path) -> JobFolder:
    [path] = (store / "jobs").iterdir()
    return JobFolder(path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    place = tmp_path_factory.mktemp("tiny")
    base = write_tiny_base(place / f"{NAME}.gguf")
    files = dataset(place / "set")
    one = trainer(place / "lora", base)
    state = ended(one, one.submit(request(files)).provider_job_id)
    folder = job_folder(place / "lora")
    assert state.status == "succeeded", (state.refusal, folder.log.read_text())
    assert state.model_name is not None
    adapter = find_adapter(place / "lora" / "adapters", state.model_name)
    row = rows_of_dataset(files).of("sft", "train")[0]
    return Trained(state, folder, adapter, base, row)


@pytest.fixture(scope="module")
def served(
    trained: Trained, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerAddress]:
    state_dir = tmp_path_factory.mktemp("server")
    yield ensure_server(state_dir, trained.base, adapters=[trained.adapter])
    stop_server(state_dir)


def loss(address: ServerAddress, trained: Trained, adapter: Path | None) -> float:
    """Nats a token of the first row's answer, as the server finds them."""
    row, scales = trained.row, address.scales(adapter)
    found = answer_likelihood(address, scales, row.instructions, row.prompt, row.answer)
    return -found.log_probability / found.tokens


def test_a_killed_training_resumes_to_the_same_file_and_losses(
    trained: Trained, tmp_path: Path
) -> None:
    one = trainer(tmp_path / "lora", trained.base)
    job = one.submit(request(dataset(tmp_path / "set"))).provider_job_id
    folder = job_folder(tmp_path / "lora")
    while folder.state().step < 6:
        assert folder.state().status not in ENDED, folder.state()
        time.sleep(0.01)
    os.kill(folder.state().pid, signal.SIGKILL)
    assert ended(one, job).status == "succeeded"
    assert folder.state().result["adapter"] == trained.folder.state().result["adapter"]
    assert folder.loss_curve() == trained.folder.loss_curve()
    left = {path.name for path in folder.path.iterdir()}
    assert left.isdisjoint({"rows.jsonl", "checkpoint"})


def test_the_losses_fall_in_both_stages(trained: Trained) -> None:
    losses = [training for _, training, _ in trained.state.losses]
    assert len(losses) == 37 == trained.folder.state().steps
    assert losses[-2] < losses[0] / 2, "supervised"
    assert losses[-1] == pytest.approx(0.69, abs=0.02), "ln 2: its first and only step"


def test_the_server_finds_an_answer_as_likely_as_torch_did(
    trained: Trained, served: ServerAddress
) -> None:
    """Names, shapes and scale of the adapter's tensors are those that were trained."""
    from gguf import GGUFReader

    from ig_assets.adapters.lora.base_model import load_tokenizer, load_with_adapter
    from ig_assets.adapters.lora.fit.batches import TokenRow, Tokens, token_rows
    from ig_assets.adapters.lora.fit.losses import supervised_loss

    [whole], excluded = token_rows([trained.row], load_tokenizer(trained.base), 4096)
    assert excluded == {}
    without_end = Tokens(whole.chosen.ids[:-1], whole.chosen.answer - 1)
    row = TokenRow(1.0, without_end, None)
    model = load_with_adapter(trained.base, MACHINE, RECIPE, 7)
    base = float(supervised_loss(model, row, "cpu").detach())
    import torch

    tensors = {t.name: t.data for t in GGUFReader(trained.adapter).tensors}
    parts = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj"}
    parts |= {"attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj"}
    parts |= {f"ffn_{p}": f"mlp.{p}_proj" for p in ("gate", "up", "down")}
    with torch.no_grad():
        for number in range(2):
            for short, long in parts.items():
                layer = model.get_submodule(
                    f"base_model.model.model.layers.{number}.{long}"
                )
                name = f"blk.{number}.{short}.weight.lora_"
                layer.lora_A["default"].weight.copy_(torch.tensor(tensors[name + "a"]))
                layer.lora_B["default"].weight.copy_(torch.tensor(tensors[name + "b"]))
    tuned = float(supervised_loss(model, row, "cpu").detach())
    assert tuned < base / 2
    assert loss(served, trained, None) == pytest.approx(base, abs=0.02)
    assert loss(served, trained, trained.adapter) == pytest.approx(tuned, abs=0.02)


def test_a_base_beside_an_adapter_answers_as_alone_and_shares_its_server(
    trained: Trained, served: ServerAddress, tmp_path: Path
) -> None:
    alone = ensure_server(tmp_path, trained.base)
    assert alone.scales(None) == {}
    without = loss(alone, trained, None)
    joined = ensure_server(tmp_path, trained.base, adapters=[trained.adapter])
    assert ensure_server(tmp_path, trained.base) == joined, "the base shares it"
    stop_server(tmp_path)
    assert loss(served, trained, None) == without


def test_an_adapter_that_changes_nothing_is_not_served(
    trained: Trained, tmp_path: Path
) -> None:
    """B is zero, as in an adapter that was never trained."""
    from gguf import GGUFReader, GGUFWriter

    inert = tmp_path / "inert.gguf"
    writer = GGUFWriter(inert, base_facts(trained.base).architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 16.0)
    for tensor in GGUFReader(trained.adapter).tensors:
        is_b = tensor.name.endswith("lora_b")
        writer.add_tensor(str(tensor.name), tensor.data * (0 if is_b else 1))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ModelFileError, match="changes nothing"):
        ensure_server(tmp_path / "server", trained.base, adapters=[inert])

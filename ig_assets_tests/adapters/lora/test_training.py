"""The arithmetic of a training, on a random model of two small blocks.

Needs the extra `train`, which the tested environment does not have: run by
`make verify-training`, skipped elsewhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ig_assets.adapters.lora.adapter_file import find_adapter, model_name, write_adapter
from ig_assets.adapters.lora.base_model import adapter_weights
from ig_assets.adapters.lora.fit.batches import TokenRow, Tokens
from ig_assets.adapters.lora.fit.losses import pair_loss, supervised_loss
from ig_assets.adapters.lora.fit.recipe import TARGETS, Recipe
from ig_assets.adapters.lora.fit.training import Cancelled, Training, TrainingSet
from ig_assets.errors import ModelFileError

pytestmark = pytest.mark.model
WHY = "needs the extra train (torch, transformers, peft, gguf)"
torch = pytest.importorskip("torch", reason=WHY)
peft = pytest.importorskip("peft", reason=WHY)
transformers = pytest.importorskip("transformers", reason=WHY)

RECIPE = Recipe(epochs=2, rows_per_step=2, steps_per_checkpoint=2, rank=2)


def tokens(*ids: int, answer: int = 3) -> Tokens:
    return Tokens(ids, answer)


SUPERVISED = [
    TokenRow(weight, tokens(1, 2, 3, 4 + number, 5, 6), None)
    for number, weight in enumerate((0.5, 1.5, 1.0, 0.2, 1.8))
]
PAIR = TokenRow(1.0, tokens(1, 2, 3, 4, 5, 6), tokens(1, 2, 3, 9, 8, answer=2))
ROWS = TrainingSet(SUPERVISED, [PAIR, PAIR], SUPERVISED[:1], [PAIR])


def model(seed: int = 7) -> Any:
    """A random base of two blocks, with a fresh adapter by the seed."""
    torch.manual_seed(1)
    config = transformers.Qwen2Config(
        vocab_size=32,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=False,
    )
    base = transformers.Qwen2ForCausalLM(config)
    torch.manual_seed(seed)
    lora = peft.LoraConfig(
        r=2, lora_alpha=4, target_modules=list(TARGETS), task_type="CAUSAL_LM"
    )
    return peft.get_peft_model(base, lora)


def train(folder: Path, until: int | None = None) -> tuple[Any, list[Any]]:
    """Train to the end, or until a step is reported and the process dies."""
    losses: list[Any] = []

    def report(step: int, loss: float, held_out: float | None, saved: bool) -> None:
        losses.append((step, loss, held_out))
        if step == until:
            raise KeyboardInterrupt

    training = Training(model(), ROWS, RECIPE, 7, folder / "checkpoint")
    try:
        return training.run(report, lambda: False), losses
    except KeyboardInterrupt:
        return None, losses


@pytest.mark.parametrize("killed_at", [1, 2, 3, 5, 6, 7])
def test_a_resumed_training_has_the_bits_of_an_unbroken_one(
    killed_at: int, tmp_path: Path
) -> None:
    """Killed within the supervised steps, between the stages, within the pairs."""
    whole, losses = train(tmp_path / "whole")
    train(tmp_path / "killed", until=killed_at)
    resumed, rest = train(tmp_path / "killed")
    assert rest == losses[len(losses) - len(rest) :]
    assert len(rest) >= len(losses) - killed_at
    assert whole.weights.keys() == resumed.weights.keys() and whole.weights
    differing = [
        name
        for name, array in whole.weights.items()
        if array.tobytes() != resumed.weights[name].tobytes()
    ]
    assert differing == []
    assert whole.accuracy == resumed.accuracy is not None


def test_a_row_of_no_weight_teaches_nothing_and_one_of_double_weight_twice_as_much(
    tmp_path: Path,
) -> None:
    def gradient(weight: float) -> Any:
        made = model()
        row = SUPERVISED[0]
        (supervised_loss(made, row, "cpu") * weight).backward()
        return torch.cat([p.grad.flatten() for p in adapter_weights(made).values()])

    once = gradient(1.0)
    assert float(once.abs().sum()) > 0
    assert torch.equal(gradient(2.0), once * 2)
    assert float(gradient(0.0).abs().sum()) == 0.0


def test_the_losses_are_those_of_the_formulas_written_out() -> None:
    """Against the full softmax over all positions, row by row, in float64."""
    made = model().double()
    row = PAIR

    def log_probability(one: Tokens) -> float:
        ids = torch.tensor([one.ids])
        full = torch.log_softmax(made(input_ids=ids).logits[0], dim=-1)
        first = len(one.ids) - one.answer
        return float(
            sum(full[at - 1, one.ids[at]] for at in range(first, len(one.ids)))
        )

    assert row.rejected is not None
    chosen, rejected = log_probability(row.chosen), log_probability(row.rejected)
    assert float(supervised_loss(made, row, "cpu")) == pytest.approx(-chosen / 3, 1e-6)
    margin = 0.1 * ((chosen + 4.0) - (rejected + 3.0))
    expected = float(torch.log1p(torch.exp(torch.tensor(-margin))))
    found = float(pair_loss(made, row, (-4.0, -3.0), 0.1, "cpu"))
    assert found == pytest.approx(expected, 1e-6)


def test_the_pair_loss_is_the_sigmoid_of_the_gained_margin() -> None:
    """-log σ(β · margin): Rafailov et al. 2023, equation 7, at a margin of 0.7."""
    made, row = model(), PAIR
    assert row.rejected is not None
    gained = torch.tensor(0.7)
    expected = -torch.nn.functional.logsigmoid(0.1 * gained)
    chosen = -3.0 * float(supervised_loss(made, row, "cpu"))
    lost_row = TokenRow(1.0, row.rejected, None)
    lost = -2.0 * float(supervised_loss(made, lost_row, "cpu"))
    reference = (chosen - 0.7, lost)
    found = pair_loss(made, row, reference, 0.1, "cpu")
    assert float(found) == pytest.approx(float(expected), abs=1e-5)


def test_a_cancelled_training_stops_before_its_next_row(tmp_path: Path) -> None:
    training = Training(model(), ROWS, RECIPE, 7, tmp_path / "checkpoint")
    with pytest.raises(Cancelled):
        training.run(lambda *_: None, lambda: True)
    assert training.done == 0


def test_an_adapter_file_has_llama_cpps_names_and_equal_weights_give_equal_bytes(
    tmp_path: Path,
) -> None:
    gguf = pytest.importorskip("gguf", reason=WHY)
    arrays = {n: p.detach().numpy() for n, p in adapter_weights(model()).items()}
    path, sha256 = write_adapter(tmp_path, arrays, "qwen2", 2, alpha=4)
    again, same = write_adapter(tmp_path / "again", arrays, "qwen2", 2, alpha=4)
    assert sha256 == same and path.read_bytes() == again.read_bytes()
    reader = gguf.GGUFReader(path)
    fields = {
        name: reader.fields[name].contents()
        for name in ("general.type", "adapter.type", "adapter.lora.alpha")
    }
    assert fields == {
        "general.type": "adapter",
        "adapter.type": "lora",
        "adapter.lora.alpha": 4.0,
    }
    found = {t.name: t for t in reader.tensors}
    assert len(found) == 2 * 2 * len(TARGETS)
    down = found["blk.1.ffn_down.weight.lora_a"]
    name = "base_model.model.model.layers.1.mlp.down_proj.lora_A.default.weight"
    assert down.data.tobytes() == arrays[name].tobytes()
    assert find_adapter(tmp_path, model_name("base", sha256)) == path
    path.write_bytes(b"other")
    with pytest.raises(ModelFileError, match="is not the adapter that was trained"):
        find_adapter(tmp_path, model_name("base", sha256))
    path.unlink()
    with pytest.raises(ModelFileError, match="roll back"):
        find_adapter(tmp_path, model_name("base", sha256))

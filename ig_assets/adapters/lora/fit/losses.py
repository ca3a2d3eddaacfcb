"""The supervised loss and the preference loss (DPO) of one row, without its weight.

Rows are neither padded nor truncated. The supervised loss is the mean negative
log-probability of the answer's tokens, without the prompt's. Pairs use direct
preference optimisation (Rafailov et al. 2023, equation 7), with log-probabilities
summed over the answer; the reference model is the one after the supervised steps.
"""

from __future__ import annotations

from typing import Any

from ig_assets.adapters.lora.fit.batches import TokenRow, Tokens


def answer_log_probability(model: Any, tokens: Tokens, device: str) -> Any:
    """Return the summed log-probability of the answer's tokens, a scalar tensor.

    Only the logits that predict the answer are computed.
    """
    import torch

    ids = torch.tensor([tokens.ids], device=device)
    logits = model(input_ids=ids, logits_to_keep=tokens.answer + 1).logits[0, :-1]
    return -torch.nn.functional.cross_entropy(
        logits.float(), ids[0, -tokens.answer :], reduction="sum"
    )


def supervised_loss(model: Any, row: TokenRow, device: str) -> Any:
    """Return the mean negative log-probability per token of the answer, in nats."""
    return -answer_log_probability(model, row.chosen, device) / row.chosen.answer


def pair_loss(
    model: Any, row: TokenRow, reference: tuple[float, float], beta: float, device: str
) -> Any:
    """Return the DPO loss -ln σ(β((c − c₀) − (r − r₀))) of one pair.

    c and r are the model's log-probabilities (nats) of the winning and the losing
    answer; `reference` is (c₀, r₀), those of the reference model.
    """
    import torch

    assert row.rejected is not None, "a pair has a losing answer"
    chosen = answer_log_probability(model, row.chosen, device)
    rejected = answer_log_probability(model, row.rejected, device)
    gained = (chosen - reference[0]) - (rejected - reference[1])
    return -torch.nn.functional.logsigmoid(beta * gained)


def log_probabilities(model: Any, row: TokenRow, device: str) -> tuple[float, float]:
    """Return a pair's (winning, losing) log-probability, without gradients."""
    import torch

    assert row.rejected is not None, "a pair has a losing answer"
    with torch.no_grad():
        return (
            float(answer_log_probability(model, row.chosen, device)),
            float(answer_log_probability(model, row.rejected, device)),
        )

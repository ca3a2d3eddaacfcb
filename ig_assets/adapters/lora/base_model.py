"""Loads the base model's weights and tokenizer for training from its GGUF file.

transformers dequantises the weights, so that an adapter is trained on the same weights
that it will be served on, apart from the rounding in llama.cpp's arithmetic.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ig_assets.adapters.lora.fit.batches import ChatTokenizer
from ig_assets.adapters.lora.fit.recipe import TARGETS, Machine, Recipe


def load_tokenizer(path: Path) -> ChatTokenizer:
    """Load the tokenizer and the chat template from the file."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(
        str(path.parent), gguf_file=path.name, local_files_only=True
    )

    def text_ids(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False))

    def prompt_ids(instructions: str, prompt: str) -> list[int]:
        messages = [
            {"role": "system", "content": instructions},
            {"role": "user", "content": prompt},
        ]
        return text_ids(
            tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True
            )
        )

    special = frozenset(int(i) for i in tokenizer.all_special_ids)
    added = frozenset(int(i) for i in tokenizer.added_tokens_decoder)
    return ChatTokenizer(
        prompt_ids, text_ids, special | added, int(tokenizer.eos_token_id)
    )


def load_with_adapter(path: Path, machine: Machine, recipe: Recipe, seed: int) -> Any:
    """Load the base model with a new adapter that has no effect yet.

    The adapter's matrices A are drawn at random by the seed, and its matrices B are
    zero. Only the adapter's weights are trained, as float32.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, GgufConfig

    torch.set_num_threads(machine.threads)
    torch.use_deterministic_algorithms(True)
    model: Any = AutoModelForCausalLM.from_pretrained(
        str(path.parent),
        gguf_file=path.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=getattr(torch, machine.dtype),
        local_files_only=True,
    ).to(machine.device)
    model.config.use_cache = False
    torch.manual_seed(seed)
    adapted: Any = get_peft_model(
        model,
        LoraConfig(
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            lora_dropout=0.0,
            bias="none",
            target_modules=list(TARGETS),
            task_type="CAUSAL_LM",
        ),
    )
    return adapted


def adapter_weights(model: Any) -> dict[str, Any]:
    """Return the trainable tensors by name, sorted by name."""
    found = {n: p for n, p in model.named_parameters() if p.requires_grad}
    return dict(sorted(found.items()))

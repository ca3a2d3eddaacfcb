"""A language model of two random blocks as a GGUF file that transformers and llama.cpp
both read: bytes as tokens, the chat marks of the local model, float32 weights.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

NAME = "tiny-random-f32"
WIDTH, BLOCKS, HEADS, INNER = 64, 2, 2, 128
MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_tiny_base(path: Path) -> Path:
    """Write the model; equal calls give equal bytes."""
    from gguf import GGUFWriter, TokenType

    letters = _byte_letters()
    # llama.cpp wants a merge; this one is of two bytes that no text in UTF-8 has.
    merged = letters[0xFE] + letters[0xFF]
    vocabulary = [*letters, merged, *MARKS]
    writer: Any = GGUFWriter(path, "qwen2")
    writer.add_block_count(BLOCKS)
    writer.add_context_length(4096)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(1)
    writer.add_rope_freq_base(1_000_000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(vocabulary)
    kinds = [TokenType.NORMAL] * (len(letters) + 1) + [TokenType.CONTROL] * len(MARKS)
    writer.add_token_types(kinds)
    writer.add_token_merges([f"{letters[0xFE]} {letters[0xFF]}"])
    writer.add_eos_token_id(vocabulary.index("<|im_end|>"))
    writer.add_pad_token_id(vocabulary.index("<|endoftext|>"))
    writer.add_bos_token_id(vocabulary.index("<|endoftext|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    draw = np.random.default_rng(7)
    for name, shape in _shapes(len(vocabulary)).items():
        if name.endswith("norm.weight"):
            weights = np.ones(shape)
        else:
            weights = draw.normal(0.0, 0.2 if "embd" in name else 0.1, shape)
        writer.add_tensor(name, weights.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _shapes(vocabulary: int) -> dict[str, tuple[int, ...]]:
    key = WIDTH // HEADS
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (vocabulary, WIDTH),
        "output.weight": (vocabulary, WIDTH),
        "output_norm.weight": (WIDTH,),
    }
    for number in range(BLOCKS):
        block = {
            "attn_norm.weight": (WIDTH,),
            "attn_q.weight": (WIDTH, WIDTH),
            "attn_q.bias": (WIDTH,),
            "attn_k.weight": (key, WIDTH),
            "attn_k.bias": (key,),
            "attn_v.weight": (key, WIDTH),
            "attn_v.bias": (key,),
            "attn_output.weight": (WIDTH, WIDTH),
            "ffn_norm.weight": (WIDTH,),
            "ffn_gate.weight": (INNER, WIDTH),
            "ffn_up.weight": (INNER, WIDTH),
            "ffn_down.weight": (WIDTH, INNER),
        }
        shapes |= {f"blk.{number}.{name}": shape for name, shape in block.items()}
    return shapes


def _byte_letters() -> list[str]:
    """GPT-2's letter for each byte: itself if it can be printed, else from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(b) if b in printable else chr(next(others)) for b in range(256)]

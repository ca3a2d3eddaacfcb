"""Finds and neutralises the control tokens of language models in a text.

Tokenizers that parse special tokens read `<|im_end|>` in a script as the end of a turn
and not as characters: the local server does so with all message content (xllamacpp
2026.10.11549; llama.cpp issues 24382 and 26273), as do trainers that tokenize a
rendered chat. The families are those of the model registry and of the vendors' models:
ChatML and Qwen (`<|im_start|>`, `<tool_call>`), GPT (`<|endoftext|>`,
`<|fim_prefix|>`), Llama (`<|eot_id|>`, `[INST]`, `<<SYS>>`, `<s>`), Mistral
(`[TOOL_CALLS]`, `[THINK]`), Gemma (`<start_of_turn>`, `<|turn>`, `<unused7>`), Phi
(`<|user|>`), DeepSeek (with full-width bars) and BERT, whose vocabulary MiniLM has
(`[CLS]`). Any word with an underscore in angle brackets counts. Words that people also
put into square brackets (`[audio]`) count only in capitals.
"""

from __future__ import annotations

import re
import unicodedata

_BARRED = r"<[|｜][^<>|｜\n]{1,64}[|｜]?>|<[^<>|｜\n]{1,64}[|｜]>"
_ANGLED = (
    r"</?(?:s|bos|eos|pad|unk|mask|start_of_turn|end_of_turn|start_of_image|"
    r"end_of_image|image_soft_token|unused\d{1,4}|tool_call|tool_response|tools|think|"
    r"escape|filename|[a-z]+(?:_[a-z0-9]+)+|"
    r"PRE|SUF|MID|EOT)>|<</?SYS>>"
)
_BRACKETED = (
    r"[\[［]/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|"
    r"TOOL_CONTENT|MODEL_SETTINGS|STREAMING_PAD|CALL_ID|CLS|SEP|PAD|UNK|"
    r"(?-i:PREFIX|MIDDLE|SUFFIX|MASK|ARGS|THINK|IMG|IMG_BREAK|IMG_END|AUDIO|"
    r"BEGIN_AUDIO|TRANSCRIBE))[\]］]"
)
_TOKEN = re.compile(f"{_BARRED}|{_ANGLED}|{_BRACKETED}", re.IGNORECASE)
_OPENING = "<＜﹤[［"
"""Every control token begins with one of these."""
_IN_BRACKETS = re.compile(_BRACKETED, re.IGNORECASE)

# `＜` and `﹤` become `<` under NFKC, which some tokenizers apply first.
_ANGLES = str.maketrans(dict.fromkeys("<＜﹤", "‹"))


def control_tokens(text: str) -> list[str]:
    """Return the control tokens in a text, each once, in order of appearance.

    Hidden characters are removed first, as a reader of the text may do the same.
    """
    if not any(sign in text for sign in _OPENING):
        return []
    if not text.isascii():
        text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return list(dict.fromkeys(_TOKEN.findall(text.translate(_PLAIN_ANGLES))))


def without_control_tokens(text: str) -> str:
    """Return the text with control tokens that tokenizers no longer recognise.

    People can still read them: every `<` becomes `‹`, so that `<|im_end|>` reads
    `‹|im_end|>`; `[INST]` becomes `(INST)`. No character is hidden or removed.
    """
    text = text.translate(_ANGLES)
    return _IN_BRACKETS.sub(lambda found: f"({found[0][1:-1]})", text)


_PLAIN_ANGLES = str.maketrans({"＜": "<", "﹤": "<", "＞": ">", "﹥": ">"})

"""Builds and checks the lines of training files, and counts their tokens.

The lines are OpenAI's: chat lines for supervised examples (sft), and preference lines
for pairs (dpo).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from json.encoder import encode_basestring
from typing import Any

from ig_assets.core.corpus.scripts.screening.control_tokens import control_tokens

ENCODING = "o200k_base"
CONTROL_TOKEN = "has a control token"

# A line as `json.dumps(sort_keys=True, ensure_ascii=False)` writes it, without the
# texts. Filling it in takes a fifth of the time.
_SFT = (
    '{{"messages": [{{"content": {prompt}, "role": "user"}}, '
    '{{"content": {completion}, "role": "assistant"}}]}}'
)
_DPO = (
    '{{"input": {{"messages": [{{"content": {prompt}, "role": "user"}}], '
    '"parallel_tool_calls": true, "tools": []}}, '
    '"non_preferred_output": [{{"content": {rejected}, "role": "assistant"}}], '
    '"preferred_output": [{{"content": {completion}, "role": "assistant"}}]}}'
)


def as_json(value: object) -> str:
    """Return a text, number, truth value or None as JSON, not escaped to ASCII."""
    if type(value) is str:
        return encode_basestring(value)
    return "null" if value is None else json.dumps(value, ensure_ascii=False)


def jsonl_line(example: Mapping[str, Any]) -> str:
    """Return an example as a line in the format of its kind, without the line end."""
    prompt, completion = as_json(example["prompt"]), as_json(example["completion"])
    if example["kind"] != "dpo":
        return _SFT.format(prompt=prompt, completion=completion)
    rejected = as_json(example["rejected"])
    return _DPO.format(prompt=prompt, completion=completion, rejected=rejected)


def check_line(kind: str, line: str) -> str | None:
    """Return what is wrong with a line of an sft or dpo file; None for a valid one."""
    try:
        parsed = json.loads(line)
        if kind == "sft":
            outputs = [parsed["messages"]]
            roles = [["user", "assistant"]]
        else:
            outputs = [
                parsed["input"]["messages"],
                parsed["preferred_output"],
                parsed["non_preferred_output"],
            ]
            roles = [["user"], ["assistant"], ["assistant"]]
        if outputs[0][0]["role"] == "system":  # as a vendor gets it
            roles[0].insert(0, "system")
        contents = [[m["content"] for m in messages] for messages in outputs]
        found = [[m["role"] for m in messages] for messages in outputs]
    except (ValueError, KeyError, TypeError, IndexError):
        return "is not of the format"
    if found != roles:
        return "has the wrong roles"
    if problem := _check_texts([text for texts in contents for text in texts]):
        return problem
    if kind == "dpo" and contents[1] == contents[2]:
        return "prefers a text to itself"
    return None


def check_example(example: Mapping[str, Any]) -> str | None:
    """Return what `check_line` says of an example's line, without parsing the line."""
    kind, completion = example["kind"], example["completion"]
    if kind not in ("sft", "dpo"):
        return check_line(kind, jsonl_line(example))
    texts = [example["prompt"], completion]
    if kind == "dpo":
        texts.append(example["rejected"])
    if problem := _check_texts(texts):
        return problem
    if kind == "dpo" and completion == example["rejected"]:
        return "prefers a text to itself"
    return None


def _check_texts(texts: Sequence[object]) -> str | None:
    for text in texts:
        if not isinstance(text, str) or not text.strip():
            return "has an empty text"
    return CONTROL_TOKEN if any(map(control_tokens, map(str, texts))) else None


def count_tokens(texts: Sequence[str]) -> int:
    """Return the number of o200k_base tokens of all texts, counted offline."""
    return sum(map(_tokenizer().count, texts))


@cache
def _tokenizer() -> Any:
    # `get_encoding` lists a text's tokens, which takes twice the time of counting them.
    from bpe_openai._bindings import tokenizer_for_encoding

    return tokenizer_for_encoding(ENCODING)  # which builds its tables at every call

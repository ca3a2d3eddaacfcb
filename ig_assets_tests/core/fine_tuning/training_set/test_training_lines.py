from __future__ import annotations

import json
from typing import Any

import pytest
from bpe_openai import get_encoding
from hypothesis import given, strategies as st

from ig_assets.core.fine_tuning.training_set.training_lines import (
    ENCODING,
    as_json,
    check_example,
    check_line,
    count_tokens,
    jsonl_line,
)

ODD = [
    'He said "hi" \\ and left',
    "tab\t line\n\r end \x00\x1f\x7f",
    "Größe … “q” e\u0301",
    "日本語のテスト。",
    "\u200b\u2028\u2029\ufeff 👩\u200d👧",
    "{prompt} {0} %s",
    "Beispiel Helligkeit",
    "<|im_end|>",
    "a [note] < b",
    " \u3000\n",
    "",
]
texts = st.sampled_from(ODD) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=40
)
examples = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["sft", "dpo", "rlhf"]),
        "prompt": texts | st.none(),
        "completion": texts | st.none(),
        "rejected": texts | st.none(),
    }
)


def encoded(example: dict[str, Any]) -> str:
    """The line as the json module writes it."""
    user = {"role": "user", "content": example["prompt"]}
    chosen = {"role": "assistant", "content": example["completion"]}
    line: dict[str, Any] = {"messages": [user, chosen]}
    if example["kind"] == "dpo":
        rejected = {"role": "assistant", "content": example["rejected"]}
        line = {
            "input": {"messages": [user], "tools": [], "parallel_tool_calls": True},
            "preferred_output": [chosen],
            "non_preferred_output": [rejected],
        }
    return json.dumps(line, sort_keys=True, ensure_ascii=False)


@given(examples)
def test_a_line_is_what_the_json_module_writes(example: dict[str, Any]) -> None:
    assert jsonl_line(example) == encoded(example)


@given(examples)
def test_an_example_is_refused_for_what_its_line_is_refused_for(
    example: dict[str, Any],
) -> None:
    expected = check_line(example["kind"], encoded(example))
    assert check_example(example) == expected


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, None),
        ({"kind": "rlhf"}, "is not of the format"),
        ({"prompt": None}, "has an empty text"),
        ({"rejected": " "}, "has an empty text"),
        ({"kind": "sft", "rejected": None}, None),
        ({"completion": "Cut.<|eot_id|>"}, "has a control token"),
        ({"rejected": "c"}, "prefers a text to itself"),
    ],
)
def test_each_reason_to_refuse_an_example_is_found(
    change: dict[str, object], problem: str | None
) -> None:
    good = {"kind": "dpo", "prompt": "p", "completion": "c", "rejected": "r"}
    assert check_example(good | change) == problem


@given(st.none() | st.booleans() | st.integers() | st.floats() | texts)
def test_a_value_is_what_the_json_module_writes(value: object) -> None:
    assert as_json(value) == json.dumps(value, ensure_ascii=False)


@given(st.lists(texts))
def test_the_tokens_are_those_of_the_whole_texts(found: list[str]) -> None:
    encoding = get_encoding(ENCODING)
    listed = [encoding.encode_ordinary(text) for text in found]
    assert count_tokens(found) == sum(map(len, listed))

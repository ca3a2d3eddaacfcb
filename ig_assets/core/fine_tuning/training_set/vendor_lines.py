"""Renders training lines as the prompts and answers that generation uses.

The files of a training set have a brief and a text. A vendor's model is trained on the
instructions and the prompt of a draft, and on the script as JSON by the schema, as it
is later asked. Retrieved scripts are not included.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Any

from ig_assets.core.fine_tuning.training_set.dataset_files import DatasetSummary
from ig_assets.core.fine_tuning.training_set.training_lines import (
    count_tokens,
)
from ig_assets.core.generation.writing.asked import asked_prompt
from ig_assets.core.generation.writing.schema import MOST_BEATS, ScriptAnswer
from ig_assets.core.ports import TrainingFile
from ig_assets.files import open_atomic

SENT = "sent"
"""Temporary subfolder of a month's folder, with the files that are being sent."""

_FEWEST_BEATS = 3
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")


@contextmanager
def vendor_files(dataset: DatasetSummary) -> Iterator[dict[str, TrainingFile]]:
    """Yield {`<kind>_<split>`: file in the vendors' form}; delete the files at exit."""
    folders, found = set(), {}
    try:
        for file in dataset.files:
            folder = file.path.parent / SENT
            folders.add(folder)
            target = folder / file.path.name
            found[f"{file.kind}_{file.split}"] = _rendered(file.path, target)
        yield found
    finally:
        for folder in folders:
            rmtree(folder, ignore_errors=True)


def asked_and_answered(prompt: str, text: str) -> tuple[str, str, str] | None:
    """Return (instructions, prompt, answer) of an example; None if a part is missing.

    `prompt` is a `training_prompt`. The text needs a hook, a body of at least three
    sentences, and a call to action. More than `MOST_BEATS` sentences are merged into as
    many beats.
    """
    asked, answer = asked_prompt(prompt), script_answer(text)
    if asked is None or answer is None:
        return None
    return asked.instructions, asked.prompt, answer.model_dump_json()


def script_answer(text: str) -> ScriptAnswer | None:
    """Return the text as a writer's answer; None if a part of the script is missing."""
    parts = [part.strip() for part in text.split("\n\n") if part.strip()]
    sentences = _SENTENCE_END.split(" ".join(parts[1:-1]))
    count = len(sentences)
    if len(parts) < 3 or count < _FEWEST_BEATS:
        return None
    beats = min(count, MOST_BEATS)
    cuts = [number * count // beats for number in range(beats + 1)]
    grouped = [
        " ".join(sentences[start:end])
        for start, end in zip(cuts, cuts[1:], strict=False)
    ]
    return ScriptAnswer(hook=parts[0], beats=grouped, call_to_action=parts[-1])


def _rendered(source: Path, target: Path) -> TrainingFile:
    """Write a file in the vendors' form to `target`; equal files give equal bytes."""
    digest = hashlib.sha256()
    lines = tokens = left_out = 0
    with (
        open(source, encoding="utf-8", newline="\n") as rows,
        open_atomic(target) as into,
    ):
        for row in rows:
            found = _sent(json.loads(row))
            if found is None:
                left_out += 1
                continue
            line, texts = found
            payload = (json.dumps(line) + "\n").encode("ascii")
            into.write(payload)
            digest.update(payload)
            lines += 1
            tokens += count_tokens(texts)
    return TrainingFile(str(target), digest.hexdigest(), lines, tokens, left_out)


def _sent(line: Mapping[str, Any]) -> tuple[Mapping[str, object], list[str]] | None:
    """Return (a vendor's line, the texts it trains on); None if a part is missing.

    For a preference pair, the texts are those of two examples with one prompt, since
    vendors do not say how they count its tokens.
    """
    if "messages" in line:
        user, chosen = line["messages"]
        found = asked_and_answered(user["content"], chosen["content"])
        if found is None:
            return None
        *asked, answer = found
        return {"messages": [*_asked(*asked), _answer(answer)]}, list(found)
    [user], [chosen], [rejected] = (
        line["input"]["messages"],
        line["preferred_output"],
        line["non_preferred_output"],
    )
    better, worse = (
        asked_and_answered(user["content"], each["content"])
        for each in (chosen, rejected)
    )
    if better is None or worse is None or better == worse:
        return None
    *asked, answer = better
    pair = {
        "input": {
            "messages": _asked(*asked),
            "tools": [],
            "parallel_tool_calls": True,
        },
        "preferred_output": [_answer(answer)],
        "non_preferred_output": [_answer(worse[2])],
    }
    return pair, [*better, *worse]


def _asked(instructions: str, prompt: str) -> list[dict[str, str]]:
    return [
        {"role": "system", "content": instructions},
        {"role": "user", "content": prompt},
    ]


def _answer(answer: str) -> dict[str, str]:
    return {"role": "assistant", "content": answer}

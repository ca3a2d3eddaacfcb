"""Supervised lines as generation will ask the trained model, so that it fits.

The files of a training set hold a brief and a text. A vendor's model is trained on what
it will be asked and has to answer: the instructions and the prompt of a draft, and the
script as JSON by the schema. Retrieved scripts are not among it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

from ig_assets.core.corpus.scripts.labels import language_name
from ig_assets.core.fine_tuning.training_set.dataset_files import DatasetSummary, count_tokens
from ig_assets.core.generation import prompts
from ig_assets.core.generation.writing.schema import (
    HOOK_STYLES,
    MOST_BEATS,
    ScriptAnswer,
)
from ig_assets.core.ports import TrainingFile
from ig_assets.files import write_atomic

SENT = "sent"
"""The folder in a month's folder that has what is being sent, and only meanwhile."""

_FEWEST_BEATS = 3
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")
_BRIEF = re.compile(
    r"Topic: (?P<topic>.*?)(?:\nBrief: (?P<brief>.*?))?"
    r"(?:\nAudience: (?P<audience>.*?))?\nLanguage: (?P<language>[^\n]*)"
    r"(?:\nHook style: (?P<style>[^\n]*))?"
    r'\n\nWrite one new script about "(?P=topic)"\.',
    re.DOTALL,
)
_NO_STYLE = "Hook style:  ()\n"


@contextmanager
def vendor_files(dataset: DatasetSummary) -> Iterator[dict[str, TrainingFile]]:
    """The supervised files by `<kind>_<split>`, in the vendors' form, until the end."""
    folders, found = set(), {}
    try:
        for file in dataset.files:
            if file.kind == "sft":
                folder = file.path.parent / SENT
                folders.add(folder)
                target = folder / file.path.name
                found[f"{file.kind}_{file.split}"] = _rendered(file.path, target)
        yield found
    finally:
        for folder in folders:
            rmtree(folder, ignore_errors=True)


def asked_and_answered(prompt: str, text: str) -> tuple[str, str, str] | None:
    """(instructions, prompt, answer) of an example; None for a text without the parts.

    A text needs a hook, a body of three sentences or more, and a call to action. More
    than `MOST_BEATS` sentences are put together. `prompt` is a `training_prompt`.
    """
    brief, answer = _BRIEF.fullmatch(prompt), script_answer(text)
    if brief is None or answer is None:
        return None
    style = brief["style"] or ""
    asked = prompts.render(
        prompts.DRAFT,
        prompts.DRAFT_INSTRUCTIONS,
        topic=brief["topic"],
        brief=brief["brief"] or "",
        audience=brief["audience"] or "",
        brand_voice="",
        language_name=language_name(brief["language"]),
        hook_style=style,
        hook_hint=HOOK_STYLES.get(style, ""),
        references=[],
        examples=[],
    )
    words = asked.prompt if style else asked.prompt.replace(_NO_STYLE, "", 1)
    return asked.instructions, words, answer.model_dump_json()


def script_answer(text: str) -> ScriptAnswer | None:
    """The text as a writer would return it; None where it lacks a part."""
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
    """Write the file in the vendors' form; equal files give equal bytes."""
    lines: list[str] = []
    texts: list[str] = []
    left_out = 0
    for line in source.read_text(encoding="utf-8").split("\n"):
        if not line:
            continue
        user, assistant = json.loads(line)["messages"]
        found = asked_and_answered(user["content"], assistant["content"])
        if found is None:
            left_out += 1
            continue
        texts += found
        lines.append(json.dumps(_messages(*found)) + "\n")
    payload = "".join(lines).encode("ascii")
    write_atomic(target, payload)
    return TrainingFile(
        str(target),
        hashlib.sha256(payload).hexdigest(),
        len(lines),
        count_tokens(texts),
        left_out,
    )


def _messages(instructions: str, prompt: str, answer: str) -> Mapping[str, object]:
    return {
        "messages": [
            {"role": "system", "content": instructions},
            {"role": "user", "content": prompt},
            {"role": "assistant", "content": answer},
        ]
    }

"""A dataset of valid lines, and a vendor's answers in order, for trainers' tests."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ig_assets.core.ports import TrainingFile, TrainingRequest

_LINES = {
    "sft": {
        "messages": [
            {"role": "user", "content": "Topic: salt"},
            {"role": "assistant", "content": "Salt late."},
        ]
    },
    "dpo": {
        "input": {
            "messages": [
                {"role": "system", "content": "Write."},
                {"role": "user", "content": "Topic: salt"},
            ],
            "tools": [],
            "parallel_tool_calls": True,
        },
        "preferred_output": [{"role": "assistant", "content": "Salt late."}],
        "non_preferred_output": [{"role": "assistant", "content": "Salt."}],
    },
}


def request(
    folder: Path, model: str, lines: int = 12, broken: str = "", method: str = "sft"
) -> TrainingRequest:
    """A request whose training file has so many lines, the last one `broken`."""
    rows = [json.dumps(_LINES[method])] * lines
    if broken:
        rows[-1] = broken
    path = folder / f"{method}_train.jsonl"
    path.write_text("".join(f"{row}\n" for row in rows))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    file = TrainingFile(str(path), digest, lines, lines * 90)
    files = {f"{method}_train": file}
    return TrainingRequest("intent1", "2026-03", model, "dataset", files, ["x"], 7)

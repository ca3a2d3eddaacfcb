"""A dataset of valid lines, and a vendor's answers in order, for trainers' tests."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ig_assets.core.ports import TrainingFile, TrainingRequest


def request(
    folder: Path, model: str, lines: int = 12, broken: str = ""
) -> TrainingRequest:
    """A request whose training file has so many lines, the last one `broken`."""
    line = {
        "messages": [
            {"role": "user", "content": "Topic: salt"},
            {"role": "assistant", "content": "Salt late."},
        ]
    }
    rows = [json.dumps(line)] * lines
    if broken:
        rows[-1] = broken
    path = folder / "sft_train.jsonl"
    path.write_text("".join(f"{row}\n" for row in rows))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    file = TrainingFile(str(path), digest, lines, lines * 90)
    files = {"sft_train": file}
    return TrainingRequest("intent1", "2026-03", model, "dataset", files, ["x"], 7)

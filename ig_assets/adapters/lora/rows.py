"""Renders the rows on which an adapter is trained, like the request for a draft.

The files of a training set contain briefs and texts; its manifest has the weight of
each line, in the order of the lines. A row is rendered by the templates of generation,
so that the model is trained on what it will be asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ig_assets.core.fine_tuning.training_set.dataset_files import (
    FORMATS,
    MANIFEST,
)
from ig_assets.core.fine_tuning.training_set.training_lines import (
    check_line,
)
from ig_assets.core.fine_tuning.training_set.vendor_lines import asked_and_answered
from ig_assets.errors import RefusedError

Kind = Literal["sft", "dpo"]


@dataclass(frozen=True)
class TrainingRow:
    """One example; `rejected` is the losing answer of a preference pair, else None.

    `weight` (0 or more) is the weight of the evidence in the training set. The texts
    are the system message, the user's message, and answers as JSON.
    """

    example_id: str
    kind: Kind
    split: str
    weight: float
    instructions: str
    prompt: str
    answer: str
    rejected: str | None = None


@dataclass(frozen=True)
class RenderedRows:
    """The rows of a training set; `left_out` counts by kind the lines that gave no row.

    The text of such a line lacks a hook, three sentences of body or a call to action.
    `example_ids` are the examples of all lines.
    """

    rows: tuple[TrainingRow, ...]
    left_out: Mapping[str, int]
    example_ids: tuple[str, ...]

    def of(self, kind: str, split: str) -> list[TrainingRow]:
        """Return the rows of one kind and split, in their order."""
        return [r for r in self.rows if (r.kind, r.split) == (kind, split)]


def rows_of_dataset(folder: Path) -> RenderedRows:
    """Render all lines of a month's files.

    Raises RefusedError if a file does not match its manifest: another hash, another
    number of lines, or a line of another form.
    """
    manifest = _manifest(folder)
    rows: list[TrainingRow] = []
    left_out: dict[str, int] = {}
    for kind, split in FORMATS:
        examples = [
            e for e in manifest["examples"] if (e["kind"], e["split"]) == (kind, split)
        ]
        lines = _lines(folder, f"{kind}_{split}.jsonl", manifest, len(examples))
        for example, line in zip(examples, lines, strict=True):
            if problem := check_line(kind, line):
                raise RefusedError(f"A line of {kind}_{split}.jsonl {problem}.")
            row = _row(example, json.loads(line))
            if row is None:
                left_out[kind] = left_out.get(kind, 0) + 1
            else:
                rows.append(row)
    ids = sorted({str(e["example_id"]) for e in manifest["examples"]})
    return RenderedRows(tuple(rows), left_out, tuple(ids))


def rows_as_lines(rows: Iterable[TrainingRow]) -> bytes:
    """Encode the rows as ASCII JSON lines; equal rows give equal bytes."""
    return "".join(json.dumps(asdict(row)) + "\n" for row in rows).encode("ascii")


def read_rows(path: Path) -> Iterator[TrainingRow]:
    """Yield the rows of a file that `rows_as_lines` encoded."""
    with path.open(encoding="ascii") as lines:
        for line in lines:
            yield TrainingRow(**json.loads(line))


def relative_weights(rows: Sequence[TrainingRow]) -> list[float]:
    """Return the weights divided by their mean; all 1 if every weight is 0."""
    total = sum(row.weight for row in rows)
    if total <= 0:
        return [1.0] * len(rows)
    return [row.weight * len(rows) / total for row in rows]


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise RefusedError(
            f"The training set in {folder} has no manifest that can be read; prepare "
            "the month again."
        ) from None
    return dict(found)


def _lines(
    folder: Path, name: str, manifest: Mapping[str, Any], expected: int
) -> list[str]:
    """Return the verified lines of a file; [] if the manifest does not list it."""
    named = {file["name"]: file for file in manifest["files"]}
    if name not in named:
        return []
    payload = (folder / name).read_bytes()
    lines = payload.decode("utf-8").removesuffix("\n").split("\n")
    if hashlib.sha256(payload).hexdigest() != named[name]["sha256"]:
        raise RefusedError(
            f"{name} is not the file that its manifest names; prepare the month again."
        )
    if not len(lines) == expected == named[name]["lines"]:
        raise RefusedError(
            f"{name} has {len(lines):,} lines and its manifest names "
            f"{expected:,}; prepare the month again."
        )
    return lines


def _row(example: Mapping[str, Any], line: Mapping[str, Any]) -> TrainingRow | None:
    if example["kind"] == "sft":
        user, chosen = line["messages"]
        lost = None
    else:
        [user] = line["input"]["messages"]
        [chosen], [lost] = line["preferred_output"], line["non_preferred_output"]
    asked = asked_and_answered(user["content"], chosen["content"])
    other = asked_and_answered(user["content"], lost["content"]) if lost else None
    if asked is None or (lost and other is None):
        return None
    return TrainingRow(
        str(example["example_id"]),
        example["kind"],
        str(example["split"]),
        float(example["weight"]),
        *asked,
        rejected=other[2] if other else None,
    )

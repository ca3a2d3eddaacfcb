"""Writes the training set as OpenAI's chat and preference JSONL with a manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ig_assets.core.fine_tuning.months import month_cutoff
from ig_assets.core.fine_tuning.training_set.dataset_stream import (
    SetWriter,
    pages,
)
from ig_assets.core.fine_tuning.training_set.manifests import (
    write_croissant,
    write_events,
)
from ig_assets.core.fine_tuning.training_set.training_lines import (
    CONTROL_TOKEN,
    check_example,
    count_tokens,
    jsonl_line,
)
from ig_assets.core.lineage.edges import record_parents
from ig_assets.core.ports import Clock
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Warehouse

FORMATS = (
    ("sft", "train"),
    ("sft", "validation"),
    ("dpo", "train"),
    ("dpo", "validation"),
)
FEWEST_EXAMPLES = 10
"""Least number of lines of a supervised training file for OpenAI (its guide, 2025)."""
MANIFEST = "manifest.json"
_EDGES_AT_ONCE = 100_000

_FORGOTTEN = """
SELECT example_id, kind, split, request_id, forgotten_at
FROM forgotten_examples
WHERE month = ?
ORDER BY example_id
"""


@dataclass(frozen=True)
class DatasetFile:
    """One file; `tokens` is the o200k_base token count of its prompts and texts."""

    kind: str
    split: str
    path: Path
    sha256: str
    lines: int
    tokens: int


@dataclass(frozen=True)
class DatasetSummary:
    """The month's files; there are none without examples.

    `quarantined` is the number of examples that were not written, see `write_datasets`;
    `excluded` is {reason: number of texts of decided experiments that gave no example}.
    """

    month: str
    files: tuple[DatasetFile, ...]
    dataset_hash: str
    train_example_ids: tuple[str, ...]
    lines: int
    tokens: int
    quarantined: int = 0
    excluded: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to train on."""
        return not self.train_example_ids

    @property
    def why_empty(self) -> str:
        """Return a sentence on why the set is empty, with exclusions by reason."""
        if self.is_empty and self.lines:
            return (
                f"The {self.lines:,} lines of {self.month} are all for validation, so "
                "there is nothing to train on."
            )
        if not self.excluded and not self.quarantined:
            return f"Nothing was decided before the end of {self.month}."
        reasons = dict(self.excluded)
        if self.quarantined:
            reasons["control token"] = self.quarantined
        listed = ", ".join(
            f"{count:,} {reason}"
            for reason, count in sorted(reasons.items(), key=lambda r: (-r[1], r[0]))
        )
        return (
            f"The training set of {self.month} is empty; what was decided before its "
            f"end is excluded: {listed}."
        )

    @property
    def size_note(self) -> str | None:
        """Return a sentence if the set is smaller than trainers require, else None."""
        supervised = sum(
            file.lines
            for file in self.files
            if (file.kind, file.split) == ("sft", "train")
        )
        if self.is_empty or supervised >= FEWEST_EXAMPLES:
            return None
        return (
            f"The set has {supervised:,} supervised examples; vendors refuse fewer "
            f"than {FEWEST_EXAMPLES}. Only few-shot models can be made of it."
        )


def write_datasets(
    warehouse: Warehouse,
    clock: Clock,
    month: str,
    folder: Path,
    seed: int,
    base_model: str,
    run_id: str = "",
) -> DatasetSummary:
    """Write `folder/<month>/<kind>_<split>.jsonl` and the manifests beside them.

    The manifests are `manifest.json`, and for other tools `croissant.json` and
    `openlineage.jsonl`. Equal rows give equal bytes; rows are read in pages, so a set
    may be larger than memory. The manifest lists forgotten examples by id and time
    (`forgotten`). Each file is replaced atomically; a file without lines is removed. A
    set built by an earlier version may have examples with a control token: they are
    counted (`quarantined`) and not written. Raises InputError for an invalid line.
    """
    target = folder / month
    quarantined = 0
    train: list[str] = []
    with SetWriter(target) as writer:
        for page in pages(warehouse, month):
            clean = _checked(page, month)
            quarantined += len(page) - len(clean)
            _write_lines(writer, clean)
            train += [e["example_id"] for e in clean if e["split"] == "train"]
            writer.describe(clean)
        with warehouse.transaction() as con:
            forgotten = fetch_dicts(con, _FORGOTTEN, [month])
        summary = _summarise(month, writer, train, quarantined)
        manifest = _manifest(summary, seed, base_model, forgotten)
        digest = writer.write_manifest(target / MANIFEST, manifest)
        paths = {file.path for file in summary.files}
        for kind, split in FORMATS:
            if (path := target / f"{kind}_{split}.jsonl") not in paths:
                path.unlink(missing_ok=True)
        if summary.files:
            now = clock.now()
            _record_edges(warehouse, writer, summary.dataset_hash, run_id, now)
            _record_set(warehouse, summary, target, seed, now)
    write_croissant(
        target, manifest, digest, sorted(writer.decisions), month_cutoff(month)
    )
    with warehouse.transaction() as con:
        write_events(con, target, month)
    return summary


def _checked(
    examples: Sequence[Mapping[str, Any]], month: str
) -> list[Mapping[str, Any]]:
    """Return the examples that may be written: those without a control token.

    Raises InputError for an example that is invalid in another way.
    """
    clean = []
    for example in examples:
        problem = check_example(example)
        if problem is None:
            clean.append(example)
        elif problem != CONTROL_TOKEN:
            raise InputError(
                f"Training example {example['example_id']} {problem}; the files of "
                f"{month} were not written."
            )
    return clean


def _write_lines(writer: SetWriter, examples: Sequence[Mapping[str, Any]]) -> None:
    """Append each example's line to the file of its kind and split."""
    for key in FORMATS:
        chosen = [e for e in examples if (e["kind"], e["split"]) == key]
        if chosen:
            texts = [
                text
                for example in chosen
                for column in ("prompt", "completion", "rejected")
                if (text := example[column])
            ]
            lines = map(jsonl_line, chosen)
            writer.file_of(*key).write(lines, count_tokens(texts))


def _summarise(
    month: str,
    writer: SetWriter,
    train: Sequence[str],
    quarantined: int,
) -> DatasetSummary:
    files = [
        DatasetFile(kind, split, f.path, f.sha256, f.lines, f.tokens)
        for kind, split in FORMATS
        if (f := writer.files.get((kind, split))) is not None
    ]
    parts = [f"{f.kind}_{f.split}:{f.sha256}" for f in files]
    return DatasetSummary(
        month=month,
        files=tuple(files),
        dataset_hash=hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest(),
        train_example_ids=tuple(train),
        lines=sum(f.lines for f in files),
        tokens=sum(f.tokens for f in files),
        quarantined=quarantined,
    )


def _manifest(
    summary: DatasetSummary,
    seed: int,
    base_model: str,
    forgotten: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the manifest's fields, except its examples."""
    manifest: dict[str, Any] = {
        "month": summary.month,
        "seed": seed,
        "base_model": base_model,
        "dataset_hash": summary.dataset_hash,
        "counts": {f"{f.kind}_{f.split}": f.lines for f in summary.files},
        "files": [
            {
                "name": f.path.name,
                "sha256": f.sha256,
                "lines": f.lines,
                "tokens": f.tokens,
            }
            for f in summary.files
        ],
    }
    if forgotten:
        manifest["forgotten"] = [
            {**row, "forgotten_at": row["forgotten_at"].isoformat()}
            for row in forgotten
        ]
    return manifest


def _record_edges(
    warehouse: Warehouse,
    writer: SetWriter,
    dataset_hash: str,
    run_id: str,
    now: datetime,
) -> None:
    """Write an edge from the set to each of its examples, in batches."""
    for examples in writer.described(_EDGES_AT_ONCE):
        with warehouse.transaction() as con:
            child = ("dataset", dataset_hash)
            record_parents(con, child, "example", examples, run_id, now)


def _record_set(
    warehouse: Warehouse,
    summary: DatasetSummary,
    target: Path,
    seed: int,
    now: datetime,
) -> None:
    """Write one row for the set and one per file."""
    base: dict[str, Any] = {"month": summary.month, "seed": seed, "created_at": now}
    complete: dict[str, Any] = {
        "dataset_hash": summary.dataset_hash,
        "kind": "all",
        "split": None,
        "path": str(target),
        "lines": summary.lines,
        "tokens": summary.tokens,
    }
    parts = [
        {
            "dataset_hash": f.sha256,
            "kind": f.kind,
            "split": f.split,
            "path": str(f.path),
            "lines": f.lines,
            "tokens": f.tokens,
        }
        for f in summary.files
    ]
    rows = [base | row for row in [complete, *parts]]
    with warehouse.transaction() as con:
        merge_rows(con, "datasets", rows, replace=False)

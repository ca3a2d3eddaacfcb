"""Writes the training set as OpenAI's chat and preference JSONL with a manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from ig_assets.core.corpus.scripts.screening.control_tokens import control_tokens
from ig_assets.core.fine_tuning.training_set.manifests import write_croissant, write_events
from ig_assets.core.fine_tuning.months import month_cutoff
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.ports import Clock
from ig_assets.errors import InputError
from ig_assets.files import write_atomic
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Warehouse

FORMATS = (
    ("sft", "train"),
    ("sft", "validation"),
    ("dpo", "train"),
    ("dpo", "validation"),
)
ENCODING = "o200k_base"
FEWEST_EXAMPLES = 10
"""OpenAI refuses a supervised training file with fewer lines (its guide, 2025)."""
MANIFEST = "manifest.json"

_FORGOTTEN = """
SELECT example_id, kind, split, request_id, forgotten_at
FROM forgotten_examples
WHERE month = ?
ORDER BY example_id
"""

# USD per million trained tokens (one epoch) by base model, with the day it was read.
# None is known yet, so estimates are NULL.
TRAINING_PRICES_USD: Mapping[str, tuple[float, str]] = {}


@dataclass(frozen=True)
class DatasetFile:
    """One file; `tokens` counts its prompts and texts by o200k_base."""

    kind: str
    split: str
    path: Path
    sha256: str
    lines: int
    tokens: int
    estimated_cost_usd: float | None


@dataclass(frozen=True)
class DatasetSummary:
    """The month's files; there are none without examples.

    `quarantined` counts examples that were not written, see `write_datasets`;
    `excluded` are {reason: texts} of decided experiments that gave none.
    """

    month: str
    files: tuple[DatasetFile, ...]
    dataset_hash: str
    train_example_ids: tuple[str, ...]
    lines: int
    tokens: int
    estimated_cost_usd: float | None
    quarantined: int = 0
    excluded: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to train on."""
        return not self.train_example_ids

    @property
    def why_empty(self) -> str:
        """A sentence that says what excluded everything, and how many of it."""
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
        """A sentence where the set is smaller than what trainers ask for."""
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

    These are `manifest.json`, and for other tools `croissant.json` and
    `openlineage.jsonl`.

    Equal rows give equal bytes. Of examples that were forgotten the manifest has an id
    and a time (`forgotten`). Each file is replaced atomically; a file without
    lines is removed. Examples with a control token, of a set that was built before
    they were excluded, are quarantined: counted, not written. Raises InputError for an
    invalid line.
    """
    with warehouse.transaction() as con:
        examples = fetch_dicts(
            con,
            "SELECT * FROM training_examples WHERE month = ? ORDER BY example_id",
            [month],
        )
        forgotten = fetch_dicts(con, _FORGOTTEN, [month])
    clean = [example for example in examples if not _has_control_token(example)]
    quarantined, examples = len(examples) - len(clean), clean
    target = folder / month
    files = []
    for kind, split in FORMATS:
        path = target / f"{kind}_{split}.jsonl"
        chosen = [e for e in examples if (e["kind"], e["split"]) == (kind, split)]
        if chosen:
            files.append(_write_file(path, kind, split, chosen, base_model))
        else:
            path.unlink(missing_ok=True)
    summary = replace(_summarise(month, files, examples), quarantined=quarantined)
    manifest = _manifest(summary, examples, seed, base_model, forgotten)
    write_atomic(target / MANIFEST, manifest)
    _record(warehouse, clock, summary, examples, target, seed, run_id)
    write_croissant(target, json.loads(manifest), month_cutoff(month))
    with warehouse.transaction() as con:
        write_events(con, target, month)
    return summary


def jsonl_line(example: Mapping[str, Any]) -> str:
    """One example as a line of its kind's format, without the line end."""
    user = {"role": "user", "content": example["prompt"]}
    chosen = {"role": "assistant", "content": example["completion"]}
    line: dict[str, Any] = {"messages": [user, chosen]}
    if example["kind"] == "dpo":
        line = {
            "input": {"messages": [user], "tools": [], "parallel_tool_calls": True},
            "preferred_output": [chosen],
            "non_preferred_output": [
                {"role": "assistant", "content": example["rejected"]}
            ],
        }
    return json.dumps(line, sort_keys=True, ensure_ascii=False)


def check_line(kind: str, line: str) -> str | None:
    """What is wrong with a line of an sft or dpo file, None where it is valid."""
    try:
        parsed = json.loads(line)
        if kind == "sft":
            outputs = [parsed["messages"]]
            roles = [["user", "assistant"]]
            if parsed["messages"][0]["role"] == "system":  # as a vendor gets it
                roles[0].insert(0, "system")
        else:
            outputs = [
                parsed["input"]["messages"],
                parsed["preferred_output"],
                parsed["non_preferred_output"],
            ]
            roles = [["user"], ["assistant"], ["assistant"]]
        contents = [[m["content"] for m in messages] for messages in outputs]
        found = [[m["role"] for m in messages] for messages in outputs]
    except (ValueError, KeyError, TypeError, IndexError):
        return "is not of the format"
    if found != roles:
        return "has the wrong roles"
    flat = [text for texts in contents for text in texts]
    if not all(isinstance(text, str) and text.strip() for text in flat):
        return "has an empty text"
    if any(map(control_tokens, flat)):
        return "has a control token"
    if kind == "dpo" and contents[1] == contents[2]:
        return "prefers a text to itself"
    return None


def _has_control_token(example: Mapping[str, Any]) -> bool:
    texts = (example[name] or "" for name in ("prompt", "completion", "rejected"))
    return any(map(control_tokens, texts))


def count_tokens(texts: Sequence[str]) -> int:
    """Tokens of all texts by o200k_base, counted offline."""
    encoding = _encoding()
    return sum(len(encoding.encode_ordinary(text)) for text in texts)


@cache
def _encoding() -> Any:
    from bpe_openai import get_encoding

    return get_encoding(ENCODING)  # which builds its tables at every call


def _write_file(
    path: Path,
    kind: str,
    split: str,
    examples: Sequence[Mapping[str, Any]],
    base_model: str,
) -> DatasetFile:
    lines = []
    for example in examples:
        line = jsonl_line(example)
        if problem := check_line(kind, line):
            raise InputError(
                f"Training example {example['example_id']} {problem}; "
                f"{path.name} was not written."
            )
        lines.append(line + "\n")
    payload = "".join(lines).encode("utf-8")
    write_atomic(path, payload)
    texts = [
        str(e[column])
        for e in examples
        for column in ("prompt", "completion", "rejected")
        if e[column]
    ]
    tokens = count_tokens(texts)
    price = TRAINING_PRICES_USD.get(base_model)
    return DatasetFile(
        kind=kind,
        split=split,
        path=path,
        sha256=hashlib.sha256(payload).hexdigest(),
        lines=len(lines),
        tokens=tokens,
        estimated_cost_usd=None if price is None else tokens * price[0] / 1e6,
    )


def _summarise(
    month: str, files: Sequence[DatasetFile], examples: Sequence[Mapping[str, Any]]
) -> DatasetSummary:
    parts = [f"{f.kind}_{f.split}:{f.sha256}" for f in files]
    costs = [f.estimated_cost_usd for f in files if f.split == "train"]
    known = [cost for cost in costs if cost is not None]
    return DatasetSummary(
        month=month,
        files=tuple(files),
        dataset_hash=hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest(),
        train_example_ids=tuple(
            e["example_id"] for e in examples if e["split"] == "train"
        ),
        lines=sum(f.lines for f in files),
        tokens=sum(f.tokens for f in files),
        estimated_cost_usd=sum(known) if known else None,
    )


def _manifest(
    summary: DatasetSummary,
    examples: Sequence[Mapping[str, Any]],
    seed: int,
    base_model: str,
    forgotten: Sequence[Mapping[str, Any]],
) -> bytes:
    columns = (
        "example_id",
        "kind",
        "split",
        "group_id",
        "weight",
        "reason",
        "decision_ref",
        "script_id",
        "variant_id",
        "revision_hash",
        "rejected_revision_hash",
        "simulated",
    )
    manifest = {
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
                "estimated_cost_usd": f.estimated_cost_usd,
            }
            for f in summary.files
        ],
        "examples": [{c: e[c] for c in columns} for e in examples],
    }
    if forgotten:
        manifest["forgotten"] = [
            {**row, "forgotten_at": row["forgotten_at"].isoformat()}
            for row in forgotten
        ]
    text = json.dumps(manifest, sort_keys=True, ensure_ascii=False, indent=1)
    return (text + "\n").encode("utf-8")


def _record(
    warehouse: Warehouse,
    clock: Clock,
    summary: DatasetSummary,
    examples: Sequence[Mapping[str, Any]],
    target: Path,
    seed: int,
    run_id: str,
) -> None:
    """Write one row for the set, one per file, and edges to the examples."""
    if not summary.files:
        return
    now = clock.now()
    base = {"month": summary.month, "seed": seed, "created_at": now}
    complete = {
        "dataset_hash": summary.dataset_hash,
        "kind": "all",
        "split": None,
        "path": str(target),
        "lines": summary.lines,
        "tokens": summary.tokens,
        "estimated_cost": summary.estimated_cost_usd,
    }
    parts = [
        {
            "dataset_hash": f.sha256,
            "kind": f.kind,
            "split": f.split,
            "path": str(f.path),
            "lines": f.lines,
            "tokens": f.tokens,
            "estimated_cost": f.estimated_cost_usd,
        }
        for f in summary.files
    ]
    edges = [
        Edge("dataset", summary.dataset_hash, "example", e["example_id"], e["split"])
        for e in examples
    ]
    with warehouse.transaction() as con:
        rows = [base | row for row in [complete, *parts]]
        merge_rows(con, "datasets", rows, replace=False)
        record_edges(con, edges, run_id, now)

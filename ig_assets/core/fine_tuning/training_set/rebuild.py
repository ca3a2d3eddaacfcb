"""Rebuilds a training set's files from its manifest, and reports missing examples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ig_assets.core.fine_tuning.training_set.dataset_files import FORMATS
from ig_assets.core.fine_tuning.training_set.training_lines import (
    jsonl_line,
)
from ig_assets.errors import InputError
from ig_assets.files import write_atomic
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Warehouse

_ROWS = """
SELECT *
FROM training_examples
WHERE month = ? AND example_id IN (SELECT unnest(?::TEXT[]))
"""

_FORGOTTEN = """
SELECT f.example_id, f.forgotten_at, f.request_id, r.number
FROM forgotten_examples AS f
LEFT JOIN forget_requests AS r ON r.request_id = f.request_id
WHERE f.month = ? AND f.example_id IN (SELECT unnest(?::TEXT[]))
"""


@dataclass(frozen=True)
class RebuiltFile:
    """One rebuilt file; `is_same` is true if its bytes are those in the manifest."""

    name: str
    lines: int
    lines_of_manifest: int
    is_same: bool


@dataclass(frozen=True)
class GoneExample:
    """An example of the manifest that can no longer be written, and why."""

    example_id: str
    file: str
    why: str


@dataclass(frozen=True)
class Rebuilt:
    """The files that were written, and the examples that are missing from them."""

    month: str
    dataset_hash: str
    folder: Path
    files: tuple[RebuiltFile, ...]
    gone: tuple[GoneExample, ...]

    @property
    def is_same(self) -> bool:
        """Whether every file has the bytes that the manifest names."""
        return all(file.is_same for file in self.files)


def rebuild_dataset(warehouse: Warehouse, manifest: Path, folder: Path) -> Rebuilt:
    """Write the files that a `manifest.json` names into another folder.

    Raises InputError for a file that is no manifest, and if `folder` is the manifest's
    own folder, whose files would be overwritten.
    """
    fields = _read(manifest)
    if folder.resolve() == manifest.parent.resolve():
        raise InputError(
            f"{folder} has the files of the manifest; name another folder with --into."
        )
    month = fields["month"]
    wanted = {one["example_id"]: one for one in fields["examples"]}
    with warehouse.transaction() as con:
        ids = sorted(wanted)
        rows = {row["example_id"]: row for row in fetch_dicts(con, _ROWS, [month, ids])}
        forgotten = {
            row["example_id"]: row for row in fetch_dicts(con, _FORGOTTEN, [month, ids])
        }
    files, gone = [], []
    for file in fields["files"]:
        name = str(file["name"])
        of_file = [
            i
            for i, one in wanted.items()
            if f"{one['kind']}_{one['split']}" == name[:-6]
        ]
        lines = [jsonl_line(rows[i]) + "\n" for i in of_file if i in rows]
        payload = "".join(lines).encode("utf-8")
        write_atomic(folder / name, payload)
        digest = hashlib.sha256(payload).hexdigest()
        files.append(
            RebuiltFile(name, len(lines), file["lines"], digest == file["sha256"])
        )
        gone += [
            GoneExample(i, name, _why(forgotten.get(i)))
            for i in of_file
            if i not in rows
        ]
    return Rebuilt(month, fields["dataset_hash"], folder, tuple(files), tuple(gone))


def _read(manifest: Path) -> Mapping[str, Any]:
    try:
        fields: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
        names = [str(file["name"]) for file in fields["files"]]
        known = {f"{kind}_{split}.jsonl" for kind, split in FORMATS}
        kinds = {(one["kind"], one["split"]) for one in fields["examples"]}
        is_one = isinstance(fields["month"], str) and known >= set(names)
        is_one = is_one and kinds <= set(FORMATS)
    except OSError as error:
        raise InputError(f"{manifest} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        is_one = False
    if not is_one:
        raise InputError(
            f"{manifest} is no manifest of a training set; name a "
            "datasets/<month>/manifest.json."
        )
    return fields


def _why(forgotten: Mapping[str, Any] | None) -> str:
    if forgotten is None:
        return "its row is not in the tables; this may be another data folder"
    number = forgotten["number"]
    receipt = f"receipt {number}" if number else f"request {forgotten['request_id']}"
    return f"forgotten on {forgotten['forgotten_at']:%Y-%m-%d} ({receipt})"

"""Writes a training set in one pass over its rows, with one page in memory.

Each row is written to the file of its kind and split, and its description to the
manifest. At the end all files are put in place together, and then the manifest. After
an exception nothing is put in place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from ig_assets.core.fine_tuning.training_set.training_lines import as_json
from ig_assets.files import open_atomic
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Warehouse

PAGE = 10_000
"""Number of rows that are in memory at once."""

DESCRIBED = (
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
"""Columns of an example that the manifest contains; none has the text of a script."""
_IN_ORDER = sorted(DESCRIBED)

# The last id of each page. A page between two ids is read without a look at the others
# where rows are stored in the order of their ids, as `build_training_examples` does.
_LAST_IDS = """
SELECT example_id
FROM (
    SELECT example_id, row_number() OVER (ORDER BY example_id) AS place
    FROM training_examples
    WHERE month = ?
)
WHERE place % ? = 0
ORDER BY example_id
"""
_PAGE_OF = """
SELECT *
FROM training_examples
WHERE month = ? AND example_id > ? AND example_id <= ?
ORDER BY example_id
"""
_REST = """
SELECT *
FROM training_examples
WHERE month = ? AND example_id > ?
ORDER BY example_id
"""

_EXAMPLES = "@examples@"


def pages(
    warehouse: Warehouse, month: str, size: int = PAGE
) -> Iterator[list[dict[str, Any]]]:
    """Yield the month's examples in pages, ordered by id.

    No transaction is open between two pages. A page has fewer rows if some were deleted
    meanwhile, and the last page has those that were added after its ids.
    """
    with warehouse.transaction() as con:
        last_ids = [row[0] for row in con.execute(_LAST_IDS, [month, size]).fetchall()]
    after = ""
    for last in last_ids:
        with warehouse.transaction() as con:
            rows = fetch_dicts(con, _PAGE_OF, [month, after, last])
        if rows:
            yield rows
        after = last
    with warehouse.transaction() as con:
        rows = fetch_dicts(con, _REST, [month, after])
    if rows:
        yield rows


class LineFile:
    """A file of lines that is being written, with its hash, lines and tokens so far."""

    def __init__(self, path: Path, into: BinaryIO) -> None:
        self.path = path
        self.lines = self.tokens = 0
        self._into = into
        self._digest = hashlib.sha256()

    def write(self, lines: Iterable[str], tokens: int) -> None:
        """Append lines, which contain `tokens` tokens in total."""
        written = [*lines, ""]
        payload = "\n".join(written).encode("utf-8")
        self._into.write(payload)
        self._digest.update(payload)
        self.lines += len(written) - 1
        self.tokens += tokens

    @property
    def sha256(self) -> str:
        """The SHA-256 (hex) of the lines that were written so far."""
        return self._digest.hexdigest()


class SetWriter(ExitStack):
    """Writes the files of a training set into a folder.

    `files` are those that have lines, by kind and split.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self.files: dict[tuple[str, str], LineFile] = {}
        self.decisions: set[str] = set()
        self._described = self.enter_context(TemporaryFile())
        self._ids = self.enter_context(TemporaryFile())
        self._lines = self.enter_context(ExitStack())
        self._separator = b""

    def file_of(self, kind: str, split: str) -> LineFile:
        """Return the file of a kind and split, opening it on first use."""
        known = self.files.get((kind, split))
        if known is None:
            path = self._folder / f"{kind}_{split}.jsonl"
            known = LineFile(path, self._lines.enter_context(open_atomic(path)))
            self.files[kind, split] = known
        return known

    def describe(self, examples: Sequence[Mapping[str, Any]]) -> None:
        """Append examples to the manifest."""
        if not examples:
            return
        texts = []
        for example in examples:
            if example["decision_ref"] is not None:
                self.decisions.add(str(example["decision_ref"]))
            fields = [f'"{name}": {as_json(example[name])}' for name in _IN_ORDER]
            texts.append("\n  {\n   " + ",\n   ".join(fields) + "\n  }")
        self._described.write(self._separator + ",".join(texts).encode("utf-8"))
        self._separator = b","
        ids = [[example["example_id"], example["split"]] for example in examples]
        self._ids.write(json.dumps(ids).encode("ascii") + b"\n")

    def described(self, fewest: int) -> Iterator[list[tuple[str, str]]]:
        """Yield the described examples as (id, split), in batches.

        A batch has at least `fewest` examples, except for the last.
        """
        self._ids.seek(0)
        batch: list[tuple[str, str]] = []
        for page in self._ids:
            batch += [(example_id, split) for example_id, split in json.loads(page)]
            if len(batch) >= fewest:
                yield batch
                batch = []
        if batch:
            yield batch

    def write_manifest(self, path: Path, fields: Mapping[str, Any]) -> str:
        """Put the files in place, then write the manifest; return its SHA-256.

        The manifest has `fields` and the described examples.
        """
        self._lines.close()
        whole = _as_json({**fields, "examples": [_EXAMPLES]})
        before, after = whole.split(_as_json([_EXAMPLES]).replace("\n", "\n "))
        digest = hashlib.sha256()
        closing = "\n ]" if self._separator else "]"
        before, after = f"{before}[", f"{closing}{after}"
        self._described.seek(0)
        into = self.enter_context(open_atomic(path))
        hashed = _Hashed(into, digest.update)
        hashed.write(before.encode("utf-8"))
        copyfileobj(self._described, hashed)
        hashed.write((after + "\n").encode("utf-8"))
        return digest.hexdigest()


class _Hashed:
    """A file whose written bytes are also hashed."""

    def __init__(self, into: BinaryIO, update: Callable[[bytes], None]) -> None:
        self._into, self._update = into, update

    def write(self, payload: bytes) -> int:
        self._update(payload)
        return self._into.write(payload)


def _as_json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1)

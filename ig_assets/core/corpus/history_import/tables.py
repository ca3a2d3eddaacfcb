"""Reads a file of history as a frame of texts, whatever kind of file it is."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ig_assets.core.tabular.strict_csv import guess_delimiter, parquet_rows
from ig_assets.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


BROKEN_LINE = "\0broken"
"""A column that no file can have; not empty in rows that are no JSON object."""


def read_frame(file: Path) -> tuple[pd.DataFrame, list[int]]:
    """Read CSV, TSV, JSONL (each also .gz) or Parquet.

    Returns a frame whose cells are all text, missing ones empty; and the numbers of
    values of the lines that do not fit the header. Raises InputError when the file
    cannot be read at all.
    """
    name = file.name.lower().removesuffix(".gz")
    readers: dict[str, Callable[[Path], tuple[pd.DataFrame, list[int]]]] = {
        ".csv": _read_csv,
        ".tsv": _read_csv,
        ".jsonl": _read_jsonl,
        ".ndjson": _read_jsonl,
        ".parquet": _read_parquet,
    }
    reader = next((r for suffix, r in readers.items() if name.endswith(suffix)), None)
    if reader is None:
        raise InputError(
            f"{file.name} is none of the kinds that can be imported: "
            ".csv, .csv.gz, .jsonl, .jsonl.gz, .parquet."
        )
    try:
        frame, bad_lines = reader(file)
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(f"The file {file} does not exist.") from None
    except UnicodeDecodeError:
        raise InputError(
            f"{file.name} is not UTF-8; save it as UTF-8 (in Excel: CSV UTF-8)."
        ) from None
    except (OSError, EOFError, ValueError) as error:
        raise InputError(
            f"{file.name} cannot be read as {name.rpartition('.')[2]}; is it complete?"
        ) from error
    return frame.fillna(""), bad_lines


def _read_csv(file: Path) -> tuple[pd.DataFrame, list[int]]:
    import pandas as pd

    options: dict[str, Any] = {
        **_dialect(file),
        "dtype": str,
        "keep_default_na": False,
        "encoding": "utf-8-sig",
        "index_col": False,
    }
    try:
        return pd.read_csv(file, on_bad_lines="error", **options), []
    except pd.errors.EmptyDataError:
        raise InputError(f"{file.name} is empty.") from None
    except pd.errors.ParserError:
        widths: list[int] = []

        def note(values: list[str]) -> None:
            widths.append(len(values))

        frame = pd.read_csv(file, engine="python", on_bad_lines=note, **options)
        return frame, widths


def _dialect(file: Path) -> dict[str, Any]:
    """The delimiter: guessed, or declared by Excel in a line before the header."""
    with _open_text(file) as lines:
        header = lines.readline()
    if declared := re.fullmatch(r'"?sep=(.)"?\s*', header):
        return {"sep": declared.group(1), "skiprows": 1}
    return {"sep": guess_delimiter(header)}


def _read_jsonl(file: Path) -> tuple[pd.DataFrame, list[int]]:
    import pandas as pd

    rows: list[dict[str, str]] = []
    with _open_text(file) as lines:
        for line in filter(str.strip, lines):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            # A broken line stays a row, so that the others keep their numbers.
            fields = row if isinstance(row, dict) else {BROKEN_LINE: "yes"}
            rows.append({str(k): _as_text(v) for k, v in fields.items()})
    return pd.DataFrame(rows, dtype=str), []


def _as_text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read_parquet(file: Path) -> tuple[pd.DataFrame, list[int]]:
    import pandas as pd

    if not file.is_file():
        raise FileNotFoundError(file)
    names, rows = parquet_rows(file)
    return pd.DataFrame(rows, columns=names, dtype=object), []


def _open_text(file: Path) -> Any:
    opener: Any = gzip.open if file.name.lower().endswith(".gz") else open
    return opener(file, "rt", encoding="utf-8-sig", newline=None)

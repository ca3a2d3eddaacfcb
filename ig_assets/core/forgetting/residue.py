"""Searches all tables and files for forgotten words, after the deletion.

The search is sentence by sentence. Files are also searched for the first words by which
a page of lineage names a text. A sentence that also occurs in a text that is not
forgotten is no trace of the script; it is counted as shared. A table cell that is
wholly a forgotten text is always a trace.

DuckDB may compress the texts of its file, so a search of the bytes proves nothing. The
tables of DuckDB files are read too, including those of copies beside the warehouse.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ig_assets.core.lineage.first_words import CUT, first_words
from ig_assets.warehouse.backends import quoted
from ig_assets.warehouse.forgetting.registry import COLUMNS, Columns
from ig_assets.warehouse.warehouse import Connection

FEWEST_WORDS = 5
FEWEST_CHARACTERS = 20
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|\n+")
_CHUNK_BYTES = 8 << 20
_WHOLE = ("text", "completion", "rejected")  # columns that hold a whole script
_MARK_AT, _MARK = 8, b"DUCK"
_TEXTS = """
SELECT schema_name, table_name, column_name
FROM duckdb_columns()
WHERE database_name = 'other' AND data_type IN ('VARCHAR', 'VARCHAR[]', 'JSON')
ORDER BY ALL
"""


@dataclass(frozen=True)
class Residue:
    """The places where forgotten words are left.

    `places` is {column or file: number of sentences}. `shared` is {table: number of
    sentences that other texts have too}. `sentences` is the number of sentences that
    were searched for, `files` the number of files searched.
    """

    sentences: int
    files: int
    places: dict[str, int]
    shared: dict[str, int]


def sentences_of(texts: Iterable[str]) -> list[str]:
    """Return the sentences of texts that are long enough to search for.

    They have at least 5 words and 20 characters; shorter ones occur in unrelated texts.
    A text without such a sentence is returned whole.
    """
    found: dict[str, None] = {}
    for text in texts:
        parts = [part.strip() for part in _SENTENCE_END.split(text)]
        long = [part for part in parts if _is_long(part)]
        found.update(dict.fromkeys(long or [text.strip()]))
    return [sentence for sentence in found if sentence]


def long_sentences(texts: Iterable[str]) -> list[str]:
    """Return the sentences of texts that are long enough to search for.

    Unlike `sentences_of`, it returns nothing for a text without such a sentence.
    """
    return [one for one in sentences_of(texts) if _is_long(one)]


def _is_long(sentence: str) -> bool:
    return len(sentence.split()) >= FEWEST_WORDS and len(sentence) >= FEWEST_CHARACTERS


def search(
    con: Connection,
    texts: Iterable[str],
    folders: Sequence[Path],
    skipped: Sequence[Path],
    quoted: Iterable[str] = (),
    own: Collection[str] = (),
) -> Residue:
    """Search for the texts' sentences in the tables and in all files below `folders`.

    `quoted` are further passages, of which only long sentences are searched for. Files
    below a path in `skipped` are not read. `own` are the texts of the forgotten scripts
    themselves: a table cell that is wholly one of them is always a trace.
    """
    whole = list(texts)
    sentences = list(dict.fromkeys([*sentences_of(whole), *long_sentences(quoted)]))
    begun = _first_words(whole)
    places: dict[str, int] = {}
    shared: dict[str, int] = {}
    shared_sentences: set[str] = set()
    for table, columns in COLUMNS.items():
        whole_cells = _whole_cells(con, table, columns, own)
        places |= {f"{table}.{column}": n for column, n in whole_cells.items()}
        for column, left in _in_table(con, table, columns, sentences, own).items():
            if column in columns.words.split():
                shared[table] = max(len(left), shared.get(table, 0))
                shared_sentences |= left
            else:
                places[f"{table}.{column}"] = len(left)
    known = _begin_a_text(con, begun, own)
    sought = [
        *(_in_files(s) for s in sentences if s not in shared_sentences),
        *(_in_files(f"{words}{CUT}") for words in begun if words not in known),
    ]
    files = _files(folders, skipped)
    for path in files:
        if count := max(_in_file(path, sought), _in_database(path, sought)):
            places[str(path)] = count
    return Residue(len(sentences), len(files), places, shared)


def _whole_cells(
    con: Connection, table: str, columns: Columns, own: Collection[str]
) -> dict[str, int]:
    """Return {column: number of cells that are wholly one of the texts `own`}."""
    found: dict[str, int] = {}
    for name in _whole_texts(columns) if own else ():
        [(count,)] = con.execute(
            f"SELECT count(*) FROM {table} WHERE {_is_whole(name)}",
            {"own": sorted(own)},
        ).fetchall()
        if count:
            found[name] = int(count)
    return found


def _whole_texts(columns: Columns) -> list[str]:
    return [name for name in columns.words.split() if name in _WHOLE]


def _is_whole(column: str) -> str:
    return f'coalesce(list_contains($own::TEXT[], "{column}"), FALSE)'


def _in_table(
    con: Connection,
    table: str,
    columns: Columns,
    sentences: Sequence[str],
    own: Collection[str] = (),
) -> dict[str, set[str]]:
    """Return {column: sentences found in it}, as plain text or in JSON.

    Rows with a cell that is wholly one of `own` are left out.
    """
    names = [name for name in columns.names() if name not in columns.vectors.split()]
    whole = _whole_texts(columns) if own else []
    others = "".join(f" AND NOT {_is_whole(name)}" for name in whole)
    cells = " UNION ALL ".join(
        f"SELECT '{name}' AS name, \"{name}\" AS cell FROM {table} "
        f'WHERE length("{name}") >= {FEWEST_CHARACTERS}{others}'
        for name in names
    )
    rows = con.execute(
        f"""
        SELECT DISTINCT t.name, s.sentence
        FROM (
            SELECT unnest($sentences::TEXT[]) AS sentence,
                unnest($spellings::TEXT[]) AS spelling
        ) AS s
        JOIN ({cells}) AS t
            ON contains(t.cell, s.spelling)
        """,
        {
            "sentences": [s for s in sentences for _ in range(3)],
            "spellings": [spelt for s in sentences for spelt in _spellings(s)],
        }
        | ({"own": sorted(own)} if whole else {}),
    ).fetchall()
    found: dict[str, set[str]] = {}
    for name, sentence in rows:
        found.setdefault(str(name), set()).add(str(sentence))
    return found


def _first_words(texts: Iterable[str]) -> list[str]:
    """Return the first words (`first_words`) of each text that has more words.

    The sign … at their end is removed.
    """
    found = {first_words(text) or "" for text in texts}
    return sorted(one.removesuffix(CUT) for one in found if one.endswith(CUT))


def _begin_a_text(
    con: Connection, begun: Sequence[str], own: Collection[str]
) -> set[str]:
    """Return those of the first words `begun` that also occur in texts of the tables.

    Rows with a cell that is wholly one of `own` are not searched.
    """
    found: set[str] = set()
    for table, columns in COLUMNS.items():
        if columns.words:
            words = Columns(words=columns.words)
            found |= set().union(*_in_table(con, table, words, begun, own).values())
    return found


def _spellings(sentence: str) -> tuple[str, str, str]:
    """Return a sentence as plain text, as in JSON, and as in ASCII-only JSON."""
    in_json = json.dumps(sentence, ensure_ascii=False)[1:-1]
    return sentence, in_json, json.dumps(sentence)[1:-1]


def _in_files(sentence: str) -> list[bytes]:
    """Return all spellings of a sentence in files, including those in HTML and SVG."""
    in_svg = html.escape(sentence, quote=False)
    in_html = in_svg.replace('"', "&#34;").replace("'", "&#39;")
    spelt = {*_spellings(sentence), in_html, in_svg}
    return sorted(one.encode("utf-8") for one in spelt)


def _files(folders: Sequence[Path], skipped: Sequence[Path]) -> list[Path]:
    found = {
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    return sorted(
        path for path in found if not any(path.is_relative_to(s) for s in skipped)
    )


def _in_file(path: Path, sought: Sequence[Sequence[bytes]]) -> int:
    """Return how many of the sentences are in a file; 0 if it has vanished."""
    overlap = max((len(b) for spelt in sought for b in spelt), default=1) - 1
    left = list(range(len(sought)))
    total = len(left)
    tail = b""
    try:
        with path.open("rb") as file:
            while left and (chunk := file.read(_CHUNK_BYTES)):
                window = tail + chunk
                left = [n for n in left if not any(b in window for b in sought[n])]
                tail = window[-overlap:] if overlap else b""
    except FileNotFoundError:
        return 0
    return total - len(left)


def _in_database(path: Path, sought: Sequence[Sequence[bytes]]) -> int:
    """Return how many of the sentences are in the tables of a DuckDB file.

    Returns 0 for a file that is no DuckDB file, and for the warehouse, which this
    process has open and searches by `_in_table`.
    """
    if not _is_database(path):
        return 0
    pairs = [
        (number, spelling.decode("utf-8"))
        for number, spellings in enumerate(sought)
        for spelling in spellings
    ]
    found: set[int] = set()
    try:
        with duckdb.connect(":memory:") as con:
            con.execute(f"ATTACH '{quoted(str(path))}' AS other (READ_ONLY)")
            for schema, table, column in con.execute(_TEXTS).fetchall():
                rows = con.execute(
                    f"""
                    SELECT DISTINCT s.number
                    FROM (
                        SELECT unnest(?::INTEGER[]) AS number,
                            unnest(?::TEXT[]) AS spelling
                    ) AS s
                    JOIN other."{schema}"."{table}" AS t
                        ON contains(CAST(t."{column}" AS TEXT), s.spelling)
                    """,
                    [[number for number, _ in pairs], [spelt for _, spelt in pairs]],
                )
                found |= {number for (number,) in rows.fetchall()}
    except duckdb.Error:
        return len(found)
    return len(found)


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(_MARK_AT + len(_MARK))[_MARK_AT:] == _MARK
    except FileNotFoundError:
        return False

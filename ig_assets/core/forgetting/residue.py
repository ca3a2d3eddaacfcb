"""Looks for forgotten words in all tables and files, after everything was deleted.

The words are looked for sentence by sentence, and in files also as the first words by
which a page of lineage names a text. What another text of the warehouse has too, below
the bounds of a copy, is no trace of the script; sentences of this kind are counted as
shared. DuckDB may compress the texts of its file, so that its bytes alone prove
nothing: its tables are read too, also those of copies that lie beside it.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Sequence
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
_MARK_AT, _MARK = 8, b"DUCK"
_TEXTS = """
SELECT schema_name, table_name, column_name
FROM duckdb_columns()
WHERE database_name = 'other' AND data_type IN ('VARCHAR', 'VARCHAR[]', 'JSON')
ORDER BY ALL
"""


@dataclass(frozen=True)
class Residue:
    """Where words are left: `places` are columns and files, with how many sentences.

    `shared` are tables with sentences that texts which stay have in common with a
    forgotten one. `sentences` is how many were looked for, `files` in how many files.
    """

    sentences: int
    files: int
    places: dict[str, int]
    shared: dict[str, int]


def sentences_of(texts: Iterable[str]) -> list[str]:
    """The sentences of texts that are long enough to be looked for; else whole texts.

    Long enough are 5 words and 20 characters: less is found in texts of anybody.
    """
    found: dict[str, None] = {}
    for text in texts:
        parts = [part.strip() for part in _SENTENCE_END.split(text)]
        long = [part for part in parts if _is_long(part)]
        found.update(dict.fromkeys(long or [text.strip()]))
    return [sentence for sentence in found if sentence]


def long_sentences(texts: Iterable[str]) -> list[str]:
    """The sentences of texts that are long enough to be looked for; none of others."""
    return [one for one in sentences_of(texts) if _is_long(one)]


def _is_long(sentence: str) -> bool:
    return len(sentence.split()) >= FEWEST_WORDS and len(sentence) >= FEWEST_CHARACTERS


def search(
    con: Connection,
    texts: Iterable[str],
    folders: Sequence[Path],
    skipped: Sequence[Path],
    quoted: Iterable[str] = (),
) -> Residue:
    """Look for the texts' sentences in the tables, and in all files below `folders`.

    `quoted` are passages beside the texts, of which only long sentences are looked for.
    What lies below one of `skipped` is not read.
    """
    whole = list(texts)
    sentences = list(dict.fromkeys([*sentences_of(whole), *long_sentences(quoted)]))
    begun = _first_words(whole)
    places: dict[str, int] = {}
    shared: dict[str, int] = {}
    shared_sentences: set[str] = set()
    for table, columns in COLUMNS.items():
        for column, left in _in_table(con, table, columns, sentences).items():
            if column in columns.words.split():
                shared[table] = max(len(left), shared.get(table, 0))
                shared_sentences |= left
            else:
                places[f"{table}.{column}"] = len(left)
    known = _begin_a_text(con, begun)
    sought = [
        *(_in_files(s) for s in sentences if s not in shared_sentences),
        *(_in_files(f"{words}{CUT}") for words in begun if words not in known),
    ]
    files = _files(folders, skipped)
    for path in files:
        if count := max(_in_file(path, sought), _in_database(path, sought)):
            places[str(path)] = count
    return Residue(len(sentences), len(files), places, shared)


def _in_table(
    con: Connection, table: str, columns: Columns, sentences: Sequence[str]
) -> dict[str, set[str]]:
    """By column the sentences that are in it, as they are or in JSON."""
    names = [name for name in columns.names() if name not in columns.vectors.split()]
    cells = " UNION ALL ".join(
        f"SELECT '{name}' AS name, \"{name}\" AS cell FROM {table} "
        f'WHERE length("{name}") >= {FEWEST_CHARACTERS}'
        for name in names
    )
    rows = con.execute(
        f"""
        SELECT DISTINCT t.name, s.sentence
        FROM (
            SELECT unnest(?::TEXT[]) AS sentence, unnest(?::TEXT[]) AS spelling
        ) AS s
        JOIN ({cells}) AS t
            ON contains(t.cell, s.spelling)
        """,
        [
            [s for s in sentences for _ in range(3)],
            [spelt for s in sentences for spelt in _spellings(s)],
        ],
    ).fetchall()
    found: dict[str, set[str]] = {}
    for name, sentence in rows:
        found.setdefault(str(name), set()).add(str(sentence))
    return found


def _first_words(texts: Iterable[str]) -> list[str]:
    """The first words of the texts of which a page of lineage has no more."""
    found = {first_words(text) or "" for text in texts}
    return sorted(one.removesuffix(CUT) for one in found if one.endswith(CUT))


def _begin_a_text(con: Connection, begun: Sequence[str]) -> set[str]:
    """Which first words are those of texts too that stay."""
    found: set[str] = set()
    for table, columns in COLUMNS.items():
        if columns.words:
            words = Columns(words=columns.words)
            found |= set().union(*_in_table(con, table, words, begun).values())
    return found


def _spellings(sentence: str) -> tuple[str, str, str]:
    """A sentence as text files, JSON, and JSON in ASCII have it."""
    in_json = json.dumps(sentence, ensure_ascii=False)[1:-1]
    return sentence, in_json, json.dumps(sentence)[1:-1]


def _in_files(sentence: str) -> list[bytes]:
    """All spellings of a sentence in files: as above, and as HTML and SVG have it."""
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
    """How many of the sentences are in a file; one that vanishes has none."""
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
    """As `_in_file`, in the tables of another DuckDB file; 0 for what is none.

    Also 0 for the warehouse, which this process has open and reads itself.
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

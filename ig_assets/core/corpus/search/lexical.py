"""Computes the share of a query's words that a script has: BM25 over topic and text.

There is no index: one pass of the database finds the words that begin as those of the
query do, so no second copy of the texts has to be kept up to date, or forgotten. A
topic counts twice, since it says what a script is about.

score = sum over the query's stems of idf x f (k + 1) / (f + k (1 - b + b l / l_mean)),
with f the stem's frequency, l the text's length and idf = ln(1 + (N - n + 0.5) / (n +
0.5)), where n of N scripts have the stem (Robertson and Zaragoza, The Probabilistic
Relevance Framework, 2009; this idf is Lucene's, which is never negative). The score is
divided by the sum of idf x (k + 1), which no script can exceed, so that it is a share
from 0 to 1 that can be compared between queries.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ig_assets.core.corpus.search.words import (
    LEAST_AKIN,
    fold,
    kinship,
    query_stems,
    stem,
)
from ig_assets.warehouse.warehouse import Connection

K, B = 1.2, 0.75  # BM25's usual values

# How a letter of a folded stem may be spelled in a text.
_SPELLINGS = {
    "a": "[aàáâãäåāă]",
    "c": "[cçćč]",
    "e": "[eèéêëēė]",
    "f": "[fv]",  # a stem's last v is f
    "i": "[iìíîïī]",
    "n": "[nñńň]",
    "o": "[oòóôõöøō]",
    "s": "[sśšß]",
    "u": "[uùúûüū]",
    "y": "[yýÿ]",
    "z": "[zźżž]",
}

# One row per active script in the index, with the text of the revision there.
_SEARCHED = """
    SELECT s.script_id, concat_ws(chr(10), s.topic, s.topic, s.text) AS searched
    FROM index_entries AS i
    JOIN current_scripts AS c
        ON c.script_id = i.script_id
    JOIN scripts AS s
        ON s.script_id = i.script_id
        AND s.revision_hash = i.revision_hash
    WHERE i.index_name = $name
        AND i.namespace = $namespace
"""

# One row per searched script: its length, and its words that begin like a word of the
# query.
_TEXTS = f"""
    CREATE TEMP TABLE lexical_texts AS
    SELECT script_id, strlen(searched) AS bytes,
        regexp_extract_all(searched, $pattern, 1) AS words
    FROM ({_SEARCHED})
"""

# One row per script and word found in it.
_WORDS = """
    CREATE TEMP TABLE lexical_words AS
    SELECT script_id, bytes, word, count(*) AS times
    FROM (SELECT script_id, bytes, unnest(words) AS word FROM lexical_texts)
    GROUP BY script_id, bytes, word
"""

# One row per script and stem of the query.
_FREQUENCIES = """
    CREATE TEMP TABLE lexical_frequencies AS
    SELECT w.script_id, w.bytes, m.stem, sum(w.times * m.share) AS frequency
    FROM lexical_words AS w
    JOIN (
        SELECT unnest($words::TEXT[]) AS word, unnest($stems::TEXT[]) AS stem,
            unnest($shares::DOUBLE[]) AS share
    ) AS m
        ON m.word = w.word
    GROUP BY w.script_id, w.bytes, m.stem
"""

_SHARES = """
    SELECT f.script_id,
        sum(
            s.weight * f.frequency
            / (f.frequency + $k * (1 - $b + $b * f.bytes / $mean))
        )
    FROM lexical_frequencies AS f
    JOIN (
        SELECT unnest($stems::TEXT[]) AS stem, unnest($weights::DOUBLE[]) AS weight
    ) AS s
        ON s.stem = f.stem
    GROUP BY f.script_id
"""


def lexical_shares(
    con: Connection, index_name: str, namespace: str, views: Sequence[str]
) -> dict[str, float]:
    """Return {script_id: share of the query's words} (0 to 1), without shares of 0.

    `views` are wordings of one query; the share is the mean over them. The function
    makes temporary tables, so it is called once in a transaction.
    """
    stems = [query_stems(view) for view in views]
    known = list(dict.fromkeys(one for view in stems for one in view))
    if not known:
        return {}
    con.execute(
        _TEXTS,
        {"name": index_name, "namespace": namespace, "pattern": _pattern(known)},
    )
    con.execute(_WORDS)
    words = con.execute("SELECT DISTINCT word FROM lexical_words").fetchall()
    akin = [
        (word, one, share)
        for (word,) in words
        for one in known
        if (share := kinship(stem(fold(word)), one))
    ]
    con.execute(
        _FREQUENCIES,
        {
            "words": [word for word, _, _ in akin],
            "stems": [one for _, one, _ in akin],
            "shares": [share for _, _, share in akin],
        },
    )
    [(scripts, mean)] = con.execute(
        "SELECT count(*), avg(bytes) FROM lexical_texts"
    ).fetchall()
    counts = con.execute(
        "SELECT stem, count(*) FROM lexical_frequencies GROUP BY stem"
    ).fetchall()
    weights = _weights(stems, scripts, dict(counts))
    rows = con.execute(
        _SHARES,
        {
            "stems": list(weights),
            "weights": list(weights.values()),
            "k": K,
            "b": B,
            "mean": mean or 1.0,
        },
    ).fetchall()
    return dict(rows)


def _pattern(stems: Sequence[str]) -> str:
    """Return a regular expression (RE2) whose first group matches words akin to a stem.

    It matches words that begin with the stem, or with its first four letters if the
    stem is longer. This includes some words that are not akin, which `kinship`
    excludes.
    """
    beginnings = sorted({one[:LEAST_AKIN] for one in stems})
    spelled = "|".join(
        "".join(_SPELLINGS.get(letter, letter) for letter in one) for one in beginnings
    )
    return rf"(?i)(?:^|[^\pL\pN])((?:{spelled})[\pL\pN]*)"


def _weights(
    views: Sequence[Sequence[str]], scripts: int, counts: Mapping[str, int]
) -> dict[str, float]:
    """Return {stem: its share of the greatest possible score}, mean over the views."""
    weights: dict[str, float] = {}
    for view in views:
        idf = {one: _idf(scripts, counts.get(one, 0)) for one in view}
        total = sum(idf.values()) or 1.0
        for one, value in idf.items():
            weights[one] = weights.get(one, 0.0) + value / total / len(views)
    return weights


def _idf(scripts: int, having: int) -> float:
    return math.log(1.0 + (scripts - having + 0.5) / (having + 0.5))

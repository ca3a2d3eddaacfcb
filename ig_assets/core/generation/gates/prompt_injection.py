"""Finds scripts that try to instruct a model; they are kept out of prompts.

The check is a short list of patterns, not a classifier, on the text as people see it
(NFKC, case-folded, without hidden characters). A script that matches stays in the
corpus, grounds no draft and is reported. All other scripts are neutralised as data in
prompts (`prompts.as_data`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ig_assets.core.corpus.scripts.screening.control_tokens import control_tokens
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

PAGE = 5_000

_ORDERS = r"(instructions?|prompts?|rules?|guidelines?|directions?|commands?)"
_ANWEISUNGEN = r"(anweisungen|instruktionen|regeln|vorgaben|befehle)"
_ORDENES = r"(instrucciones|reglas|indicaciones|órdenes)"
# "Ignore the rules" may be about folding shirts; an order to ignore all, earlier or the
# reader's own rules addresses a model.
_INSTRUCTION = re.compile(
    "|".join(
        (
            r"\b(ignore|disregard|forget|override|bypass)\s+((of|the|these|those)\s+)*"
            r"(all|any|every|previous|prior|above|earlier|your|my)\s+(\w+\s+){0,3}?"
            rf"{_ORDERS}\b",
            r"\b(ignore|disregard|forget|override|bypass)\s+(the|these|those)\s+"
            rf"{_ORDERS}\s+(above|before|you)\b",
            r"\b(ignore|disregard|forget) (everything|all) (that )?"
            r"(above|before|you were told)\b",
            r"\b(reveal|print|repeat|show)\s+(me\s+)?(your|the system|your system)\s+"
            r"prompt\b",
            r"\bnew (system )?instructions\s*:",
            r"\b(ignor[ae]|olvida|omite|descarta)\s+((las|los|estas)\s+)*"
            rf"(todas|tus|mis|anteriores|previas)\s+(las\s+|tus\s+)*{_ORDENES}\b",
            rf"\b(ignor[ae]|olvida|omite|descarta)\s+(las\s+)?{_ORDENES}\s+"
            r"(anteriores|previas|de arriba)\b",
            r"\b(ignorier|vergiss|vergesst|missachte|überschreib)\w*\s+"
            r"((sie|die|diese)\s+)*(alle|deine|vorherigen|vorigen|bisherigen|obigen|"
            r"früheren)\s+((die|deine|vorherigen|bisherigen|obigen)\s+)*"
            rf"{_ANWEISUNGEN}\b",
        )
    )
)
_ROLE = re.compile(
    "|".join(
        (
            r"^\W*(system|assistant|developer|sistema|asistente|assistent)\s*"
            r"(prompt|message|nachricht)?\s*:",
            r"\byou are (now|no longer) (an?|the|in|my|our|free|bound|dan\b)",
            r"\bpretend (to be|that you are) (an?|the) (ai|assistant|model|system)\b",
            r"\b(ahora eres|a partir de ahora eres) (un|una|el|la|mi)\b",
            r"\b(du bist|sie sind) (jetzt|ab jetzt|nun|ab sofort) "
            r"(ein|eine|der|die|mein)\b",
        )
    ),
    re.MULTILINE,
)
_ROLE_TAG = re.compile(
    r"<\s*/?\s*(script|example|draft|system|assistant|user|instructions?)\b[^>]*>|"
    r"^#{2,}\s*(system|instructions?|assistant|user)\b",
    re.MULTILINE,
)
# Zero-width, bidirectional overrides and isolates, tags, variation selectors 17-256.
_HIDDEN = re.compile(
    "[\u200b\u2060-\u2064\u180e\u202a-\u202e\u2066-\u2069"
    "\U000e0000-\U000e007f\U000e0100-\U000e01ef]|(?<!^)\ufeff"
)
_FLAG = re.compile("\U0001f3f4[\U000e0061-\U000e007a\U000e0030-\U000e0039]+\U000e007f")


def signs(text: str) -> list[str]:
    """Return the kinds of suspicious patterns in a text, each once.

    The kinds are hidden_text, control_token, instruction, role and role_tag (a tag of
    this project's prompts).
    """
    found = []
    if _HIDDEN.search(_FLAG.sub("", text)):
        found.append("hidden_text")
    if control_tokens(text):
        found.append("control_token")
    seen = _as_seen(text)
    for kind, pattern in (
        ("instruction", _INSTRUCTION),
        ("role", _ROLE),
        ("role_tag", _ROLE_TAG),
    ):
        if pattern.search(seen):
            found.append(kind)
    return found


def find_suspicious(warehouse: Warehouse, now: datetime) -> dict[str, list[str]]:
    """Find the active scripts with suspicious patterns, and store the findings.

    Returns {script_id: kinds}.
    """
    found: dict[tuple[str, str], list[str]] = {}
    last = ""
    while True:
        with warehouse.transaction() as con:
            page = con.execute(_PAGE, [last, PAGE]).fetchall()
        for script_id, revision_hash, text in page:
            if kinds := signs(text):
                found[(script_id, revision_hash)] = kinds
        if len(page) < PAGE:
            break
        last = page[-1][0]
    with warehouse.transaction() as con:
        _keep(con, found, now)
    return {script_id: kinds for (script_id, _), kinds in found.items()}


def suspicious_scripts(con: Connection) -> list[dict[str, Any]]:
    """Return the findings of the last `find_suspicious`, ordered by script_id."""
    return fetch_dicts(
        con,
        """
        SELECT f.script_id, s.origin, s.language, f.kinds, f.found_at
        FROM suspicious_scripts AS f
        JOIN scripts AS s
          ON s.script_id = f.script_id
         AND s.revision_hash = f.revision_hash
        ORDER BY f.script_id
        """,
    )


_PAGE = """
    SELECT script_id, revision_hash, text
    FROM current_scripts
    WHERE script_id > ?
    ORDER BY script_id
    LIMIT ?
"""


def _keep(
    con: Connection, found: Mapping[tuple[str, str], list[str]], now: datetime
) -> None:
    """Replace the stored findings; a known finding keeps its date."""
    con.execute(
        """
        DELETE FROM suspicious_scripts
        WHERE revision_hash NOT IN (SELECT unnest(?::TEXT[]))
            OR script_id NOT IN (SELECT unnest(?::TEXT[]))
        """,
        [[revision for _, revision in found], [script_id for script_id, _ in found]],
    )
    rows = [
        {
            "script_id": script_id,
            "revision_hash": revision_hash,
            "kinds": ", ".join(kinds),
            "found_at": now,
        }
        for (script_id, revision_hash), kinds in found.items()
    ]
    merge_rows(con, "suspicious_scripts", rows, replace=False)


def _as_seen(text: str) -> str:
    """Return a text as a person sees it, normalised.

    It is in NFKC and case-folded, without hidden characters, with single blanks in
    lines.
    """
    normal = unicodedata.normalize("NFKC", text)
    visible = "".join(c for c in normal if unicodedata.category(c) != "Cf")
    return re.sub(r"[^\S\n]+", " ", visible.casefold())

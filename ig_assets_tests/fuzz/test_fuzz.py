"""No traceback reaches a person and no row is lost, whatever is read.

A few seconds in `make test`; `make fuzz` tries over 100,000 cases.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from pydantic import BaseModel

from ig_assets.adapters.instagram.errors import fault_in
from ig_assets.adapters.instagram.insights import figures_in
from ig_assets.adapters.openai.embedder import OpenAIEmbedder
from ig_assets.adapters.openai.writer import OpenAIWriter
from ig_assets.core.corpus.history_import.reading.rows import read_history
from ig_assets.core.corpus.scripts.parse import parse_file
from ig_assets.core.generation.topics.calendar_file import (
    CalendarNote,
    CalendarProblem,
    CalendarRow,
    calendar_rows,
)
from ig_assets.core.operations.redaction import redact
from ig_assets.core.ports import WriteRequest
from ig_assets.core.reports.costs.invoice_file import read_invoice
from ig_assets.errors import IgAssetsError, SettingsError
from ig_assets.settings import Settings, load_settings, variable_name

FOLDER = Path(tempfile.mkdtemp(prefix="fuzz"))
FUZZ = bool(os.environ.get("FUZZ"))


def cases(few: int, many: int) -> Callable[[Any], Any]:
    """So many cases in `make test`, and so many in `make fuzz`."""
    return settings(
        max_examples=many if FUZZ else few,
        deadline=None,
        derandomize=not FUZZ,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


# ── what is written in files ──────────────────────────────────────────────────

WORDS = st.sampled_from(
    [
        *("topic", "hook", "month", "due_on", "views", "likes", "experiment", "arm"),
        *("2026-02-30", "2026-01-10", "1,234", "1.234,5", "-1", "NaN", "1e400", "12k"),
        *("---", "# ", "CTA: ", "topics:\n  - topic: ", "&a [*a]", "!!python/x", "\t"),
        *(
            "\n",
            "\r\n",
            ",",
            ";",
            '"',
            "'",
            "\0",
            "\u202e",
            "é",
            "👩‍🍳",
            "=1+1",
            "[x](y)",
        ),
        *("WEBVTT\n\n", "00:01 --> 00:02\n", "INT. KITCHEN - DAY\n", "| a | b |\n"),
        *("{", "}", "[", "]", ":", "null", "true", "\ufeff", "amount", "usd"),
    ]
)
TEXTS = st.lists(st.one_of(WORDS, st.text(max_size=6)), max_size=40).map("".join)
CONTENTS = st.one_of(
    TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")),
    TEXTS.map(lambda text: text.encode("utf-16", "surrogatepass")),
    st.binary(max_size=120),
)
TABLES = st.lists(
    st.lists(st.one_of(WORDS, st.text(max_size=8)), min_size=1, max_size=8),
    min_size=1,
    max_size=6,
).map(lambda rows: "\n".join(",".join(row) for row in rows).encode("utf-8", "replace"))
HEADED = st.tuples(
    st.sampled_from(
        [
            b"experiment,arm,hook,views,likes,posted_on\n",
            b"Publish time;Description;Views;Likes;Reach\n",
            b"month,topic,due_on,brief\n",
            b"start_time_iso,amount_value,amount_currency,line_item\n",
        ]
    ),
    TABLES,
).map(b"".join)
FILES = st.one_of(CONTENTS, TABLES, HEADED)


def file(suffix: str, content: bytes) -> Path:
    path = FOLDER / f"case{suffix}"
    path.write_bytes(content)
    return path


@cases(15, 25_000)
@given(
    FILES,
    st.sampled_from([".md", ".txt", ".csv", ".fountain", ".srt", ".vtt", ".jsonl"]),
)
def test_a_library_file_is_scripts_and_refusals(content: bytes, suffix: str) -> None:
    found = parse_file(f"case{suffix}", content)
    is_table = suffix in (".csv", ".jsonl")  # which may have no row
    assert found.scripts or found.rejects or is_table
    assert all(reject.reason and reject.detail for reject in found.rejects)


@cases(20, 20_000)
@given(FILES, st.sampled_from([".yaml", ".csv", ".tsv"]))
def test_a_calendar_is_rows_problems_and_notes(content: bytes, suffix: str) -> None:
    found = list(calendar_rows(file(suffix, content)))
    kinds = (CalendarRow, CalendarProblem, CalendarNote)
    assert all(isinstance(one, kinds) for one in found)


@cases(15, 15_000)
@given(FILES, st.sampled_from([".csv", ".json", ".jsonl", ".csv.gz"]))
def test_a_history_is_rows_and_refusals_or_a_sentence(
    content: bytes, suffix: str
) -> None:
    try:
        history = read_history(file(suffix, content))
    except IgAssetsError as error:
        assert str(error) and "Traceback" not in str(error)
    else:
        assert history.rows or history.rejects or history.why_nothing


@cases(40, 15_000)
@given(FILES, st.sampled_from([".csv", ".json"]))
def test_an_invoice_is_lines_and_refusals_or_a_sentence(
    content: bytes, suffix: str
) -> None:
    try:
        invoice = read_invoice(file(suffix, content))
    except IgAssetsError as error:
        assert str(error).endswith(".")
    else:
        assert all(reason for _, reason in invoice.rejected)


@cases(60, 15_000)
@given(TEXTS)
def test_a_log_line_is_cut_once_and_keeps_no_key(text: str) -> None:
    key = "sk-proj-never-planted0123456789"
    clean = redact(f"{text} {key} {text}")
    assert key not in clean
    assert redact(clean) == clean


# ── settings ──────────────────────────────────────────────────────────────────

NAMES = st.sampled_from(sorted(map(variable_name, Settings.model_fields)))
VALUES = st.one_of(
    st.sampled_from(["0", "-1", "1e400", "nan", "openai", "day:usd=5", "http://", "1"]),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
)


@cases(15, 6_000)
@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_settings_are_valid_or_a_sentence_per_fault(given_: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given_.items():
            patch.setenv(name, value)
        try:
            load_settings()
        except SettingsError as error:
            assert any(name in str(error) for name in given_)


# ── what vendors answer ───────────────────────────────────────────────────────

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.sampled_from(["", "message", "output_text", "refusal", "likes", "data", "x"]),
)
KEYS = st.sampled_from(
    [
        *("data", "name", "values", "value", "total_value", "error", "code", "message"),
        *("output", "type", "content", "text", "status", "usage", "input_tokens"),
        *("incomplete_details", "reason", "embedding", "index", "model", "object"),
    ]
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=5)
    ),
    max_leaves=12,
)
ANSWERS = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {"output": st.lists(st.fixed_dictionaries({"type": LEAVES, "content": JSON}))}
    ),
    st.fixed_dictionaries({"data": st.lists(JSON, max_size=3), "usage": JSON}),
)


@cases(40, 20_000)
@given(ANSWERS, st.sampled_from([200, 400, 403, 500]))
def test_an_answer_of_the_graph_api_is_a_fault_or_figures(
    answer: Any, status: int
) -> None:
    if fault_in(status, answer) is None:
        figures = figures_in(answer)
        assert all(isinstance(value, float) for value in figures.values())


class Script(BaseModel):
    """What is asked for."""

    hook: str


def client(answer: Any, status: int) -> httpx.Client:
    body = json.dumps(answer).encode()

    def respond(request: httpx.Request) -> httpx.Response:
        headers = {"content-type": "application/json"}
        return httpx.Response(status, content=body, headers=headers)

    return httpx.Client(transport=httpx.MockTransport(respond))


@cases(15, 3_000)
@given(ANSWERS, st.sampled_from([200, 400, 429, 500]))
def test_an_answer_of_openai_is_a_script_or_an_error_of_ours(
    answer: Any, status: int
) -> None:
    writer = OpenAIWriter("gpt-5-mini", "sk-test", http_client=client(answer, status))
    request = WriteRequest("instructions", "prompt", Script, 100, 1.0, 7)
    with pytest.raises(IgAssetsError) as caught:
        writer.write(request)
    assert str(caught.value)


@cases(15, 3_000)
@given(st.dictionaries(st.sampled_from(["input_tokens", "output_tokens"]), JSON))
def test_a_script_of_openai_is_paid_for_by_a_count(usage: Any) -> None:
    text = {"type": "output_text", "text": '{"hook": "Salt first."}'}
    message = {"type": "message", "role": "assistant", "content": [text]}
    answer = {"output": [message], "status": "completed", "usage": usage}
    writer = OpenAIWriter("gpt-5-mini", "sk-test", http_client=client(answer, 200))
    request = WriteRequest("instructions", "prompt", Script, 100, 1.0, 7)
    used = writer.write(request).usage
    counts = (used.input_tokens, used.output_tokens, used.cached_tokens)
    assert all(type(n) is int and 0 <= n < 2**53 for n in counts)


@cases(15, 3_000)
@given(ANSWERS, st.sampled_from([200, 400, 429, 500]))
def test_vectors_of_openai_are_all_there_or_an_error_of_ours(
    answer: Any, status: int
) -> None:
    http_client = client(answer, status)
    embedder = OpenAIEmbedder("sk-test", dimensions=3, http_client=http_client)
    with pytest.raises(IgAssetsError) as caught:
        embedder.embed(["one", "two"])
    assert str(caught.value)

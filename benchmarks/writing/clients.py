"""What asks for a script: the bare SDK, LangChain, and ours with and without ledger.

Each is made from a base URL and a folder; `ask(number)` asks once and returns a script
that fits the schema, or raises. All send the same prompt and schema to /responses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pydantic import BaseModel

MODEL = "gpt-4.1-mini"
KEY = "sk-benchmark"
INSTRUCTIONS = "You write scripts of 15 to 60 seconds for Instagram Reels. " * 8
PROMPT = "Topic: flat bread\nWrite a hook, three to five beats and a call to action. "

Ask = Callable[[int], object]


class Answer(BaseModel):
    """A script, as ours asks for it."""

    hook: str
    beats: list[str]
    call_to_action: str


def prompt(number: int) -> str:
    """No two are the same."""
    return f"{PROMPT * 12}\nTake {number}."


def bare(base_url: str, folder: Path) -> Ask:
    """`openai`, one client for all threads, its own retries, pydantic at the end."""
    from openai import OpenAI

    client = OpenAI(api_key=KEY, base_url=base_url)
    schema = Answer.model_json_schema() | {"additionalProperties": False}
    form = {"type": "json_schema", "name": "Answer", "schema": schema, "strict": True}

    def ask(number: int) -> object:
        response = client.responses.create(
            model=MODEL,
            instructions=INSTRUCTIONS,
            input=prompt(number),
            max_output_tokens=400,
            temperature=0.7,
            store=False,
            text={"format": form},  # type: ignore[typeddict-item]
        )
        return Answer.model_validate_json(response.output_text)

    return ask


def langchain(base_url: str, folder: Path) -> Ask:
    """`ChatOpenAI.with_structured_output`, as its documentation has it."""
    from langchain_openai import ChatOpenAI

    model: Any = ChatOpenAI(
        model=MODEL,
        api_key=KEY,
        base_url=base_url,
        use_responses_api=True,
        temperature=0.7,
        max_tokens=400,
    )
    chain = model.with_structured_output(Answer, method="json_schema", strict=True)
    return lambda number: chain.invoke(
        [("system", INSTRUCTIONS), ("human", prompt(number))]
    )


def ours(base_url: str, folder: Path) -> Ask:
    """Our writer alone: paced, translated errors, no ledger and no retries."""
    from ig_assets.core.generation.writing.schema import ScriptAnswer
    from ig_assets.core.ports import WriteRequest

    writer = _writer(base_url)

    def ask(number: int) -> object:
        request = WriteRequest(
            INSTRUCTIONS, prompt(number), ScriptAnswer, 400, 0.7, number
        )
        return writer.write(request).parsed

    return ask


def ours_with_ledger(base_url: str, folder: Path) -> Ask:
    """As `script_drafts` does it: reserved, paced, retried, settled with its row."""
    from ig_assets.core.costs.budget import parse_budgets
    from ig_assets.core.costs.ledger.ledger import Ledger, RunRef
    from ig_assets.core.generation.prompts import Prompt
    from ig_assets.core.generation.writing.write import (
        Sampling,
        ScriptRequest,
        WriterAnswer,
        write_script,
    )
    from ig_assets.warehouse.rows import merge_rows
    from ig_assets.warehouse.warehouse import Connection, Warehouse

    class Clock:
        def now(self) -> datetime:
            return datetime.now(timezone.utc).replace(tzinfo=None)

    warehouse = Warehouse(f"duckdb:///{folder / 'w.duckdb'}", Clock().now)
    budgets = parse_budgets("month:usd=1000, generate:day:tokens=1000000000")
    ledger = Ledger(warehouse, Clock(), budgets)
    writer = _writer(base_url)

    def ask(number: int) -> object:
        variant = hashlib.sha256(str(number).encode()).hexdigest()
        words = Prompt(INSTRUCTIONS, prompt(number), variant)
        run = RunRef("run", "script_drafts", "2026-05", variant)

        def record(con: Connection, written: WriterAnswer) -> None:
            row = {
                "variant_id": variant,
                "month": "2026-05",
                "topic_id": "t",
                "arm": "a",
                "text": written.text,
                "rejection": written.rejection,
                "created_at": Clock().now(),
            }
            merge_rows(con, "drafts", [row])

        request = ScriptRequest(writer, words, Sampling(0.7, number), "generate")
        written = write_script(ledger, request, run, record)
        if written.rejection is not None:
            raise RuntimeError(written.rejection)
        return written

    return ask


def _writer(base_url: str) -> Any:
    from ig_assets.adapters.openai.writer import OpenAIWriter

    return OpenAIWriter(MODEL, KEY, base_url)


CLIENTS: dict[str, Callable[[str, Path], Ask]] = {
    "bare": bare,
    "langchain": langchain,
    "ours": ours,
    "ours+ledger": ours_with_ledger,
}
PACKAGES = ("openai", "langchain-openai")

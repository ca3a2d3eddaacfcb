"""What the schemas of the writers rely on, held against the engine that serves them.

Seen with xllamacpp 2026.10.11549, whose grammars are llguidance's: a pattern is held
where it is anchored; bounds hold for `integer`, not for `number`; `uniqueItems` is not
held; required keys are written before optional ones, whatever their order in the
schema; an answer of /v1/responses that is cut off at its limit has the status
`completed`, where /v1/chat/completions reports `length`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
import xllamacpp
from pydantic import BaseModel

from ig_assets.adapters.local_models.files import fetch_model_file
from ig_assets.adapters.local_models.registry import WRITERS
from ig_assets.adapters.local_models.serving.server import ServerAddress, ensure_server
from ig_assets.core.generation.writing.schema import (
    FactsFirstScript,
    PolishedScript,
    ScriptAnswer,
    StepsScript,
)
from ig_assets_tests.adapters.local_models.test_server import CACHE, stop_server

SCHEMAS = [ScriptAnswer, PolishedScript]
HELD_KEYWORDS = {"description", "title", "type", "items", "minItems", "maxItems"}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_schemas_ask_only_for_what_the_engine_holds(
    schema: type[BaseModel],
) -> None:
    described = schema.model_json_schema()
    assert set(described) == {"description", "properties", "required", "title", "type"}
    assert described["required"] == list(described["properties"])
    for field in described["properties"].values():
        assert field["type"] in ("string", "array")
        assert set(field) <= HELD_KEYWORDS | {"pattern"}
        pattern = field.get("pattern", "^$")
        assert (pattern[0], pattern[-1]) == ("^", "$")


@pytest.mark.parametrize("schema", [*SCHEMAS, FactsFirstScript, StepsScript])
def test_the_engine_takes_the_schema_as_it_is(schema: type[BaseModel]) -> None:
    """The conversion of this build hands the schema to llguidance, key by key."""
    described = schema.model_json_schema()
    grammar = xllamacpp.json_schema_to_grammar(json.dumps(described))
    head, _, taken = grammar.partition("start: %json ")
    assert head == "%llguidance {}\n"
    assert json.loads(taken) == described
    assert list(json.loads(taken)["properties"]) == list(described["properties"])


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerAddress]:
    folder = tmp_path_factory.mktemp("structured")
    model = fetch_model_file(WRITERS["0.5b"], CACHE)
    yield ensure_server(folder, Path(model))
    stop_server(folder)


def post(address: ServerAddress, route: str, **body: object) -> Any:
    request = Request(
        f"{address.base_url}/{route}",
        json.dumps({"model": "any", "seed": 5, **body}).encode(),
        {
            "Authorization": f"Bearer {address.api_key}",
            "Content-Type": "application/json",
        },
    )
    with urlopen(request, timeout=300) as response:
        return json.load(response)


def answer(
    address: ServerAddress,
    prompt: str,
    properties: dict[str, Any],
    required: list[str],
) -> Any:
    """The parsed answer to a prompt, as the local writer asks for it."""
    schema = {"type": "object", "properties": properties, "required": required}
    answered = post(
        address,
        "responses",
        input=prompt,
        max_output_tokens=80,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "Answer", "schema": schema},
        },
    )
    (message,) = [item for item in answered["output"] if item["type"] == "message"]
    return json.loads(message["content"][0]["text"])


@pytest.mark.model
def test_an_anchored_pattern_is_held(address: ServerAddress) -> None:
    pattern = "^[A-Z]{3}-[0-9]{4}$"
    given = answer(
        address,
        "Write a short poem.",
        {"poem": {"type": "string", "pattern": pattern}},
        ["poem"],
    )
    assert re.fullmatch(pattern, given["poem"])


@pytest.mark.model
def test_bounds_of_an_integer_are_held(address: ServerAddress) -> None:
    given = answer(
        address,
        "How many metres high is Mount Everest?",
        {"metres": {"type": "integer", "minimum": 1, "maximum": 5}},
        ["metres"],
    )
    assert given["metres"] in range(1, 6)


@pytest.mark.model
def test_required_keys_come_before_optional_ones(address: ServerAddress) -> None:
    given = answer(
        address,
        'Answer with exactly {"aside": "a", "hook": "b"}.',
        {"aside": {"enum": ["a"]}, "hook": {"enum": ["b"]}},  # so that it ends
        ["hook"],
    )
    assert list(given)[0] == "hook"


@pytest.mark.model
def test_a_cut_off_answer_is_marked_on_one_route_only(address: ServerAddress) -> None:
    response = post(
        address, "responses", input="Count to a hundred.", max_output_tokens=6
    )
    assert response["status"] == "completed"
    assert response["usage"]["output_tokens"] == 6
    chat = post(
        address,
        "chat/completions",
        messages=[{"role": "user", "content": "Count to a hundred."}],
        max_tokens=6,
    )
    assert chat["choices"][0]["finish_reason"] == "length"

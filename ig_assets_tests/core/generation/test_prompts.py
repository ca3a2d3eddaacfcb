"""A landed prompt file never changes: what it wrote must stay explainable."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import pytest
from jinja2 import UndefinedError

from ig_assets.core.generation import prompts

# A new version of a prompt is a new file and a new line here; none is ever edited.
LANDED = {
    "draft.instructions.v1.j2": (
        "8ec83f8c6c56948a0ddb34bf4ac661831322d96d50ecc5feb8bcf2ee2f35de4d"
    ),
    "draft.v1.j2": ("2e1a2a6da1b6cd7195874986d29c0dbb1559ad9517d32a660e17d7b4f83428e3"),
    "held_out.v1.j2": (
        "5c7a1194812aad903ce252085fe4db47cd9f66b782972dd00015a7359ac61c62"
    ),
    "polish.v1.j2": (
        "2ed336f48716c8886e940a5b2106892cb5ff0def93fdc85889e4b67934e91a77"
    ),
}


def sources() -> dict[str, bytes]:
    folder = files(prompts.__name__)
    found = (entry for entry in folder.iterdir() if entry.name.endswith(".j2"))
    return {entry.name: entry.read_bytes() for entry in found}


def test_no_landed_prompt_file_was_changed_removed_or_left_out_here() -> None:
    now = {name: hashlib.sha256(text).hexdigest() for name, text in sources().items()}
    assert now == LANDED


def test_the_first_prompt_stays_the_first() -> None:
    assert prompts.FIRST_DRAFT == "draft.v1.j2"
    assert prompts.FIRST_DRAFT_INSTRUCTIONS == "draft.instructions.v1.j2"


VALUES = {
    "topic": "kites",
    "hook_style": "story",
    "hook_hint": "a small story",
    "draft": "the draft",
    "language_name": "English",
}


def polish(**changed: str) -> prompts.Prompt:
    values = VALUES | changed
    return prompts.render(prompts.POLISH, prompts.DRAFT_INSTRUCTIONS, **values)


def test_the_hash_names_the_files_and_not_what_was_filled_in() -> None:
    assert polish().prompt_hash == polish(topic="other").prompt_hash
    assert polish().prompt != polish(topic="other").prompt
    held_out = prompts.render(
        prompts.HELD_OUT,
        prompts.DRAFT_INSTRUCTIONS,
        prompt="x",
        examples=[],
        language_name="English",
    )
    assert held_out.prompt_hash != polish().prompt_hash


def test_a_text_with_template_marks_is_filled_in_as_it_is() -> None:
    assert "{{ 7 * 7 }} {% raw %}" in polish(draft="{{ 7 * 7 }} {% raw %}").prompt


def test_a_missing_value_is_an_error_and_not_an_empty_place() -> None:
    with pytest.raises(UndefinedError):
        prompts.render(prompts.POLISH, prompts.DRAFT_INSTRUCTIONS, topic="kites")


def test_the_language_to_write_in_is_told() -> None:
    assert "in German" in polish(language_name="German").instructions

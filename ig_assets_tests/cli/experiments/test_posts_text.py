"""`ig-assets posts list --text` shows the words, or that they were forgotten."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ig_assets.cli.app import app
from ig_assets.cli.experiments import posts
from ig_assets.core.experiments.posts.review import Decided


def test_a_post_without_words_is_said_to_be_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def row(post_id: str, *words: str) -> dict[str, Any]:
        parts = dict(zip(("hook", "body", "call_to_action"), words, strict=True))
        row = {"post_id": post_id, "topic": "t", "status": "declined"}
        return row | {"simulated": False} | parts

    rows = [row("p1", "", "", ""), row("p2", "Salt first.", "Then wait.", "")]
    monkeypatch.setattr(posts, "posts_for_review", lambda *asked: rows)
    env = {"IG_DATA_DIR": str(tmp_path)}
    result = CliRunner().invoke(app, ["posts", "list", "--text"], env=env)
    assert result.exit_code == 0, result.output
    said = result.stdout.partition("\np1 t\n")[2]
    assert said == "(forgotten)\n\np2 t\nSalt first.\nThen wait.\n\n"


def test_a_post_that_is_left_is_named_with_its_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Decided(1, {"p2": "declined by ben (too loud)"})
    monkeypatch.setattr(posts, "approve_posts", lambda *asked: done)
    env = {"IG_DATA_DIR": str(tmp_path)}
    run = ["posts", "approve", "p1", "p2"]
    result = CliRunner().invoke(app, run, env=env)
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "1 approved, 1 left as they were.\n"
        "Post p2 was left: it is declined by ben (too loud).\n"
    )
    assert json.loads(CliRunner().invoke(app, [*run, "--json"], env=env).stdout) == {
        "approved": 1,
        "left_as_they_were": 1,
        "left": [{"post_id": "p2", "state": "declined by ben (too loud)"}],
    }


def test_a_no_needs_its_reason_before_any_post_is_looked_at(tmp_path: Path) -> None:
    env = {"IG_DATA_DIR": str(tmp_path)}
    arguments = ["posts", "decline", "1f0c7a5e9b3d2468"]
    result = CliRunner().invoke(app, arguments, env=env)
    said = " ".join(result.stderr.split())
    assert result.exit_code == 2 and "Say why not" in said
    with_reason = [*arguments, "--reason", "off our brand"]
    result = CliRunner().invoke(app, with_reason, env=env)
    assert "There is no post 1f0c7a5e9b3d2468" in " ".join(result.stderr.split())

"""`ig-assets posts list --text` shows the words, or that they were forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ig_assets.cli.app import app
from ig_assets.cli.experiments import posts


def test_a_post_without_words_is_said_to_be_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def row(post_id: str, *words: str) -> dict[str, Any]:
        parts = dict(zip(("hook", "body", "call_to_action"), words, strict=True))
        return {"post_id": post_id, "topic": "t", "status": "declined"} | parts

    rows = [row("p1", "", "", ""), row("p2", "Salt first.", "Then wait.", "")]
    monkeypatch.setattr(posts, "posts_for_review", lambda *asked: rows)
    env = {"IG_DATA_DIR": str(tmp_path)}
    result = CliRunner().invoke(app, ["posts", "list", "--text"], env=env)
    assert result.exit_code == 0, result.output
    said = result.stdout.partition("\np1 t\n")[2]
    assert said == "(forgotten)\n\np2 t\nSalt first.\nThen wait.\n\n"

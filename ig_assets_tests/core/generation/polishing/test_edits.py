"""A person's words are measured as variants are: kept with figures, never refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ig_assets.cli.app import app
from ig_assets.core.experiments.posts.review import edit_post
from ig_assets.core.generation.gates.banned_words import parse_banned
from ig_assets.core.generation.gates.gates import GATES, Figure, Gates
from ig_assets.core.generation.polishing.edits import measure_edit
from ig_assets.core.identity import text_hash
from ig_assets.settings import load_settings
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets.wiring import Services
from ig_assets_tests.core.generation.generation_factory import MONTH, GenerationFactory

GOOD = """# Why do your knives never stay sharp?

Most people put them into the drawer with everything else, where each edge meets the
next one. Hang them on a strip of magnets instead, and wipe them right after you cook.
Run the blade over a steel twice before you begin, and it stays keen for months. A dull
knife slips, and a sharp one goes where you want it to go every single time.

CTA: Save this for the next time you cook.
"""
COPIED = (
    "Take one cup of flour and two eggs and stir them slowly with a wooden spoon until "
    "nothing sticks to the bowl any more and the dough feels soft"
)


GERMAN = """# Warum werden deine Messer immer stumpf?

Die meisten Leute legen sie in die Schublade, wo jede Klinge an die nächste stößt. Hänge
sie an einen Magneten und wische sie gleich nach dem Kochen ab. Ziehe die Klinge zweimal
über einen Stahl, dann bleibt sie lange scharf.

CTA: Speichere dir das für später.
"""


def posts(warehouse: Warehouse) -> None:
    """Two proposed posts of one topic."""
    topic = {"month": MONTH, "topic_id": "t1", "topic": "knives", "language": "en"}
    with warehouse.transaction() as con:
        merge_rows(con, "topics", [topic])
        merge_rows(con, "experiments", [{"experiment_id": "e1", "month": MONTH}])
        for arm in "ab":
            text = f"The words of arm {arm} about knives."
            variant = {
                "variant_id": f"v-{arm}",
                "month": MONTH,
                "topic_id": "t1",
                "arm": arm,
                "text": text,
                "revision_hash": text_hash(text),
            }
            post = {
                "post_id": f"p-{arm}",
                "experiment_id": "e1",
                "variant_id": f"v-{arm}",
                "arm": arm,
                "status": "proposed",
            }
            merge_rows(con, "variants", [variant])
            merge_rows(con, "posts", [post])


def edited(
    env: GenerationFactory, content: str, post: str = "p-a"
) -> dict[str, Figure]:
    edit_post(env.warehouse, env.clock, post, content.encode(), "ada")
    gates = Gates(0.5, banned=parse_banned("miracle cure", "list"))
    found = measure_edit(env.warehouse, env.clock, gates, post)
    return {figure.gate: figure for figure in found}


def failed(figures: dict[str, Figure]) -> set[str]:
    return {gate for gate, figure in figures.items() if figure.passed is False}


@pytest.fixture
def review(env: GenerationFactory) -> GenerationFactory:
    env.corpus(COPIED)
    posts(env.warehouse)
    return env


def test_a_good_edit_passes_every_gate_and_its_figures_are_kept(
    review: GenerationFactory,
) -> None:
    figures = edited(review, GOOD)
    assert failed(figures) == set()
    rows = review.read("SELECT * FROM post_edit_figures ORDER BY gate")
    assert [row["gate"] for row in rows] == sorted(GATES)
    [edit] = review.read("SELECT * FROM post_edits")
    assert {row["edited_at"] for row in rows} == {edit["edited_at"]}
    assert all(row["figure"] == figures[row["gate"]].figure for row in rows)


@pytest.mark.parametrize(
    ("content", "gate"),
    [
        ("# Short.\n\nToo short.\n\nCTA: Go.", "spoken_seconds"),
        (GOOD.replace("A dull", "It is a miracle cure. A dull"), "banned_words"),
        (GOOD.replace("A dull", COPIED + ". A dull"), "copied_words"),
        (GOOD.replace("Most people", "```json {}``` Most people"), "structure"),
        (GERMAN, "language"),
    ],
    ids=["short", "banned", "copied", "markup", "German"],
)
def test_each_gate_is_measured_and_the_edit_is_kept(
    review: GenerationFactory, content: str, gate: str
) -> None:
    assert gate in failed(edited(review, content))
    [edit] = review.read("SELECT text FROM post_edits")
    assert edit["text"] and review.read("SELECT status FROM posts WHERE post_id='p-a'")


def test_an_edit_that_resembles_its_edited_sibling_is_reported(
    review: GenerationFactory,
) -> None:
    edited(review, GOOD, "p-b")
    assert failed(edited(review, GOOD)) == {"sibling_similarity"}


def test_each_edit_keeps_its_own_figures(review: GenerationFactory) -> None:
    edited(review, "# Short.\n\nToo short.\n\nCTA: Go.")
    edited(review, GOOD)
    rows = review.read("SELECT * FROM post_edit_figures WHERE gate = 'spoken_seconds'")
    assert sorted(row["passed"] for row in rows) == [False, True]
    assert len({row["edited_at"] for row in rows}) == 2


# ── the command ───────────────────────────────────────────────────────────────


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    (tmp_path / "banned.txt").write_text("miracle cure\n")
    monkeypatch.setenv("IG_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("IG_BANNED_WORDS", str(tmp_path / "banned.txt"))
    services = Services(load_settings())
    posts(services.warehouse)
    return services


def edit(folder: Path, content: str, *options: str) -> Any:
    file = folder / "edit.md"
    file.write_text(content)
    return CliRunner().invoke(
        app, ["posts", "edit", "p-a", "--text", str(file), *options]
    )


def test_the_command_warns_in_a_sentence_each_and_ends_well(
    services: Services, tmp_path: Path
) -> None:
    done = edit(tmp_path, "# Short.\n\nA miracle cure.\n\nCTA: Go.")
    output = " ".join(done.stdout.split())
    assert done.exit_code == 0, done.output
    assert "Warning: spoken seconds" in output and "is below 15.00" in output
    assert (
        "Warning: banned words and claims 1 is above 0 (line 1 of the list)" in output
    )
    assert output.count("the edit is kept, you decide.") == output.count("Warning: ")


def test_the_command_tells_programs_the_figures(
    services: Services, tmp_path: Path
) -> None:
    report = json.loads(edit(tmp_path, GOOD, "--json").stdout)
    assert report["post_id"] == "p-a" and report["warnings"] == []
    assert {figure["gate"] for figure in report["figures"]} == set(GATES)


def test_a_secret_and_what_cannot_be_read_are_refused_still(
    services: Services, tmp_path: Path
) -> None:
    for content, output in (
        (GOOD.replace("A dull", "password=a1B2c3D4 A dull"), "looks like a secret"),
        ("no heading at all", "cannot be used"),
    ):
        done = edit(tmp_path, content)
        assert done.exit_code == 2 and output in " ".join(done.stderr.split())
    with services.warehouse.transaction() as con:
        assert con.execute("SELECT count(*) FROM post_edits").fetchall() == [(0,)]


def test_a_list_of_banned_words_that_is_broken_refuses_no_edit(
    services: Services, tmp_path: Path
) -> None:
    (tmp_path / "banned.txt").write_text("/([/\n")
    done = edit(tmp_path, GOOD)
    assert done.exit_code == 0
    assert "not measured at the gates" in " ".join(done.stdout.split())

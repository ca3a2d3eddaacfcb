"""`ig-assets experiments` on two closed months."""

from __future__ import annotations

from pathlib import Path

from ig_assets_tests.cli.shell import WRONG_USE, Shell

# ── answers ───────────────────────────────────────────────────────────────────


def test_experiments_of_a_month_have_a_verdict_each(shell: Shell) -> None:
    rows = shell.answer("experiments", "--month", "2026-01")
    assert len(rows) == 2
    assert all(row["verdict"] and row["simulated"] for row in rows)


def test_one_experiment_is_found_by_its_id(shell: Shell) -> None:
    first, *_ = shell.answer("experiments", "--month", "2026-01")
    (one,) = shell.answer("experiments", first["experiment_id"])
    assert one["experiment_id"] == first["experiment_id"]
    assert len(one["arms"]) >= 2


def test_experiments_are_drawn_into_a_file_of_the_persons_choice(
    shell: Shell, tmp_path: Path
) -> None:
    target = tmp_path / "course.png"
    shell.answer("experiments", "--month", "2026-01", "--picture", str(target))
    assert target.read_bytes().startswith(b"\x89PNG")
    said = shell.complaint(
        WRONG_USE, "experiments", "--picture", str(tmp_path / "no" / "such.png")
    )
    assert "cannot be written" in said


def test_what_all_topics_together_say_is_a_row_a_claim(shell: Shell) -> None:
    rows = shell.answer("experiments", "--across")
    questions = [row["question"] for row in rows]
    assert any(question.startswith("style ") for question in questions)
    assert any(question.startswith("the canary ") for question in questions)
    assert "the loop over its control arms" in questions
    assert all(row["claim"] in ("better", "worse", "undecided") for row in rows)


# ── wrong use ─────────────────────────────────────────────────────────────────


def test_an_unknown_experiment_is_wrong_use(shell: Shell) -> None:
    said = shell.complaint(WRONG_USE, "experiments", "no-such-thing")
    assert said == "There is no experiment 'no-such-thing'."

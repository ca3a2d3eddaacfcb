"""`ig-assets models` on two closed months."""

from __future__ import annotations

import pytest

from ig_assets.cli import output
from ig_assets_tests.cli.shell import WRONG_USE, Shell

# ── answers ───────────────────────────────────────────────────────────────────


def test_models_are_listed_with_where_they_stand(shell: Shell) -> None:
    statuses = sorted(row["status"] for row in shell.answer("models"))
    # The newer candidate waits while the canary has its trial.
    assert statuses == ["active", "canary", "candidate"]


def test_a_model_whose_examples_a_simulated_audience_decided_says_so(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output.console, "_width", 80)  # blocks, which keep words whole
    said = " ".join(shell.run("models", "list").stdout.split())
    assert said.count("decided by a simulated audience") == 2  # the base learnt nothing


def test_published_posts_of_a_simulated_audience_say_so(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output.console, "_width", 80)
    listed = shell.answer("posts", "list")
    assert {row["status"] for row in listed} == {"published"}
    said = shell.run("posts", "list").stdout
    assert said.count("published (simulated)") == len(listed)


# ── wrong use ─────────────────────────────────────────────────────────────────


def test_an_unknown_model_is_wrong_use(shell: Shell) -> None:
    said = shell.complaint(
        WRONG_USE, "models", "--promote", "no-such-model", "--reason", "x"
    )
    assert "no-such-model" in said


def test_a_model_is_shown_with_its_job_its_evaluations_and_its_history(
    shell: Shell,
) -> None:
    listed = shell.answer("models", "list")
    assert listed == shell.answer("models")
    (canary,) = [row for row in listed if row["status"] == "canary"]
    shown = shell.answer("models", "show", canary["model_id"])
    assert shown["model"]["model_id"] == canary["model_id"]
    assert shown["job"]["status"] == "succeeded" and shown["cost_usd"] is None
    assert [e["status"] for e in shown["events"]] == ["candidate", "canary"]
    assert shown["evaluations"][0]["passed"]
    said = shell.run("models", "show", canary["model_id"]).stdout
    assert "is canary" in said and "held-out pair" in " ".join(said.split())


def test_two_models_are_compared_by_what_is_stored(shell: Shell) -> None:
    (canary,) = [r for r in shell.answer("models") if r["status"] == "canary"]
    found = shell.answer("models", "compare", canary["model_id"])
    assert found["evaluation"]["passed"] and found["canary"]["action"] == "keep"
    said = shell.run("models", "compare", canary["model_id"]).stdout
    assert "Held-out pairs:" in said and "Canary:" in said
    unknown = shell.complaint(WRONG_USE, "models", "compare", "no-such-model")
    assert "no-such-model" in unknown


@pytest.mark.parametrize(
    "arguments", [("promote", "no-such-model"), ("rollback",)], ids=" ".join
)
def test_a_change_by_its_own_command_needs_a_reason(
    shell: Shell, arguments: tuple[str, ...]
) -> None:
    result = shell.run("models", *arguments)
    assert result.exit_code == WRONG_USE and "--reason" in result.output
    said = shell.complaint(WRONG_USE, "models", *arguments, "--reason", " ")
    assert "reason" in said or "no-such-model" in said


def test_a_promotion_without_a_reason_is_wrong_use(shell: Shell) -> None:
    result = shell.run("models", "--promote", "no-such-model")
    assert result.exit_code == WRONG_USE
    assert "--reason" in result.output and "Traceback" not in result.output

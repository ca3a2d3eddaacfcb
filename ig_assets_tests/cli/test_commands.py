"""The command line on a data folder with two closed months: answers and exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from filelock import FileLock
from typer.testing import CliRunner, Result

from ig_assets.cli.app import app
from ig_assets_tests.headless.loop_fixtures import KEY, TurnedLoop

COMMANDS = [
    ["accept"],
    ["init"],
    ["status"],
    ["doctor"],
    ["loop"],
    ["sync"],
    ["import-history"],
    ["search"],
    ["generate"],
    ["experiments"],
    ["costs"],
    ["models", "list"],
    ["models", "show"],
    ["models", "compare"],
    ["models", "promote"],
    ["models", "rollback"],
    ["lineage"],
    ["forget"],
    ["ranker", "fit"],
    ["ranker", "show"],
    ["ranker", "score"],
    ["ranker", "rollback"],
    ["fine-tune", "prepare"],
    ["fine-tune", "submit"],
    ["fine-tune", "cancel"],
    ["fine-tune", "rebuild"],
    ["scripts", "list"],
    ["scripts", "show"],
    ["variants", "list"],
    ["variants", "show"],
    ["topics", "list"],
    ["topics", "withdraw"],
    ["posts", "list"],
    ["posts", "approve"],
    ["posts", "attach"],
    ["posts", "decline"],
    ["posts", "detach"],
    ["posts", "edit"],
    ["posts", "export"],
    ["studio"],
    ["split", "plan"],
    ["split", "start"],
    ["split", "stop"],
    ["split", "list"],
    ["db", "views"],
    ["metrics", "serve"],
    ["metrics", "show"],
    ["db", "backup"],
    ["db", "restore"],
    ["db", "migrate"],
    ["db", "copy"],
    ["db", "retain"],
]
DONE, FAILED, WRONG_USE = 0, 1, 2


class Shell:
    """Runs `ig-assets` in this process under the loop's settings."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = env

    def run(self, *arguments: str, **env: str) -> Result:
        """One command; `env` is added to the loop's."""
        ours = ("IG_", "OPENAI_")
        settings = {k: v for k, v in self._env.items() if k.startswith(ours)}
        return CliRunner().invoke(app, list(arguments), env=settings | env)

    def answer(self, *arguments: str) -> Any:
        """The JSON that a command prints."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == DONE, result.output
        return json.loads(result.stdout)

    def complaint(self, code: int, *arguments: str, **env: str) -> str:
        """The one sentence of a command that fails; the runbook's line follows it."""
        result = self.run(*arguments, **env)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        assert isinstance(result.exception, SystemExit)
        said, _, section = " ".join(result.stderr.split()).partition(" Runbook: ")
        assert code == WRONG_USE or section.startswith("docs/runbook.md#")
        assert said.startswith("ig-assets: ") and said.endswith(".")
        return said.removeprefix("ig-assets: ")


@pytest.fixture(scope="module")
def shell(turned_loop: TurnedLoop) -> Shell:
    return Shell(turned_loop.env)


# ── help ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_has_an_example(command: list[str]) -> None:
    result = CliRunner().invoke(app, [*command, "--help"])
    assert result.exit_code == DONE
    assert f"Example: ig-assets {' '.join(command)}" in _plain(result.stdout)


def test_every_command_there_is_has_its_help_tested() -> None:
    group = typer.main.get_command(app)
    names = []
    for name, command in getattr(group, "commands", {}).items():
        inner = getattr(command, "commands", None)
        names += [[name, sub] for sub in inner] if inner else [[name]]
    assert sorted(names) == sorted(COMMANDS)


def _plain(text: str) -> str:
    return " ".join(re.sub(r"\x1b\[[0-9;]*m|[`│╭╮╰╯─]", "", text).split())


# ── answers ───────────────────────────────────────────────────────────────────


def test_search_finds_scripts_near_in_meaning(shell: Shell) -> None:
    found = shell.answer("search", "sharp knives", "-k", "3")
    assert [script["rank"] for script in found] == [1, 2, 3]
    assert all(-1 <= script["similarity"] <= 1 for script in found)


def test_search_names_what_is_too_far_and_shows_it_when_asked(shell: Shell) -> None:
    question = ("search", "sharp knives", "-k", "3")
    bound = {"IG_LEAST_RELEVANCE": "1"}
    said = _plain(shell.run(*question, **bound).stdout)
    assert said.startswith(
        "Nothing is near enough. The nearest are too far, below 1.00"
    )
    assert said.endswith("; --far shows them.")
    far = shell.run(*question, "--far", "--json", **bound)
    found = json.loads(far.stdout)
    assert [script["rank"] for script in found] == [0, 0, 0]
    assert all(script["relevance"] < 1 for script in found)
    assert "Nothing is near enough" in far.stderr


def test_search_says_that_filters_leave_nothing(shell: Shell) -> None:
    said = shell.run("search", "herbs", "--language", "fr").stdout
    assert "no script passes the filters" in _plain(said)


def test_search_without_winners_finds_none(shell: Shell) -> None:
    found = shell.answer("search", "keeping herbs fresh", "-k", "20", "--no-winners")
    assert found and not any(script["is_winner"] for script in found)


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


def test_the_state_of_the_folder_is_months_models_and_what_waits(shell: Shell) -> None:
    state = shell.answer("status")
    assert [month["month"] for month in state["months"]] == ["2026-01", "2026-02"]
    assert all(m["topics"] == 2 and m["published"] >= 4 for m in state["months"])
    assert all(m["fine_tune"] == "succeeded" for m in state["months"])
    assert (state["clock"], state["active_model"]) == ("simulated", "gpt-5-mini")
    assert state["on_trial"]
    said = shell.run("status").stdout
    assert "simulated clock" in said and "2026-02" in said


def test_models_are_listed_with_where_they_stand(shell: Shell) -> None:
    statuses = sorted(row["status"] for row in shell.answer("models"))
    # The newer candidate waits while the canary has its trial.
    assert statuses == ["active", "canary", "candidate"]


def test_lineage_of_a_month_names_its_model_and_its_scripts(shell: Shell) -> None:
    answer = shell.answer("lineage", "2026-02")
    assert answer["kind"] == "model"
    assert sum(script["in_model"] for script in answer["scripts"]) == 2
    assert answer["edges"]


def test_lineage_of_a_script_goes_down_to_the_model(shell: Shell) -> None:
    model = shell.answer("lineage", "2026-02")
    script, *_ = [s["script_id"] for s in model["scripts"] if s["script_id"]]
    down = shell.answer("lineage", script, "--down", "--depth", "8")
    assert ("model", model["id"]) in {(e["kind"], e["id"]) for e in down["edges"]}


def test_lineage_is_a_page_that_needs_no_other_file(
    shell: Shell, tmp_path: Path
) -> None:
    page = tmp_path / "lineage.html"
    said = shell.run("lineage", "2026-02", "--html", str(page))
    assert said.exit_code == DONE and "holds words of scripts" in said.stdout
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and "<svg" in text
    assert not re.search(r"""(src|href)=["'](?!http://127\.0\.0\.1:3000/runs/)""", text)
    assert "simulated audience" in text and "What it came from" in text
    assert page.stat().st_mode & 0o077 == 0, "it is for its owner"


def test_lineage_takes_a_kind_and_says_what_is_the_matter(shell: Shell) -> None:
    model = shell.answer("lineage", "model", "2026-02")
    assert model["kind"] == "model" and model["id"]
    assert "not both" in shell.complaint(WRONG_USE, "lineage", "x", "--author", "y")
    assert "no script whose author" in shell.complaint(
        WRONG_USE, "lineage", "--author", "Nobody Here"
    )
    assert "after the day that you ask for" in shell.complaint(
        WRONG_USE, "lineage", model["id"], "--as-of", "2026-01-15"
    )
    [topic, *_] = shell.answer("topics", "list")
    about = shell.answer("lineage", "topic", topic["topic"])
    assert {(e["relation"], e["via_kind"]) for e in about["edges"]} >= {
        ("about", "topic"),
        ("publishes", "variant"),
    }
    assert "no topic" in shell.complaint(WRONG_USE, "lineage", "topic", "no such thing")
    files = shell.answer("lineage", "datasets/2026-02/manifest.json")
    assert files["kind"] == "dataset"


def test_lineage_is_whole_after_the_loop(shell: Shell) -> None:
    found = shell.answer("lineage", "--check")
    assert found["count"] == 0 and found["edges"] > found["facts"]


def test_preparing_a_month_again_gives_the_same_files(
    shell: Shell, turned_loop: TurnedLoop
) -> None:
    (before,) = turned_loop.rows(
        "SELECT dataset_hash FROM fine_tune_jobs WHERE month = '2026-01'"
    )
    prepared = shell.answer("fine-tune", "prepare", "--month", "2026-01")
    assert prepared["dataset_hash"] == before["dataset_hash"]


def test_submitting_a_month_again_is_the_same_job(
    shell: Shell, turned_loop: TurnedLoop
) -> None:
    sql = "SELECT job_id FROM fine_tune_jobs WHERE month = '2026-01'"
    (before,) = turned_loop.rows(sql)
    answer = shell.answer("fine-tune", "submit", "--month", "2026-01")
    assert answer["job"]["job_id"] == before["job_id"]
    assert turned_loop.rows(sql) == [before]


def test_what_a_winner_cost_includes_its_losers(shell: Shell) -> None:
    told = shell.answer("costs", "--by", "winner")
    generated = [w for w in told["rows"] if w["variants"] > 1]
    assert generated
    assert all(w["topic_usd"] > w["own_usd"] > 0 for w in generated)


def test_the_costs_of_all_months_are_the_costs_in_all(shell: Shell) -> None:
    told = shell.answer("costs")
    assert {"2026-01", "2026-02"} <= {row["month"] for row in told["rows"]}
    assert sum(row["cost_usd"] for row in told["rows"]) == pytest.approx(
        told["units"]["total_usd"]
    )


def test_a_dry_sync_says_that_every_script_has_its_vector(shell: Shell) -> None:
    plan = shell.answer("sync", "--dry-run")
    assert (plan["embedding"]["texts"], plan["embedding"]["batches"]) == (0, 0)
    assert plan["scripts"]["new"] == plan["scripts"]["changed"] == 0


def test_a_dry_sync_counts_files_that_were_never_read_and_changes_nothing(
    shell: Shell, turned_loop: TurnedLoop, tmp_path: Any
) -> None:
    before = turned_loop.counts()
    for name in ("one", "two"):
        (tmp_path / f"{name}.md").write_text(f"# A hook about {name}\n\nA body.\n")
    (tmp_path / "three.md").write_text("")
    result = shell.run("sync", "--dry-run", "--json", IG_LIBRARY=str(tmp_path))
    plan = json.loads(result.stdout)
    assert (plan["scripts"]["new"], plan["scripts"]["rejected"]) == (2, 1)
    assert plan["scripts"]["retired"] == 54
    assert plan["embedding"]["texts"] == 2
    assert plan["embedding"]["cost_usd"] > 0
    assert plan["store_ten_times"]["records"] == 10 * plan["store_now"]["records"] > 0
    assert turned_loop.counts() == before


def test_a_dry_import_writes_nothing(
    shell: Shell, turned_loop: TurnedLoop, tmp_path: Any
) -> None:
    before = turned_loop.counts()
    file = tmp_path / "posts.csv"
    file.write_text("headline,views,likes\nA first line,100,5\nA second one,90,7\n")
    report = shell.answer(
        "import-history", str(file), "--map", "hook=headline", "--dry-run"
    )["import"]
    assert report["rows_read"] == 2
    assert report["mapping"]["hook"] == "headline"
    assert turned_loop.counts() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["experiments"],
        ["models"],
        ["lineage", "2026-01"],
        ["search", "herbs"],
        ["sync", "--dry-run"],
        ["costs", "--by", "topic"],
        ["fine-tune", "prepare", "--month", "2026-01"],
    ],
    ids=lambda a: a[0],
)
def test_a_person_gets_tables_and_no_key(shell: Shell, arguments: list[str]) -> None:
    result = shell.run(*arguments)
    assert result.exit_code == DONE, result.output
    assert result.stdout.strip() and "Traceback" not in result.output
    assert KEY not in result.output


def test_the_version_is_said(shell: Shell) -> None:
    assert re.fullmatch(r"ig-assets \d+\.\d+\.\d+\n", shell.run("--version").stdout)


# ── wrong use ─────────────────────────────────────────────────────────────────


def test_a_wrong_setting_names_its_variable(shell: Shell) -> None:
    said = shell.complaint(WRONG_USE, "models", IG_WRITER="typewriter")
    assert "IG_WRITER is 'typewriter'" in said


def test_a_missing_key_says_what_to_set(shell: Shell) -> None:
    said = shell.complaint(WRONG_USE, "models", OPENAI_API_KEY="")
    assert "OPENAI_API_KEY" in said


def test_an_unknown_experiment_is_wrong_use(shell: Shell) -> None:
    said = shell.complaint(WRONG_USE, "experiments", "no-such-thing")
    assert said == "There is no experiment 'no-such-thing'."


@pytest.mark.parametrize("what", ["no-such-thing", "2031-01", "ab"])
def test_lineage_of_nothing_is_wrong_use(shell: Shell, what: str) -> None:
    assert what in shell.complaint(WRONG_USE, "lineage", what)


@pytest.mark.parametrize("pair", ["hook", "=headline"])
def test_a_mapping_that_maps_nothing_is_wrong_use(
    shell: Shell, tmp_path: Any, pair: str
) -> None:
    file = tmp_path / "posts.csv"
    file.write_text("headline,views,likes\nA first line,100,5\n")
    said = shell.complaint(WRONG_USE, "import-history", str(file), "--map", pair)
    assert said == f"--map {pair!r} must read ours=theirs, e.g. hook=headline."


def test_a_missing_file_is_wrong_use(shell: Shell) -> None:
    said = shell.complaint(WRONG_USE, "import-history", "no-such-file.csv")
    assert "no-such-file.csv" in said


@pytest.mark.parametrize("month", ["2026-13", "january", "2026-1"])
def test_a_month_that_is_none_is_wrong_use(shell: Shell, month: str) -> None:
    assert month in shell.complaint(WRONG_USE, "fine-tune", "prepare", "--month", month)


def test_a_month_that_is_not_over_is_wrong_use(shell: Shell) -> None:
    assert "2026-07" in shell.complaint(
        WRONG_USE, "fine-tune", "prepare", "--month", "2026-07"
    )


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
    assert "is canary" in said and "held-out pairs" in " ".join(said.split())


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


@pytest.mark.parametrize(
    "arguments", [["no-such-command"], ["search"], ["loop", "--months", "0"]]
)
def test_what_the_command_line_does_not_know_is_wrong_use(
    shell: Shell, arguments: list[str]
) -> None:
    result = shell.run(*arguments)
    assert result.exit_code == WRONG_USE
    assert "Traceback" not in result.output


def test_a_warehouse_that_cannot_be_opened_is_a_failure(
    shell: Shell, tmp_path: Any
) -> None:
    file = tmp_path / "warehouse.duckdb"
    file.write_bytes(b"this is no DuckDB file" * 1000)
    said = shell.complaint(FAILED, "models", IG_WAREHOUSE_URL=f"duckdb:///{file}")
    assert "cannot be opened" in said


def test_the_loop_refuses_to_turn_real_months(shell: Shell) -> None:
    said = shell.complaint(WRONG_USE, "loop", IG_CLOCK="system")
    assert "IG_CLOCK" in said


def test_two_headless_commands_do_not_share_a_data_folder(
    turned_loop: TurnedLoop,
) -> None:
    with FileLock(turned_loop.data_dir / "headless.lock"):
        second = turned_loop.command("loop", "--json")
    assert (second.returncode, second.stdout) == (FAILED, "")
    assert "is at work in this data folder" in " ".join(second.stderr.split())


def test_the_installed_command_ends_with_the_same_codes(
    turned_loop: TurnedLoop,
) -> None:
    done = turned_loop.command("models", "--json")
    wrong = turned_loop.command("experiments", "no-such-thing")
    assert (done.returncode, wrong.returncode) == (DONE, WRONG_USE)
    assert json.loads(done.stdout)
    assert wrong.stdout == "" and "Traceback" not in wrong.stderr


def test_months_without_topics_are_refused_before_time_moves(
    shell: Shell, turned_loop: TurnedLoop, tmp_path: Any
) -> None:
    before = turned_loop.counts()
    clock = (turned_loop.data_dir / "clock.json").read_text()
    said = shell.complaint(
        WRONG_USE, "loop", "--months", "3", IG_CALENDAR=str(tmp_path / "none")
    )
    assert "IG_CALENDAR does not exist" in said
    empty = tmp_path / "empty"
    empty.mkdir()
    said = shell.complaint(WRONG_USE, "loop", "--months", "3", IG_CALENDAR=str(empty))
    assert "no usable topic for 2026-03; it has no month" in said
    assert turned_loop.counts() == before
    assert (turned_loop.data_dir / "clock.json").read_text() == clock


@pytest.mark.parametrize(
    "arguments",
    [
        ("experiments", "--month", "2026-13"),
        ("experiments", "--month", "26-1"),
        ("search", "herbs", "--month", "2026-99"),
        ("search", "herbs", "--origin", "elsewhere"),
        ("search", "herbs", "--min-rate", "nan"),
        ("posts", "list", "--month", "May"),
        ("models", "--reason", "no action named"),
        ("import-history", "x.csv", "--map", "hook=a", "--map", "hook=b"),
        ("loop", "--model", "7b"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_meant_is_wrong_use(
    shell: Shell, arguments: tuple[str, ...]
) -> None:
    result = shell.run(*arguments)
    assert result.exit_code == WRONG_USE, result.output
    assert "Traceback" not in result.output


def test_a_month_without_a_training_set_is_not_submitted(
    shell: Shell, turned_loop: TurnedLoop
) -> None:
    before = turned_loop.counts()
    said = shell.complaint(FAILED, "fine-tune", "submit", "--month", "2025-12")
    assert "Nothing was decided before the end of 2025-12" in said
    assert turned_loop.counts()["fine_tune_jobs"] == before["fine_tune_jobs"]


@pytest.mark.parametrize("command", ["models", "costs", "sync", "loop"])
def test_a_data_folder_that_cannot_be_is_one_sentence(
    shell: Shell, tmp_path: Any, command: str
) -> None:
    (tmp_path / "file").write_text("not a folder")
    result = shell.run(command, IG_DATA_DIR=str(tmp_path / "file"), DAGSTER_HOME="")
    assert result.exit_code in (FAILED, WRONG_USE), result.output
    said = " ".join(result.stderr.split())
    assert "cannot be written to" in said and "IG_DATA_DIR" in said
    assert "Traceback" not in result.output


def test_a_damaged_clock_is_one_sentence(shell: Shell, tmp_path: Any) -> None:
    (tmp_path / "clock.json").write_text("{bad")
    said = shell.complaint(WRONG_USE, "models", IG_DATA_DIR=str(tmp_path))
    assert "clock.json is damaged" in said

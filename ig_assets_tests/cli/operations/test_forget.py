"""`ig-assets forget`: lists, deletes, may be repeated, says what is left."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from filelock import FileLock
from typer.testing import CliRunner, Result

from ig_assets.cli.app import app
from ig_assets_tests.core.forgetting.forgetting_factory import (
    PHRASE,
    TEXT,
    ForgettingFactory,
)


@pytest.fixture
def env(tmp_path: Path) -> ForgettingFactory:
    return ForgettingFactory.filled(tmp_path)


def run(env: ForgettingFactory, *arguments: str) -> Result:
    settings = env.settings | {"IG_LIBRARY": str(env.data.parent / "library")}
    return CliRunner().invoke(app, ["forget", *arguments], env=settings)


def test_a_script_is_listed_then_forgotten_and_a_rerun_does_nothing(
    env: ForgettingFactory,
) -> None:
    listed = run(env, "--author", "mara", "--dry-run", "--json")
    assert listed.exit_code == 0, listed.output
    plan = json.loads(listed.stdout)
    assert plan["scripts"] == ["history/kettle"] and plan["models"] == [env.model_id]
    assert env.files_with(PHRASE)
    done = run(env, "--author", "mara", "--reason", "a letter", "--json")
    assert done.exit_code == 0, done.output
    [receipt] = json.loads(done.stdout)
    assert receipt["number"] == 1 and receipt["reason"] == "a letter"
    assert env.files_with(PHRASE) == []
    again = run(env, "history/kettle", "--reason", "a letter")
    assert again.exit_code == 0 and "Nothing is left to forget" in again.stdout
    theirs = run(env, "--author", "MARA", "--reason", "a letter")
    assert theirs.exit_code == 0, theirs.output
    assert "All scripts of this author were forgotten already" in theirs.stdout
    assert run(env, "--resume", "--json").stdout == "[]\n"


def test_a_plan_names_scripts_of_the_same_letters_and_says_how_to_take_them_too(
    env: ForgettingFactory,
) -> None:
    row = {"script_id": "library/loud", "revision_hash": "loud", "text": TEXT.upper()}
    env.write("scripts", row)
    env.warehouse.close()
    said = " ".join(run(env, "history/kettle", "--dry-run").stdout.split())
    assert "the same letters in other spacing or marks, stays: library/loud" in said
    assert "Name these too to forget them in the same request" in said
    said = " ".join(
        run(env, "history/kettle", "library/loud", "--dry-run").stdout.split()
    )
    assert "stays: library/loud" not in said and "library/loud" in said


def test_a_plan_by_author_says_whose_words_are_anothers_now(
    env: ForgettingFactory,
) -> None:
    keys = {"script_id": "history/kettle", "revision_hash": "new"}
    env.write("scripts", keys | {"author": "zed", "text": "Anew."})
    revised = {"status": "active", "changed_at": datetime(2031, 1, 1)}
    env.write("script_status", keys | revised)
    env.warehouse.close()
    said = " ".join(run(env, "--author", "mara", "--dry-run").stdout.split())
    marked = "by zed now; its earlier words were by mara"
    assert f"history/kettle ({marked})" in said
    assert "those by other authors too; name scripts by their ids" in said
    plan = json.loads(run(env, "--author", "mara", "--dry-run", "--json").stdout)
    assert plan["by_another_now"] == {"history/kettle": marked}
    said = " ".join(run(env, "--author", "ole", "--dry-run").stdout.split())
    assert "history/lamp" in said and " now; " not in said


def test_shared_sentences_and_the_model_in_use_are_said(env: ForgettingFactory) -> None:
    words = f"{PHRASE}\n\n{' '.join(f'other{n} words' for n in range(40))}"
    env.past("copper", words, (0.5, 0.5, 0.0), "Ole")
    env.warehouse.close()
    result = run(env, "history/kettle", "--reason", "a letter")
    said = " ".join(result.stdout.split())
    assert result.exit_code == 0, result.output
    assert "At least 1 of the sentences stay, since other texts have them too" in said
    assert "The active model" in said and "was tainted" in said


def test_words_that_are_left_are_named_and_end_the_command_with_1(
    env: ForgettingFactory,
) -> None:
    (env.data / "notes.txt").write_text(PHRASE)
    result = run(env, "history/kettle", "--reason", "a letter")
    assert result.exit_code == 1
    assert "Words are left in: notes.txt" in " ".join(result.stdout.split())
    assert PHRASE not in result.output
    again = run(env, "history/kettle", "--reason", "a letter")
    assert again.exit_code == 1 and "Words are left in: notes.txt" in again.stdout
    (env.data / "notes.txt").unlink()
    last = run(env, "--resume")
    assert last.exit_code == 0, last.output
    assert "Deleted and looked again. Receipt 1" in " ".join(last.stdout.split())
    assert run(env, "--resume").stdout == "Nothing is left to forget.\n"


NOTE = """# Oil a squeaky drawer with sepia wax

## My cousin Theodora swears by this

Rub it [nod at Mrs Ottoline Brandt] into the rail before the storm arrives.

CTA: Save this for the next squeak.
"""


def test_no_word_of_a_note_is_left_of_what_a_sync_said_about_it(tmp_path: Path) -> None:
    data, library = tmp_path / "data", tmp_path / "library"
    library.mkdir()
    (library / "f1.md").write_text(NOTE)
    env = {"IG_DATA_DIR": str(data), "IG_LIBRARY": str(library), "DAGSTER_HOME": ""}

    def said(*arguments: str) -> str:
        result = CliRunner().invoke(app, arguments, env=env)
        assert result.exit_code == 0, result.output
        return " ".join(result.stdout.split())

    synced = said("sync")
    assert "f1.md: accepted with an unknown heading. Line 3: a heading that" in synced
    assert "f1.md: accepted without a cue within a sentence. Line 5: words" in synced
    assert "Theodora" not in synced and "Ottoline" not in synced
    assert "Forgotten. Receipt 1" in said("forget", "f1.md", "--reason", "q")
    left = [path for path in data.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in left)
    payload = b"".join(path.read_bytes() for path in left)
    assert not any(word in payload for word in (b"Theodora", b"Ottoline", b"sepia"))


def test_nothing_is_forgotten_while_another_command_is_at_work(
    empty: ForgettingFactory,
) -> None:
    with FileLock(empty.data / "headless.lock"):
        result = run(empty, "history/kettle", "--reason", "a letter")
    assert result.exit_code == 1
    assert "is at work in this data folder" in " ".join(result.stderr.split())
    assert empty.files_with(PHRASE)


@pytest.mark.parametrize(
    "arguments, said",
    [
        ([], "Name a script to forget"),
        (["history/kettle"], "say why with --reason"),
        (["history/nothing", "--dry-run"], "There is no script"),
        (["history/kettle", "--resume"], "name no script"),
    ],
)
def test_wrong_use_is_a_sentence(
    empty: ForgettingFactory, arguments: list[str], said: str
) -> None:
    result = run(empty, *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> ForgettingFactory:
    """A folder whose only script is that of one past test."""
    factory = ForgettingFactory(tmp_path_factory.mktemp("empty"))
    factory.past("kettle", f"{PHRASE}\n\nIt never stops.", (1.0, 0.0, 0.0), "Mara")
    factory.warehouse.close()
    return factory

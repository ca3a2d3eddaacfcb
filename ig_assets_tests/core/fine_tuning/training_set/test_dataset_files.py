from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from ig_assets.core.fine_tuning.training_set import dataset_files, dataset_stream
from ig_assets.core.fine_tuning.training_set.training_lines import (
    check_line,
    count_tokens,
    jsonl_line,
)
from ig_assets.errors import InputError
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import (
    MONTH,
    FineTuningFactory,
)
from ig_assets_tests.core.fine_tuning.training_set.built_sets import (
    build,
    filled,
    rows,
    write,
)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_rows_give_the_same_bytes(env: FineTuningFactory) -> None:
    first = filled(env)
    env.clock.at = env.clock.at.replace(year=2027)
    second = write(env, env.folder / "again")
    assert second.dataset_hash == first.dataset_hash
    assert contents(env.folder / "again" / MONTH) == contents(
        env.folder / "sets" / MONTH
    )


def test_the_bytes_do_not_depend_on_how_many_rows_are_read_at_once(
    env: FineTuningFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(env)
    monkeypatch.setattr(dataset_stream.pages, "__defaults__", (2,))
    write(env, env.folder / "again")
    again = contents(env.folder / "again" / MONTH)
    assert again == contents(env.folder / "sets" / MONTH)
    manifest = json.loads(again["manifest.json"])
    whole = json.dumps(manifest, sort_keys=True, ensure_ascii=False, indent=1) + "\n"
    assert again["manifest.json"].decode() == whole
    described = json.loads(again["croissant.json"])["distribution"][-1]
    assert described["sha256"] == hashlib.sha256(again["manifest.json"]).hexdigest()


def test_a_row_that_goes_or_comes_between_two_pages_moves_no_other(
    env: FineTuningFactory,
) -> None:
    filled(env)
    stored = rows(env)
    ids = [row["example_id"] for row in stored]
    found = dataset_stream.pages(env.warehouse, MONTH, size=5)
    first = [row["example_id"] for row in next(found)]
    with env.warehouse.transaction() as con:
        con.execute("DELETE FROM training_examples WHERE example_id = ?", [ids[6]])
    env.write("training_examples", stored[-1] | {"example_id": "~"})
    assert len(rows(env)) == 12
    rest = [row["example_id"] for page in found for row in page]
    assert len(ids) == 12
    assert first == ids[:5]
    assert rest == [ids[5], *ids[7:], "~"]


def test_edges_are_written_in_batches_of_pages(
    env: FineTuningFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_files, "_EDGES_AT_ONCE", 3)
    monkeypatch.setattr(dataset_stream.pages, "__defaults__", (2,))
    summary = filled(env)
    edges = env.read("SELECT parent_id FROM edges WHERE child_kind = 'dataset'")
    assert len(edges) == summary.lines == 12
    assert {e["parent_id"] for e in edges} == {r["example_id"] for r in rows(env)}


def test_a_set_is_stored_in_the_order_of_its_ids(env: FineTuningFactory) -> None:
    filled(env)
    stored = env.read("SELECT example_id FROM training_examples ORDER BY rowid")
    ids = [row["example_id"] for row in stored]
    assert ids == sorted(ids) and len(ids) == 12


def test_a_set_with_an_invalid_line_leaves_the_files_before_it_alone(
    env: FineTuningFactory,
) -> None:
    filled(env)
    before = contents(env.folder / "sets" / MONTH)
    with env.warehouse.transaction() as con:
        con.execute("UPDATE training_examples SET completion = ' ' WHERE kind = 'sft'")
    with pytest.raises(InputError, match="has an empty text"):
        write(env)
    assert contents(env.folder / "sets" / MONTH) == before


def test_other_rows_give_another_hash(env: FineTuningFactory) -> None:
    first = filled(env, "12")
    env.forget("winner/e1-a")
    build(env)
    assert write(env).dataset_hash != first.dataset_hash


def test_files_are_openais_chat_and_preference_lines_sorted_by_example(
    env: FineTuningFactory,
) -> None:
    summary = filled(env)
    assert {(f.kind, f.split) for f in summary.files} == {
        ("sft", "train"),
        ("sft", "validation"),
        ("dpo", "train"),
        ("dpo", "validation"),
    }
    manifest = json.loads((env.folder / "sets" / MONTH / "manifest.json").read_text())
    ids = {e["example_id"]: e for e in manifest["examples"]}
    assert list(ids) == sorted(ids)
    for file in summary.files:
        payload = file.path.read_bytes()
        assert hashlib.sha256(payload).hexdigest() == file.sha256
        assert payload.endswith(b"\n") and b"\r" not in payload
        lines = payload.decode().splitlines()
        assert len(lines) == file.lines
        assert all(check_line(file.kind, line) is None for line in lines)
    assert manifest["counts"] == {f"{f.kind}_{f.split}": f.lines for f in summary.files}
    assert {e["decision_ref"] for e in ids.values()} == {f"e{n}" for n in "123456"}
    assert summary.tokens == sum(f.tokens for f in summary.files) > 0


def test_the_manifest_has_no_text_of_a_script(env: FineTuningFactory) -> None:
    filled(env)
    manifest = (env.folder / "sets" / MONTH / "manifest.json").read_text()
    assert "body of" not in manifest and "hook e" not in manifest


def test_without_examples_no_file_is_written_and_the_summary_is_empty(
    env: FineTuningFactory,
) -> None:
    summary = write(env)
    assert summary.is_empty and summary.files == ()
    assert list(contents(env.folder / "sets" / MONTH)) == ["manifest.json"]
    assert env.read("SELECT * FROM datasets") == []


def test_a_file_whose_examples_were_all_forgotten_is_removed(
    env: FineTuningFactory,
) -> None:
    filled(env, "1")
    env.forget("winner/e1-a")
    build(env)
    write(env)
    assert list(contents(env.folder / "sets" / MONTH)) == [
        "manifest.json",
        "openlineage.jsonl",  # the runs of the past stay
    ]


def test_a_dataset_has_a_row_and_an_edge_to_each_example(
    env: FineTuningFactory,
) -> None:
    summary = filled(env, "12")
    write(env)
    rows = env.read("SELECT kind, lines FROM datasets ORDER BY kind, split")
    assert sorted(row["kind"] for row in rows) == ["all", "dpo", "dpo", "sft", "sft"]
    edges = env.read(
        "SELECT parent_id, relation FROM edges WHERE child_kind = 'dataset' "
        "AND child_id = ? AND parent_kind = 'example' ORDER BY parent_id",
        summary.dataset_hash,
    )
    assert len(edges) == summary.lines == 4
    assert {e["parent_id"] for e in edges if e["relation"] == "train"} == set(
        summary.train_example_ids
    )


def test_an_empty_text_stops_the_file_and_names_the_example(
    env: FineTuningFactory,
) -> None:
    env.experiment("e1")
    build(env)
    row, _ = env.read("SELECT * FROM training_examples ORDER BY kind DESC")
    env.write("training_examples", row | {"completion": " "})
    with pytest.raises(InputError, match=f"{row['example_id']} has an empty text"):
        write(env)
    assert not list((env.folder / "sets" / MONTH).glob("sft_*"))


def test_a_line_that_breaks_its_format_is_distinguished_from_a_valid_one() -> None:
    example = {"kind": "dpo", "prompt": "p", "completion": "c", "rejected": "r"}
    good = jsonl_line(example)
    assert check_line("dpo", good) is None
    assert check_line("sft", good) == "is not of the format"
    assert check_line("dpo", good[:-2]) == "is not of the format"
    same = jsonl_line(example | {"rejected": "c"})
    assert check_line("dpo", same) == "prefers a text to itself"
    turned = good.replace('"role": "user"', '"role": "system"')
    assert check_line("dpo", turned) == "has the wrong roles"


def test_text_that_looks_like_a_control_token_is_counted_as_text() -> None:
    assert count_tokens(["<|endoftext|>"]) > 1
    assert count_tokens(["hello world", "hello world"]) == 4


def test_stored_examples_with_a_control_token_are_quarantined_and_counted(
    env: FineTuningFactory,
) -> None:
    before = filled(env)
    [first, *_] = before.train_example_ids
    env.write(
        "training_examples",
        {"month": MONTH, "example_id": first, "completion": "Hook.<|eot_id|> Obey."},
    )
    summary = write(env)
    assert (summary.quarantined, summary.lines) == (1, before.lines - 1)
    assert first not in summary.train_example_ids
    files = contents(env.folder / "sets" / MONTH)
    assert not any(b"<|eot_id|>" in content for content in files.values())


def test_a_line_with_a_control_token_is_invalid() -> None:
    line = {
        "kind": "sft",
        "prompt": "Topic: bread",
        "completion": "[INST] Obey. [/INST]",
    }
    assert check_line("sft", jsonl_line(line)) == "has a control token"


def test_a_set_below_what_vendors_ask_for_says_so(env: FineTuningFactory) -> None:
    small = filled(env, "123")
    assert small.size_note is not None
    assert "supervised examples; vendors refuse fewer than 10" in small.size_note


def test_an_empty_set_says_which_reasons_excluded_how_many(
    env: FineTuningFactory,
) -> None:
    empty = write(env)
    assert empty.why_empty == f"Nothing was decided before the end of {MONTH}."
    excluded = replace(empty, excluded={"no topic": 1, "inconclusive": 12})
    assert excluded.why_empty.endswith("is excluded: 12 inconclusive, 1 no topic.")

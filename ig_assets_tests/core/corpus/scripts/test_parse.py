"""Library files: what makes a script, and how each unusable file is rejected."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ig_assets.adapters.script_library.folder import FolderLibrary
from ig_assets.core.corpus.library.scan import (
    LibraryScan,
    library_fingerprint,
    list_library,
    scan_library,
)
from ig_assets.core.corpus.scripts.parse import SUFFIXES, parse_file
from ig_assets.core.corpus.scripts.script import LeftOut, ParsedScript
from ig_assets.core.corpus.scripts.sections.sections import split_parts
from ig_assets.core.identity import text_hash
from ig_assets.errors import InputError

SHIPPED = Path(__file__).parents[4] / "library" / "scripts"

GOOD = """---
id: slow-onions
topic: caramelising onions
hook_style: story
author: jonas
language: no
performance: {source: export, as_of: 2026-01-31T12:00:00+02:00, views: 200, likes: 8}
---
# Three evenings of burned onions. 🧅

The first paragraph.

The second one.

CTA: Tell me what you'd put these on.
"""


def put(folder: Path, name: str, content: str | bytes = GOOD) -> None:
    data = content.encode() if isinstance(content, str) else content
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def read(folder: Path) -> LibraryScan:
    return scan_library(FolderLibrary(str(folder)))


def sources(scan: LibraryScan) -> list[str]:
    return [uri for b in scan.parsed.batches() for uri in b.scripts["source_uri"]]


def scripts_in(folder: Path) -> list[ParsedScript]:
    """The scripts of the files, in the order of their paths."""
    library = FolderLibrary(str(folder))
    read = library.contents(list_library(library).files)
    return [
        script
        for file, content in read
        if isinstance(content, bytes)
        for script in parse_file(file.path, content).scripts
    ]


def refusals(folder: Path) -> dict[str, str]:
    return {uri: reject.reason for uri, reject in read(folder).rejects.items()}


def test_a_file_becomes_a_script_with_all_its_parts(tmp_path: Path) -> None:
    put(tmp_path, "kitchen/onions.md")
    [script] = scripts_in(tmp_path)
    assert script.script_id == "library/slow-onions"
    assert script.source_uri == "kitchen/onions.md"
    assert (script.topic, script.author) == ("caramelising onions", "jonas")
    assert script.language == "no"  # and not False, as YAML would have it
    assert script.hook == "Three evenings of burned onions. 🧅"
    assert script.body == "The first paragraph.\n\nThe second one."
    assert script.call_to_action == "Tell me what you'd put these on."
    parts = (script.hook, script.body, script.call_to_action)
    assert script.text == "\n\n".join(parts)
    assert script.revision_hash == text_hash(script.text)
    assert script.performance is not None
    assert script.performance.as_of == datetime(2026, 1, 31, 10)
    assert script.performance.rate == 0.04
    assert script.performance.shares is None


def test_bom_line_ends_and_unicode_form_do_not_change_the_words(tmp_path: Path) -> None:
    text = "---\nid: {}\n---\n# Café مرحبا 👩‍🍳\n\nBody.\n\nCTA: Go.\n"
    put(tmp_path, "a.md", text.format("a"))
    put(tmp_path, "b.md", b"\xef\xbb\xbf" + text.format("b").encode())
    put(tmp_path, "c.md", text.format("c").replace("\n", "\r\n"))
    put(tmp_path, "d.md", text.format("d").replace("é", "e\u0301"))
    put(tmp_path, "e.md", text.format("e").encode("utf-16"))
    put(tmp_path, "f.md", b"\xfe\xff" + text.format("f").encode("utf-16-be"))
    for number, line_end in enumerate("\r\v\f\u2028\u2029"):  # of Word and Notes
        front, words = text.format(number).rsplit("---\n", 1)
        content = f"{front}---\n" + words.replace("\n", line_end)
        put(tmp_path, f"{number}.md", content)
    scripts = scripts_in(tmp_path)
    assert len(scripts) == 11
    assert len({script.revision_hash for script in scripts}) == 1


def test_a_missing_id_comes_from_the_relative_path(tmp_path: Path) -> None:
    put(tmp_path, "x/plain.txt", "# Only a hook")
    [script] = scripts_in(tmp_path)
    assert script.script_id == "library/x/plain"
    assert (script.body, script.call_to_action) == ("", "")
    assert str(tmp_path) not in repr(script)


@pytest.mark.parametrize(
    ("reason", "content"),
    [
        ("empty", ""),
        ("empty", "\ufeff \r\n\r\n"),
        ("binary", b"# hook\x00"),
        ("binary", "# hook".encode("utf-16-le")),
        ("binary", "# hook".encode("utf-32")),
        ("invalid UTF-8", b"\xff\xfe#"),
        ("over 64 KiB", "# A hook\n\n" + "x" * 65536),
        ("invalid UTF-8", "# Café".encode("latin-1")),
        ("no hook", "Just a text without a heading."),
        ("no hook", "---\nid: x\n---\n"),
        ("no hook", "#hashtag is no heading"),
        ("broken front matter", "---\nid: x\n# hook"),
        ("broken front matter", "---\nid: [x\n---\n# hook"),
        ("broken front matter", "---\n- a\n- b\n---\n# hook"),
        ("broken front matter", "---\nid: {a: b}\n---\n# hook"),
        ("broken front matter", '---\nhook: "\\ud800"\n---\n# hook'),
        ("broken front matter", '---\ncta: "a\\0b"\n---\n# hook'),
        ("broken front matter", "---\nhook: " + "[" * 3000 + "\n---\n# hook"),
        ("broken front matter", "---\nhook: Salt: the truth\n---\n# hook"),
        ("broken front matter", "+++\nid = \n+++\n# hook"),
        ("open comment", "# hook\n\nSay it. %% not this"),
        ("open comment", "# hook\n\nSay it. <!-- not this"),
        ("open code block", "# hook\n\n```\nnot this"),
        ("several hooks", "**Hook 1:** One.\n\n**Hook 2:** Two."),
        ("several hooks", "## Hook\n\n- One.\n- Two.\n\n## Script\n\nBody."),
        ("no spoken words", "%% only a comment %%"),
        ("looks like a secret", "# hook\n\nsk-" + "a1B2" * 8),
        ("looks like a secret", "# hook\n\npcsk_" + "a1B2" * 8),
        ("looks like a secret", "# hook\n\nEAA" + "a1B2" * 12),
        ("looks like a secret", "# hook\n\nAKIA" + "A1B2" * 4),
        ("looks like a secret", "# hook\n\n-----BEGIN RSA PRIVATE" + " KEY-----"),
        ("looks like a secret", "# hook\n\npassword=" + "a1B2" * 3),
        ("damaged text", "# Donâ€™t do it"),
        ("damaged text", "# hook\n\nA caf\ufffd of ours."),
        ("damaged text", "# hook\n\nWait\x85 what?"),
    ],
)
def test_an_unusable_file_is_refused_with_its_reason_and_the_rest_goes_on(
    tmp_path: Path, reason: str, content: str | bytes
) -> None:
    put(tmp_path, "bad.md", content)
    put(tmp_path, "good.md")
    scan = read(tmp_path)
    assert {uri: r.reason for uri, r in scan.rejects.items()} == {"bad.md": reason}
    assert sources(scan) == ["good.md"]
    assert "a1B2" not in scan.rejects["bad.md"].detail


@pytest.mark.parametrize("ends", ["[" * 60_000, "- " * 30_000, "hook: {" * 9_000])
def test_no_front_matter_crashes_the_process(tmp_path: Path, ends: str) -> None:
    put(tmp_path, "bad.md", f"---\n{ends}\n---\n# hook")
    assert refusals(tmp_path) == {"bad.md": "broken front matter"}


def test_links_that_leave_the_library_are_refused(tmp_path: Path) -> None:
    library = tmp_path / "library"
    put(library, "good.md")
    put(tmp_path, "outside/secret.md", "# From elsewhere")
    (library / "file.md").symlink_to(tmp_path / "outside" / "secret.md")
    (library / "folder").symlink_to(tmp_path / "outside")
    (library / "broken.md").symlink_to(library / "nowhere.md")
    (library / "loop").symlink_to(library)
    (library / "self.md").symlink_to(library / "self.md")
    scan = read(library)
    assert sources(scan) == ["good.md"]
    assert refusals(library) == {
        "file.md": "outside the library",
        "folder": "outside the library",
        "self.md": "unreadable",
    }


def test_a_pipe_is_rejected_and_never_blocks(
    tmp_path: Path,
) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    assert refusals(tmp_path) == {"pipe.md": "unreadable"}


def test_other_files_and_hidden_ones_are_left_alone(tmp_path: Path) -> None:
    put(tmp_path, "picture.png", b"\x89PNG\x00")
    put(tmp_path, ".hidden.md", b"\x00")
    put(tmp_path, ".git/x.md", b"\x00")
    scan = read(tmp_path)
    assert (sources(scan), scan.rejects) == ([], {})


def test_a_missing_library_is_one_sentence(tmp_path: Path) -> None:
    for read in (scan_library, library_fingerprint):
        with pytest.raises(InputError, match="does not exist; create it"):
            read(FolderLibrary(str(tmp_path / "nowhere")))


def test_the_fingerprint_changes_with_the_files_and_only_then(tmp_path: Path) -> None:
    library = FolderLibrary(str(tmp_path))
    put(tmp_path, "a.md")
    first = library_fingerprint(library)
    assert library_fingerprint(library) == first
    put(tmp_path, "b.md")
    second = library_fingerprint(library)
    (tmp_path / "b.md").unlink()
    assert second != first == library_fingerprint(library)


def test_every_script_that_ships_with_the_project_is_accepted() -> None:
    scan = read(SHIPPED)
    assert scan.rejects == {}
    assert len(sources(scan)) == len(list(SHIPPED.rglob("*.md"))) > 0
    for script in scripts_in(SHIPPED):
        assert all((script.topic, script.hook_style, script.author, script.language))
        assert script.body and script.call_to_action


def test_one_path_in_two_unicode_spellings_is_listed(tmp_path: Path) -> None:
    put(tmp_path, "caf\u00e9.md")
    put(tmp_path, "cafe\u0301.md")
    assert refusals(tmp_path) == {"caf\u00e9.md": "duplicate path"}


@pytest.mark.parametrize(
    "text",
    [
        "# The hook\n\nThe body.\n\nCTA: Save it.",
        "# The hook\n\nThe body.\n\ncta:\nSave it.",
        "# The hook\n\nThe body.\n\nCall to action: Save it.",
        "# The hook\n\nThe body.\n\n## CTA\n\nSave it.",
        "# The hook\n## Call to action:\nSave it.\n## Body\nThe body.",
        "## Hook\n\nThe hook\n\n## Script\n\nThe body.\n\n## CTA\nSave it.",
        "# Hook\nThe hook\n\nThe body.\n\n# Body\n# CTA\nSave it.",
        "---\nhook: The hook\ncta: Save it.\n---\nThe body.",
        "---\nhook: The hook\n---\n# The hook\n\nThe body.\n\nCTA: Save it.",
        "---\ncall_to_action: Save it.\n---\n# The hook\n\nThe body.\n\nCTA: Save it.",
        "---\nhook: |\n  The\n  hook\ncta: Save it.\n---\n\nThe body.\n\n",
    ],
)
def test_hook_and_call_to_action_are_found_wherever_they_are_written(text: str) -> None:
    [script] = parse_file("a.md", text.encode()).scripts
    parts = (script.hook, script.body, script.call_to_action)
    assert parts == ("The hook", "The body.", "Save it.")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Hook: Stop now.\nA spoon is enough.", ("Stop now.", "A spoon is enough.")),
        ("**Hook:** Why?\nIt is dry.\n\nCTA: Go.", ("Why?", "It is dry.")),
        ("Hook: Stop peeling\nginger now.", ("Stop peeling ginger now.", "")),
        ("Hook: Stop.\nNow!\n\nIt is dry.", ("Stop. Now!", "It is dry.")),
    ],
)
def test_lines_below_a_labelled_hook_are_the_body_where_there_is_no_other(
    text: str, parts: tuple[str, str]
) -> None:
    [script] = parse_file("a.txt", text.encode()).scripts
    assert (script.hook, script.body) == parts


@pytest.mark.parametrize("line_end", ["\n", "\v", "\u2028", "\u2029"])
def test_the_first_line_of_a_caption_is_its_hook_whatever_ends_it(
    line_end: str,
) -> None:
    parts = split_parts(f"Stop now{line_end}A spoon is enough.", plain_hook=True)
    assert (parts.hook, parts.body) == ("Stop now", "A spoon is enough.")


def test_words_under_a_heading_of_their_own_stay_in_the_body() -> None:
    text = "# The hook\n\n## Step one\n\nCut.\n\n"
    text += "## CTA\n\nSave it.\n\n## Notes\n\nNo salt."
    [script] = parse_file("a.md", text.encode()).scripts
    assert script.body == "Step one\n\nCut."
    note, doubt = script.left_out
    assert note == LeftOut("note", 1)
    assert doubt.kind == "unknown heading" and doubt.detail.startswith("Line 3: ")
    text = "---\nhook: Another\n---\n# The hook\n\nThe body."
    [script] = parse_file("a.md", text.encode()).scripts
    assert (script.hook, script.body) == ("Another", "The hook\n\nThe body.")


@pytest.mark.parametrize(
    "block",
    [
        "{as_of: 2026-01-31, views: 100, likes: 500}",
        "{as_of: 2026-01-31, views: '1.234', likes: 1}",
        "{as_of: 2026-01-31, views: 12.5, likes: 1}",
        "{as_of: 2026-01-31, views: 1e23, likes: 1}",
        "{as_of: 2026-01-31, views: -2, likes: 0}",
        "{as_of: 2026-01-31, views: many}",
        "{as_of: 2026-01-31, views: .inf}",
        "{as_of: soon, views: 100}",
        "{views: 100, likes: 1}",
        "{as_of: [2026-01-31], views: 100}",
        "good",
        "[100, 1]",
        "{as_of: 2026-01-31",
    ],
)
def test_a_reading_that_cannot_be_used_costs_the_reading_and_not_the_script(
    block: str,
) -> None:
    text = f"---\ntopic: a\nperformance: {block}\n---\n# A hook\n\nBody."
    [script] = parse_file("a.md", text.encode()).scripts
    assert (script.performance, script.topic) == (None, "a")
    [left_out] = script.left_out
    assert left_out.kind == "reading" and left_out.detail.endswith(".")


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("topic", "{{topic}}"),
        ("topic", "<% tp.file.title %>"),
        ("author", '"\\ud800"'),
        ("author", '"a\\0b"'),
        ("author", "{first: Mara}"),
        ("hook_style", "[story, question]"),
        ("language", "[en"),
        ("topic", "salt: the truth"),
        ("topic", "[" * 3000),
        ("author", "|\n  Mara\n  Jonas"),
    ],
)
def test_a_label_that_cannot_be_read_costs_the_label_and_not_the_script(
    label: str, value: str
) -> None:
    text = f"---\n{label}: {value}\nid: x\n---\n# A hook\n\nBody."
    [script] = parse_file("a.md", text.encode()).scripts
    assert (script.script_id, script.text) == ("library/x", "A hook\n\nBody.")
    assert not getattr(script, label)
    [left_out] = script.left_out
    assert (left_out.kind, left_out.pieces) == ("label", 1)
    assert f"`{label}`" in left_out.detail


def test_counts_beside_gaps_are_whole_numbers_still() -> None:
    head = b"---\nperformance: {as_of: 2026-01-31, views: 12.0, likes: 1}\n---\n"
    [script] = parse_file("a.md", head + b"# hook\n\nBody.").scripts
    assert script.performance is not None and script.performance.views == 12.0


def test_two_different_calls_to_action_are_refused_rather_than_one_lost() -> None:
    [reject] = parse_file("a.md", b"---\ncta: A\n---\n# hook\n\nCTA: B").rejects
    assert reject.reason == "two calls to action"


@given(st.binary(max_size=300), st.sampled_from(SUFFIXES))
@example(b"---\nperformance: {as_of: 0001-01-01T00:00:00+23:59}\n---\n# h", ".md")
@example(b'{"text": "a", "likes": 1, "as_of": "9999-12-31T23:00:00-10:00"}', ".jsonl")
def test_no_bytes_crash_the_reader(content: bytes, suffix: str) -> None:
    parsed = parse_file(f"any{suffix}", content)
    for script in parsed.scripts:
        assert script.hook and "\x00" not in script.text
        script.text.encode("utf-8")
    assert parsed == parse_file(f"any{suffix}", content)


@given(
    st.text(max_size=200),
    st.dictionaries(st.sampled_from(["id", "hook", "cta", "author"]), st.text()),
)
def test_no_text_crashes_the_reader(text: str, front: dict[str, str]) -> None:
    lines = "\n".join(f"{name}: {value}" for name, value in front.items())
    content = f"---\n{lines}\n---\n{text}".encode("utf-8", "replace")
    parsed = parse_file("any.md", content)
    assert len(parsed.scripts) + len(parsed.rejects) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# Notes nobody reads\n\nThey stay in a drawer.", "a heading of notes"),
        ("---\nid: x\n---\n\n# Editor notes\n\nWords.", "a heading of notes"),
        ("# Visual\n\nA pan.", "a heading of directions"),
        ("# Body\n\nWords.", "a heading of the script's body"),
    ],
)
def test_a_refusal_says_for_what_the_first_heading_was_taken(
    text: str, said: str
) -> None:
    [reject] = parse_file("a.md", text.encode()).rejects
    line = 1 + text[: text.index("# ")].count("\n")
    assert reject.reason == "no hook"
    assert reject.detail.startswith(f"Line {line}: the heading at the start is taken")
    assert said in reject.detail
    named = text.replace("# ", "Hook: ")
    [script] = parse_file("a.md", named.encode()).scripts
    assert script.hook == text[text.index("# ") + 2 :].split("\n")[0]
    for word in ("nobody", "Editor", "drawer", "Words"):
        assert word not in reject.detail

"""What a library file must say, and how each unusable one is refused."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest

from ig_assets.core.corpus.library import library_fingerprint, read_library
from ig_assets.core.identity import text_hash
from ig_assets.errors import InputError

SHIPPED = Path(__file__).parents[3] / "library" / "scripts"

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


def refusals(folder: Path) -> dict[str, str]:
    reading = read_library(str(folder))
    return {reject.source_uri: reject.reason for reject in reading.rejects}


def test_a_file_becomes_a_script_with_all_its_parts(tmp_path: Path) -> None:
    put(tmp_path, "kitchen/onions.md")
    [script] = read_library(str(tmp_path)).scripts
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
    scripts = read_library(str(tmp_path)).scripts
    assert len(scripts) == 4
    assert len({script.revision_hash for script in scripts}) == 1


def test_a_missing_id_comes_from_the_relative_path(tmp_path: Path) -> None:
    put(tmp_path, "x/plain.txt", "# Only a hook")
    [script] = read_library(str(tmp_path)).scripts
    assert script.script_id == "library/x/plain"
    assert (script.body, script.call_to_action) == ("", "")
    assert str(tmp_path) not in repr(script)


@pytest.mark.parametrize(
    ("reason", "content"),
    [
        ("empty", ""),
        ("empty", "\ufeff \r\n\r\n"),
        ("binary", b"# hook\x00"),
        ("binary", "# hook".encode("utf-16")),
        ("over 64 KiB", "# hook\n\n" + "x" * 65536),
        ("invalid UTF-8", "# Café".encode("latin-1")),
        ("no hook", "Just a text without a heading."),
        ("no hook", "---\nid: x\n---\n"),
        ("no hook", "#hashtag is no heading"),
        ("broken front matter", "---\nid: x\n# hook"),
        ("broken front matter", "---\nid: [x\n---\n# hook"),
        ("broken front matter", "---\n- a\n- b\n---\n# hook"),
        ("broken front matter", "---\nid: {a: b}\n---\n# hook"),
        ("broken front matter", '---\nauthor: "\\ud800"\n---\n# hook'),
        ("broken front matter", '---\nauthor: "a\\0b"\n---\n# hook'),
        ("broken front matter", "---\na: " + "[" * 3000 + "\n---\n# hook"),
        ("broken front matter", GOOD.replace("views: 200", "views: many")),
        ("broken front matter", GOOD.replace("views: 200", "views: -1")),
        ("broken front matter", GOOD.replace("views: 200", "views: .inf")),
        ("broken front matter", GOOD.replace("2026-01-31T12", "soon")),
        ("looks like a secret", "# hook\n\nsk-" + "a1B2" * 8),
        ("looks like a secret", "# hook\n\npcsk_" + "a1B2" * 8),
        ("looks like a secret", "# hook\n\nEAA" + "a1B2" * 12),
        ("looks like a secret", "# hook\n\nAKIA" + "A1B2" * 4),
        ("looks like a secret", "# hook\n\n-----BEGIN RSA PRIVATE" + " KEY-----"),
    ],
)
def test_an_unusable_file_is_refused_with_its_reason_and_the_rest_goes_on(
    tmp_path: Path, reason: str, content: str | bytes
) -> None:
    put(tmp_path, "bad.md", content)
    put(tmp_path, "good.md")
    reading = read_library(str(tmp_path))
    assert [(r.source_uri, r.reason) for r in reading.rejects] == [("bad.md", reason)]
    assert [script.script_id for script in reading.scripts] == ["library/slow-onions"]
    assert "a1B2" not in reading.rejects[0].detail


def test_one_id_with_two_texts_keeps_the_first_by_path(tmp_path: Path) -> None:
    put(tmp_path, "a.md")
    put(tmp_path, "b.md", GOOD.replace("second", "third"))
    put(tmp_path, "c.md")
    reading = read_library(str(tmp_path))
    assert [script.source_uri for script in reading.scripts] == ["a.md"]
    assert refusals(tmp_path) == {"b.md": "duplicate id"}


def test_links_that_leave_the_library_are_refused(tmp_path: Path) -> None:
    library = tmp_path / "library"
    put(library, "good.md")
    put(tmp_path, "outside/secret.md", "# From elsewhere")
    (library / "file.md").symlink_to(tmp_path / "outside" / "secret.md")
    (library / "folder").symlink_to(tmp_path / "outside")
    (library / "broken.md").symlink_to(library / "nowhere.md")
    (library / "loop").symlink_to(library)
    (library / "self.md").symlink_to(library / "self.md")
    reading = read_library(str(library))
    assert [script.source_uri for script in reading.scripts] == ["good.md"]
    assert refusals(library) == {
        "file.md": "outside the library",
        "folder": "outside the library",
        "self.md": "unreadable",
    }


def test_what_is_no_regular_file_is_refused_and_never_waited_for(
    tmp_path: Path,
) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    assert refusals(tmp_path) == {"pipe.md": "unreadable"}


def test_other_files_and_hidden_ones_are_left_alone(tmp_path: Path) -> None:
    put(tmp_path, "picture.png", b"\x89PNG\x00")
    put(tmp_path, ".hidden.md", b"\x00")
    put(tmp_path, ".git/x.md", b"\x00")
    reading = read_library(str(tmp_path))
    assert (reading.scripts, reading.rejects) == ((), ())


def test_a_missing_library_is_one_sentence(tmp_path: Path) -> None:
    for read in (read_library, library_fingerprint):
        with pytest.raises(InputError, match="does not exist; create it"):
            read(str(tmp_path / "nowhere"))


def test_the_fingerprint_moves_with_the_files_and_only_then(tmp_path: Path) -> None:
    put(tmp_path, "a.md")
    first = library_fingerprint(str(tmp_path))
    assert library_fingerprint(str(tmp_path)) == first
    put(tmp_path, "b.md")
    second = library_fingerprint(str(tmp_path))
    (tmp_path / "b.md").unlink()
    assert second != first == library_fingerprint(str(tmp_path))


def test_every_script_that_ships_with_the_project_is_accepted() -> None:
    reading = read_library(str(SHIPPED))
    assert reading.rejects == ()
    assert len(reading.scripts) == len(list(SHIPPED.rglob("*.md"))) > 0
    for script in reading.scripts:
        assert all((script.topic, script.hook_style, script.author, script.language))
        assert script.body and script.call_to_action

"""Only what somebody says is the script of a note; what is left out is counted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from ig_assets.core.corpus.scripts.note import plain_blocks
from ig_assets.core.corpus.scripts.notes.blocks import markdown_blocks
from ig_assets.core.corpus.scripts.parse import parse_file
from ig_assets.core.corpus.scripts.script import ParsedScript
from ig_assets.core.corpus.scripts.spoken.spoken import spoken_blocks
from ig_assets_tests.core.corpus.scripts.notes.notes_in_layouts import NOTES_IN_LAYOUTS
from ig_assets_tests.core.corpus.scripts.notes.notes_of_apps import NOTES_OF_APPS
from ig_assets_tests.core.corpus.scripts.notes.notes_of_captions import (
    NOTES_OF_CAPTIONS,
)
from ig_assets_tests.core.corpus.scripts.notes.real_note import RealNote

NOTES = (*NOTES_OF_APPS, *NOTES_IN_LAYOUTS, *NOTES_OF_CAPTIONS)
FILES = Path(__file__).parents[6] / "shared" / "real_files" / "library"


def script_of(path: str, text: str) -> ParsedScript:
    [script] = parse_file(path, text.encode()).scripts
    return script


def parts_of(script: ParsedScript) -> tuple[str, str, str]:
    return script.hook, script.body, script.call_to_action


def left_out_of(script: ParsedScript) -> dict[str, int]:
    return {kind: pieces for kind, pieces, _ in script.left_out}


@pytest.mark.parametrize("note", NOTES, ids=[note.path for note in NOTES])
def test_a_note_gives_its_spoken_words_and_counts_the_rest(note: RealNote) -> None:
    script = script_of(note.path, note.text)
    assert parts_of(script) == (note.hook, note.body, note.call_to_action)
    assert left_out_of(script) == note.left_out


@pytest.mark.parametrize(
    ("name", "parts", "author", "topic"),
    [
        (
            "Onion steam 1f2e3d4c5b6a79880102030405060708.md",
            (
                "Your onions are steaming, not frying",
                "Turn the heat down and give them room in the pan.",
                "Save this for tonight.",
            ),
            None,
            "",
        ),
        (
            "captions.srt",
            ("Your onions are steaming.", "Turn the heat down.", ""),
            None,
            "",
        ),
        (
            "gdoc-plain.md",
            (
                "Your knife is not dull, it is bent.",
                "Two strokes on a steel straighten the edge.",
                "Save this.",
            ),
            None,
            "",
        ),
        (
            "obsidian-author-link.md",
            (
                "Salt first, then wait",
                "Salt draws water out, see why.",
                "Follow for more.",
            ),
            "Mara",
            "salting",
        ),
        (
            "obsidian-author-list.md",
            ("Put the lid on", "It is faster.", ""),
            "Mara, Jonas",
            "lids",
        ),
        ("reel.fountain", ("Your onions are steaming.", "", ""), None, ""),
        ("templater.md", ("Dry your herbs", "Upside down.", ""), None, ""),
        (
            "toml-front.md",
            (
                "Three cuts, one pepper",
                "Cut the top off, stand it up, and follow the ribs.",
                "",
            ),
            None,
            "",
        ),
    ],
)
def test_the_teams_own_notes_are_read(
    name: str, parts: tuple[str, str, str], author: str | None, topic: str
) -> None:
    if not FILES.is_dir():
        pytest.skip("the folder shared/real_files is not here")
    [script] = parse_file(name, (FILES / name).read_bytes()).scripts
    assert parts_of(script) == parts
    assert (script.author, script.topic) == (author, topic)


PLAIN = "# The hook\n\nOne line.\nAnother line.\n\nCTA: Save it.\n"


@pytest.mark.parametrize(
    "noted",
    [
        "---\ntags: [a]\nstatus: draft\n---\n" + PLAIN,
        PLAIN.replace("One line.", "One line. %%why%%"),
        PLAIN.replace("One line.", "One %%why%% line."),
        PLAIN.replace("One line.\n", "One line.\n%% a note %%\n"),
        PLAIN.replace("One line.", "%%\nA note\n\nof two paragraphs.\n%%\n\nOne line."),
        PLAIN.replace("One line.", "<!-- a\n\nb --> One line."),
        PLAIN.replace("# The hook", "# The hook\n\nStatus: Draft\nOwner: Mara"),
        PLAIN.replace("Another line.", "Another line.\n\n> [!note]\n> Not said."),
        PLAIN.replace("Another line.", "Another line. ^id1"),
        PLAIN.replace("One line.", "![[pan.png]]\n\nOne line."),
        PLAIN.replace("One line.", "**One** *line*."),
        PLAIN.replace("One line.", "One [line](https://example.org)."),
        PLAIN + "\n## Notes\n\nask the chef\n\n### Money\n\n400\n",
        PLAIN + "\n**Notes:** ask the chef\n\nand his cook\n",
        PLAIN.replace("One line.", "[B-roll: a pan]\n\nOne line."),
        PLAIN.replace("One line.", "One line [pause]."),
        PLAIN.replace("One line.", "- [ ] film it\n\nOne line."),
    ],
)
def test_a_note_changes_no_word_of_its_script(noted: str) -> None:
    script = script_of("a.md", noted)
    assert script.revision_hash == script_of("a.md", PLAIN).revision_hash


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("[Mara]: hello", "hello"),
        ("    indented words", "indented words"),
        ("Turn it down.\n---\nThen wait.", "Turn it down.\n\nThen wait."),
        ("Idea: salt first.", "Idea: salt first."),
        ("Note: only dry pans.\n\nThen fry.", "Then fry."),
        ("2 < 3 and <3 forever", "2 < 3 and <3 forever"),
        ("snake_case_word and 2 * 3 * 4", "snake_case_word and 2 * 3 * 4"),
        ("1. Cut.\n2. Fry.", "1. Cut.\n2. Fry."),
        ("Save 50%\n\nReally.", "Save 50%\n\nReally."),
        ("Use C++ std::vector now.", "Use C++ std::vector now."),
        ("<p>Words in a tag.</p>", "Words in a tag."),
        ("Go to the shop (cash only).", "Go to the shop (cash only)."),
    ],
)
def test_spoken_words_that_look_like_markup_stay(text: str, body: str) -> None:
    assert script_of("a.md", f"# The hook\n\n{text}\n").body == body


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("a.srt", "1\n00:00:01 --> soon\nWords", "broken captions"),
        (
            "a.srt",
            "1\n00:00:01,000 --> 00:00:02,000\nA\n\nlost words\n",
            "broken captions",
        ),
        ("a.vtt", "WEBVTT\n\nNOTE nothing else\n", "no captions"),
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n[music]\n", "no spoken words"),
        ("a.fountain", "INT. KITCHEN - DAY\n\nSmoke.\n", "no spoken words"),
        ("a.fountain", "MARA\nHello.\n\n/* cut", "open comment"),
        ("a.docx", "not a zip", "broken document"),
        ("a.md", "![[only-a-picture.png]]\n", "no spoken words"),
        ("a.md", "| day | place |\n|---|---|\n| Mon | pan |\n", "no spoken words"),
    ],
)
def test_a_note_whose_words_may_be_lost_is_refused(
    path: str, text: str, reason: str
) -> None:
    [reject] = parse_file(path, text.encode()).rejects
    assert reject.reason == reason


def test_a_picture_larger_than_a_script_is_left_out() -> None:
    picture = "A" * 300_000
    script = script_of("a.md", f"# The hook\n\n![](data:image/png;base64,{picture})\n")
    assert (script.text, left_out_of(script)) == ("The hook", {"image": 1})


@given(
    st.lists(
        st.sampled_from(["# Words", "## More", "Plain words.", "Two:", "", "don't"]),
        max_size=12,
    ).map("\n".join)
)
def test_text_without_markup_is_read_alike_with_and_without_a_parser(text: str) -> None:
    parsed = markdown_blocks(f"{text}\n\n\\* a star", Counter())
    plain = [block for block in plain_blocks(text) if block.text]
    assert parsed[:-1] == spoken_blocks(plain, Counter())


@pytest.mark.parametrize(
    "label", ["Editor notes", "Notes for editor", "Interne Notizen", "Notes internes"]
)
def test_a_label_that_speaks_of_notes_is_one(label: str) -> None:
    text = (
        f"**Hook:** Your pan sings.\n\n**Script:** Turn it down.\n\n**{label}:** Red."
    )
    script = script_of("n.md", text)
    assert (script.hook, script.body) == ("Your pan sings.", "Turn it down.")


COMMENTED = "# Your pan[a] sings.\n\nTurn it down[b].\n\nCTA: Save this.\n\n"


def test_a_google_docs_comment_of_several_paragraphs_is_cut_whole() -> None:
    comments = "[a]Lena: too harsh? The client\n\nmight complain.\nask Jo.\n[b]No\n\nok"
    script = script_of("a.txt", COMMENTED + comments)
    assert parts_of(script) == ("Your pan sings.", "Turn it down.", "Save this.")
    assert left_out_of(script) == {"comment": 2}


def test_a_script_that_goes_on_below_its_comments_is_refused() -> None:
    text = COMMENTED + "[a]Lena: too harsh?\n\n## Script\n\nTurn it up."
    [reject] = parse_file("a.txt", text.encode()).rejects
    assert reject.reason == "open comment"


def test_a_query_of_dataview_within_a_line_is_not_spoken_and_code_in_words_is() -> None:
    text = (
        "# Dry your herbs\n\nType `salt` twice.\n\nDue `= this.due` `$= dv.pages()`\n"
    )
    script = script_of("herbs.md", text)
    assert script.body == "Type salt twice.\n\nDue"
    assert left_out_of(script)["code"] == 2

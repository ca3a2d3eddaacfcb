"""Which words of a note belong to which part of its script."""

from __future__ import annotations

import pytest

from ig_assets.core.corpus.scripts.parse import parse_file


def read(text: str) -> tuple[tuple[str, str, str], dict[str, int]]:
    """The three parts of a note's script, and what is left out of it by kind."""
    [script] = parse_file("a.md", text.encode()).scripts
    left_out = {kind: pieces for kind, pieces, _ in script.left_out}
    return (script.hook, script.body, script.call_to_action), left_out


PARTS = ("Stop ironing.", "Hang them.", "Save this.")


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        (
            "# Reel 12\n\n## Hook: Stop ironing.\n\n## Script: Hang them.\n\n"
            "## Internal: fee 900\n\n### Money\n\nmore of it\n\n## CTA: Save this.\n",
            {"note": 3, "title": 1},
        ),
        (
            "# HOOK: Stop ironing.\n\nHang them.\n\n# CTA: Save this.\n\n"
            "# NOTES: client\n\nfee 900\n",
            {"note": 2},
        ),
        (
            "## Hook\n\nStop ironing.\n\n## Script\n\nHang them.\n\n## CTA: Save this.",
            {},
        ),
        (
            "# Hook: Stop ironing.\n\n## Scene 1: Laundry\n\nHang them.\n\n"
            "## CTA: Save this.",
            {"cue": 1, "heading": 1},
        ),
    ],
)
def test_a_heading_with_words_is_the_label_that_a_paragraph_would_have(
    text: str, left_out: dict[str, int]
) -> None:
    assert read(text) == (PARTS, left_out)


def test_a_list_below_a_hook_in_its_heading_is_the_body() -> None:
    parts, _ = read("# Hook: Stop ironing.\n\n- Hang them.\n- Steam them.\n")
    assert parts == ("Stop ironing.", "- Hang them.\n- Steam them.", "")


@pytest.mark.parametrize("title", ["Idea: salt first", "Intro: Why salt", "Script: X"])
def test_a_first_heading_with_a_colon_stays_the_hook(title: str) -> None:
    assert read(f"# {title}\n\nThen wait.\n")[0] == (title, "Then wait.", "")


@pytest.mark.parametrize(
    "above",
    [
        "## Hook\n\n**Stop ironing.**\n\n## Script",
        "## Hook\n\n### Stop ironing.\n\n## Script",
        "**Hook**\n\n**Stop ironing.**",
    ],
)
def test_a_strong_line_below_the_hooks_heading_is_the_hook(above: str) -> None:
    text = f"{above}\n\nHang them.\n\n## CTA\n\nSave this.\n"
    assert read(text) == (PARTS, {})


def test_a_strong_line_below_a_heading_of_notes_is_a_note() -> None:
    parts, left_out = read("## Notes\n\n**fee 900**\n\n## Hook\n\nStop ironing.\n")
    assert (parts, left_out) == (("Stop ironing.", "", ""), {"note": 1})


@pytest.mark.parametrize(
    "heading",
    [
        "Client",
        "Status",
        "Feedback from client",
        "Approval",
        "Version history",
        "Questions for legal",
        "Old draft",
        "Meeting 3 March",
        "Version 1 (rejected)",
        "Alternative hook",
        "Outtakes",
        "Status: in review",
        "Feedback vom Kunden",
        "Fragen an die Rechtsabteilung",
        "Termin am 3. März",
        "Comentarios del cliente",
        "Historique des versions",
        "Riunione 3 marzo",
        "Versão antiga",
        "Oude versie",
    ],
)
def test_a_heading_about_the_work_on_a_script_is_a_note(heading: str) -> None:
    text = f"# Reel 12\n\n## Hook\n\nStop ironing.\n\nHang them.\n\n## {heading}\n\nfee"
    assert read(text)[0] == ("Stop ironing.", "Hang them.", "")


@pytest.mark.parametrize(
    "line",
    ["Client: can it be free?", "**Client:** can it be free?", "Old version: a day."],
)
def test_what_is_about_work_in_a_heading_may_be_spoken_in_a_line(line: str) -> None:
    said = line.replace("*", "")
    parts, _ = read(f"# Stop ironing.\n\nListen.\n\n{line}\n\nHang them.")
    assert parts == ("Stop ironing.", f"Listen.\n\n{said}\n\nHang them.", "")


@pytest.mark.parametrize(
    ("line", "doubt"),
    [
        ("**The trick**", "Line 5: "),
        ("**The trick**\nWait.", "Line 5: "),
        ("Status: draft", "Line 5: "),
        ("Old version: a day.", "Line 5: "),
        ("**This is said.**", ""),
        ("Myth: salt is bad.", ""),
    ],
)
def test_a_strong_line_or_one_about_the_work_is_spoken_and_a_doubt(
    line: str, doubt: str
) -> None:
    text = f"# Stop ironing.\n\nListen.\n\n{line}\n\nHang them.\n"
    [script] = parse_file("a.md", text.encode()).scripts
    assert line.replace("*", "") in script.body
    details = [found.detail for found in script.left_out]
    assert len(details) == bool(doubt) and "".join(details).startswith(doubt)


@pytest.mark.parametrize(
    "line",
    [
        *("Client feedback: Bob hates it", "**Kundenfeedback:** Bob hates it"),
        *("Feedback from the client: Bob hates it", "Team comments: Bob hates it"),
        *("Comentarios del cliente: Bob hates it", "Retour client: Bob hates it"),
        *("Commenti del cliente: Bob hates it", "Feedback vom Kunden: Bob hates it"),
    ],
)
def test_what_a_client_or_a_team_says_of_a_script_is_a_note(line: str) -> None:
    text = f"# Stop ironing.\n\nListen.\n\n{line}\n\nHang them."
    assert read(text) == (("Stop ironing.", "Listen.\n\nHang them.", ""), {"note": 1})


def test_a_first_heading_beside_a_hook_in_front_matter_is_a_doubt() -> None:
    text = "---\nhook: Stop ironing.\n---\n# March reel 4\n\nHang them.\n"
    [script] = parse_file("a.md", text.encode()).scripts
    assert (script.hook, script.body) == ("Stop ironing.", "March reel 4\n\nHang them.")
    assert script.left_out[0].detail.startswith("Line 4: a heading that names no ")
    same = text.replace("March reel 4", "Stop ironing.")
    assert parse_file("a.md", same.encode()).scripts[0].left_out == ()


def test_words_in_brackets_within_a_sentence_are_named_where_they_are_cut() -> None:
    text = "# Stop ironing.\n\nAsk [the team] first. [zoom in]\n\nThen (smiles) wait.\n"
    [script] = parse_file("a.md", text.encode()).scripts
    assert script.body == "Ask first.\n\nThen wait."
    [cue, asked] = script.left_out
    assert (cue.kind, asked.kind) == ("cue", "cue within a sentence")
    assert asked.detail.startswith("Line 3: words in brackets within a sentence are ")
    assert "the team" not in asked.detail


def test_sources_on_one_line_do_not_swallow_the_words_up_to_the_call() -> None:
    text = "# Stop ironing.\n\nHang them.\n\n**Sources:** my mum\n\nThen wait.\n\n"
    parts, left_out = read(f"{text}CTA: Save this.\n")
    assert parts == ("Stop ironing.", "Hang them.\n\nThen wait.", "Save this.")
    assert left_out == {"cue": 1}
    at_the_end = "# Stop ironing.\n\nCTA: Save this.\n\n**Sources:** my mum\n\nher mum"
    assert read(at_the_end) == (("Stop ironing.", "", "Save this."), {"note": 2})


def test_a_heading_that_names_no_known_part_is_spoken_and_named_as_a_doubt() -> None:
    text = "# Salt first\n\nSalt it.\n\n## What Bob says\n\nBob hates it.\n"
    [script] = parse_file("a.md", text.encode()).scripts
    assert "Bob hates it." in script.body
    [doubt] = script.left_out
    assert (doubt.kind, doubt.pieces) == ("unknown heading", 1)
    assert doubt.detail.startswith("Line 5: a heading that names no known part is ")
    assert "`## Notes`" in doubt.detail and "Bob" not in doubt.detail


@pytest.mark.parametrize(
    "text",
    [
        "# Salt first\n\nSalt it.\n\n## Notes\n\nBob hates it.\n",
        "# Salt first\n\nSalt it.\n\n## Notes\n\nfee\n\n### Client\n\nBob.\n",
        "## Hook\n\nSalt first.\n\n## Script\n\nSalt it.\n\n## Bob\n\nHates it.\n",
        "# Salt first\n\n## Intro\n\nSalt it.\n\n## CTA\n\nSave this.\n",
    ],
)
def test_a_heading_that_is_known_or_left_out_is_no_doubt(text: str) -> None:
    assert "unknown heading" not in read(text)[1]

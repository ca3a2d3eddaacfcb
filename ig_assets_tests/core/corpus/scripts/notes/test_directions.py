"""Stage directions are no words of a script; spoken asides are."""

from __future__ import annotations

import json

import pytest

from ig_assets.core.corpus.scripts.parse import parse_file
from ig_assets.core.corpus.scripts.script import ParsedScript
from ig_assets_tests.core.corpus.scripts.notes.test_docx import (
    document,
    paragraph,
    run,
    table,
)

SAID = "Salt it first. Then wait."


def one(path: str, content: str | bytes) -> ParsedScript:
    data = content.encode() if isinstance(content, str) else content
    contents = parse_file(path, data)
    assert contents.rejects == ()
    [script] = contents.scripts
    return script


def out(script: ParsedScript) -> dict[str, int]:
    return {kind: pieces for kind, pieces, _ in script.left_out}


DIRECTED = (
    "Salt it [zoom in on the pan] first. Then wait.",
    "[Talent looks up, cut to\nthe pan] Salt it first. Then wait.",
    "**[Opening shot: a pan]** Salt it first. Then wait.",
    "Salt it (pause) first. Then wait.",
    "Salt it first. (smiles, then nods) Then wait.",
    "Salt it first. (Text on screen: 3 tips) Then wait.",
    "Salt it first. Then wait. (upbeat music fades out)",
    "Salt it first. (sizzling sounds) Then wait.",
    "Salt it (0:03–0:06) first. Then wait.",
    "Salt it first. (schaut in die Kamera) Then wait.",
    "Salt it first. (mira a cámara) Then wait.",
    "Salt it first. (gros plan sur la poêle) Then wait.",
    "Salt it first. (guarda in camera) Then wait.",
    "Salt it first. (olha para a câmera) Then wait.",
    "*laughs* Salt it first. Then wait.",
    "Salt it first. *Pause.* Then wait.",
    "Salt it first. _(whispers)_ Then wait.",
    "♪ la la la ♪ Salt it first. Then wait.",
    "[Mara]: Salt it first. Then wait.",
    "[VO: Salt it first. Then wait.]",
    "Host (smiling): Salt it first. Then wait.",
    "0:00–0:03 Salt it first. Then wait.",
    "Salt it[1] first. Then wait.",
)


@pytest.mark.parametrize("text", DIRECTED)
def test_a_direction_is_left_out_and_counted_in_a_note(text: str) -> None:
    script = one("a.md", f"# The hook\n\n{text}\n")
    assert (script.body, sum(out(script).values())) == (
        SAID,
        0 if text.startswith("[VO") else 1,
    )


@pytest.mark.parametrize("text", DIRECTED)
def test_a_row_of_a_table_has_the_rule_of_a_note(text: str) -> None:
    row = {"hook": "The [beat] hook", "body": text, "cta": "Save it *(winks)*."}
    script = one("a.jsonl", json.dumps(row))
    parts = (script.hook, script.body, script.call_to_action)
    assert parts == ("The hook", SAID, "Save it.")
    assert out(script)["cue"] >= 2


@pytest.mark.parametrize("text", [t for t in DIRECTED if "*" not in t and "_" not in t])
def test_a_word_document_and_its_tables_have_the_rule_of_a_note(text: str) -> None:
    text = text.replace("\n", " ")
    heading = paragraph(run("The hook"), style="H1")
    script = one("a.docx", document(heading, paragraph(run(text))))
    assert script.body == SAID
    rows = (("VIDEO", "AUDIO"), ("pan", "The hook."), ("pan", text))
    script = one("a.docx", document(table(*rows)))
    assert (script.hook, script.body) == ("The hook.", SAID)


def test_words_in_italics_of_a_word_document_are_emphasis() -> None:
    heading = paragraph(run("The hook"), style="H1")
    said = paragraph(run("laughs", "<w:i/>"), run(" Salt it "), run("first", "<w:i/>"))
    script = one("a.docx", document(heading, said))
    assert (script.body, out(script)) == ("Salt it first", {"cue": 1})


@pytest.mark.parametrize(
    "text",
    [
        "Salt it (yes, really).",
        "Salt it (cut it thin first).",
        "(Seriously?) Salt it (trust me).",
        "(Note that it is hot)",
        "Holds for a week (holds well, too).",
        "Sal (súper, ¿no?).",
        "She laughs at (2024) prices.",
        "At 7:30 in the morning.",
        "Salt it 🎵 and dance 🎵 now.",
    ],
)
def test_a_spoken_aside_stays(text: str) -> None:
    script = one("a.md", f"# The hook\n\n{text}\n")
    assert (script.body, out(script)) == (text, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Just *smile* and wave.", "Just smile and wave."),
        ("Don't *pause*.", "Don't pause."),
        ("*Beat* the eggs.", "Beat the eggs."),
        ("The *music* is everything.", "The music is everything."),
        ("Das ist *super*!", "Das ist super!"),
    ],
)
def test_an_emphasised_word_of_a_sentence_stays(text: str, said: str) -> None:
    script = one("a.md", f"# The hook\n\n{text}\n")
    assert (script.body, out(script)) == (said, {})


def test_labels_in_brackets_name_the_parts_of_a_script() -> None:
    text = (
        "[HOOK – 0:00–0:03]\nYour pan sings. [smiles]\n\n[SCRIPT]\nDry it.\n\n"
        "[CTA: Save this]\n\n[NOTES]\nask Ada\n"
    )
    script = one("a.txt", text)
    parts = (script.hook, script.body, script.call_to_action)
    assert parts == ("Your pan sings.", "Dry it.", "Save this")
    assert out(script) == {"cue": 1, "note": 1}


def test_a_blank_to_fill_in_stays_and_is_reported() -> None:
    script = one("a.md", "# The hook\n\nUse [product name] for [your city].\n")
    assert script.body == "Use [product name] for [your city]."
    [(kind, pieces, detail)] = script.left_out
    assert (kind, pieces) == ("placeholder", 2) and detail.endswith("fill them in.")


@pytest.mark.parametrize(
    ("text", "blanks"),
    [
        ("Meet [client's name] in [your city] now.", 2),
        ("Tell [him/her] the price is [X euros].", 2),
    ],
)
def test_a_blank_inside_a_sentence_leaves_no_hole_in_it(text: str, blanks: int) -> None:
    script = one("a.md", f"# The hook\n\n{text}\n")
    assert (script.body, out(script)) == (text, {"placeholder": blanks})


@pytest.mark.parametrize("label", ["TODO:", "**To do:**", "To-do:"])
def test_a_to_do_is_one_line_and_the_script_goes_on(label: str) -> None:
    text = f"# The hook\n\nSalt it.\n\n{label} reshoot\nThen wait.\n\nFry it.\n"
    script = one("a.md", text)
    assert script.body == "Salt it.\n\nThen wait.\n\nFry it."
    assert out(script) == {"to-do": 1}


def test_a_bracket_that_is_never_closed_refuses_the_script() -> None:
    [reject] = parse_file("a.md", b"# The hook\n\n[zoom in Salt it.\n").rejects
    assert reject.reason == "open bracket"


def test_captions_have_no_sounds_and_no_song() -> None:
    cues = (
        "(door slams) Salt it first.",
        "[upbeat\nmusic]",
        "Then (trust me) wait.",
        "♪ all night long",
        "and day ♪",
        "Then fry (laughs) it. (SIZZLING)",
    )
    text = "\n\n".join(
        f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{cue}" for n, cue in enumerate(cues)
    )
    script = one("a.srt", text)
    assert script.text == "Salt it first.\n\nThen (trust me) wait. Then fry it."
    assert out(script) == {"sound": 6}


def test_a_screenplay_has_no_parentheticals_wherever_they_stand() -> None:
    speech = "MARA (CONT'D)\n(calm,\nto Jonas)\nSalt it (laughs) first.\n[beat]\n(MORE)"
    script = one("a.fountain", f"{speech}\n\nJONAS\nThen wait (really).\n")
    assert script.text == "Salt it first.\n\nThen wait (really)."
    assert out(script) == {"parenthetical": 4, "speaker": 2}


def test_what_html_does_not_show_is_left_out() -> None:
    hidden = '<div style="display: none">secret <div>x</div> y</div>'
    script = one("a.md", f"# The hook\n\n{hidden}\n\nSalt it<i hidden>, z</i>.\n")
    assert (script.body, out(script)) == ("Salt it.", {"hidden text": 2})


def test_links_alone_and_their_heading_lead_elsewhere() -> None:
    text = (
        "# The hook\n\nSee [[Osmosis|why]] and [this](https://x.org).\n\n"
        "## Worth a look\n\n- [[Note A]]\n- [b](https://x.org)\n\n"
        "## Related\n\nall of the old ones\n"
    )
    script = one("a.md", text)
    assert script.body == "See why and this."
    assert out(script) == {"heading": 1, "link": 2, "note": 1}


@pytest.mark.parametrize(
    "lines",
    [
        ("Monday: No phone in bed.", "Tuesday: No phone.", "Monday: Again."),
        ("Iron: heavy but loyal.", "Steel: light but cold.", "Iron: wins."),
        (
            "Mistake: Hot oil.",
            "Fix: Cold oil.",
            "Mistake: Salt.",
            "Fix: None.",
            "Fix: All.",
        ),
        (
            "Error: Hot oil.",
            "Cura: Cold oil.",
            "Error: A.",
            "Error: B.",
            "Cura: C.",
            "Cura: D.",
        ),
    ],
)
def test_words_before_a_colon_that_may_be_no_names_stay(lines: tuple[str, ...]) -> None:
    text = "\n\n".join(lines)
    script = one("a.md", f"# The hook\n\n{text}\n")
    assert (script.body, out(script)) == (text, {})


def test_the_names_of_a_dialogue_go_though_a_tip_is_in_it() -> None:
    text = "Mara: Salt it.\n\nJo: Why?\n\nMara: Taste.\n\nTip: Wait.\n"
    script = one("a.md", f"# The hook\n\n{text}")
    assert script.body == "Salt it.\n\nWhy?\n\nTaste.\n\nTip: Wait."
    assert out(script) == {"speaker": 3}


ROWS = (("Sprecher", "Text"), ("MARA", "Salt it."), ("JO", "Why?"))


def test_a_column_of_speakers_beside_their_words_is_no_speech() -> None:
    lines = [f"| {' | '.join(row)} |" for row in (ROWS[0], ("-", "-"), *ROWS[1:])]
    heading = paragraph(run("The hook"), style="H1")
    for script in (
        one("a.md", "# The hook\n\nHook: Look.\n\n" + "\n".join(lines)),
        one("a.docx", document(heading, paragraph(run("Hook: Look.")), table(*ROWS))),
    ):
        assert (script.hook, script.body) == ("Look.", "Salt it.\n\nWhy?")
        assert out(script)["speaker"] == 2


def test_short_words_in_a_column_of_speech_are_no_names() -> None:
    table = "| Voiceover | Text |\n|---|---|\n| Salt it | SALT |\n| Then wait | WAIT |"
    script = one("a.md", f"# The hook\n\nHook: Look.\n\n{table}")
    assert "Salt it" in script.body and "Then wait" in script.body


BESIDE = (
    ("Visual: pan, close-up\nSalt it first.\n\nVO: Then wait.", {"cue": 1}),
    ("B-roll: pan\nSalt it first.\n\nVO: Then wait.", {"cue": 1}),
    ("0:00 - 0:03\nVisual: pan\nSalt it first.\n\nVO: Then wait.", {"cue": 1}),
    ("VO: Salt it first.\nTEXT: salt first\nThen wait.", {"cue": 1}),
    ("VISUAL: a pan\nand a lid\n\nVO: Salt it first.\n\nVO: Then wait.", {"cue": 1}),
    ("Visual: pan,\nLid\n\nVO: Salt it first.\n\nVO: Then wait.", {"cue": 1}),
)


@pytest.mark.parametrize(("text", "expected"), BESIDE)
def test_a_line_beside_a_cue_is_spoken_and_one_that_goes_on_with_it_is_not(
    text: str, expected: dict[str, int]
) -> None:
    script = one("a.md", f"# The pan\n\n{text}\n")
    assert " ".join(script.text.split()) == SAID
    assert out(script)["cue"] == expected["cue"]


@pytest.mark.parametrize(
    "label", ["on-screen text", "Text overlay", "Einblendung", "texto en pantalla"]
)
@pytest.mark.parametrize("brackets", ["({})", "[{}]", "[{}]:"])
def test_quoted_words_behind_what_shows_them_are_seen_and_not_said(
    label: str, brackets: str
) -> None:
    shown = brackets.format(label) + ' "Salt first"'
    script = one("a.md", f'# The pan\n\n{shown}\n(leaning in) "{SAID}"\n')
    assert script.body == f'"{SAID}"'
    assert out(script) == {"cue": 2}


@pytest.mark.parametrize(
    "footer",
    [
        *("*Last edited by Anna Meyer on 3 March 2026*", "Last updated: 2026-03-01"),
        *("Zuletzt bearbeitet von Anna", "Dernière modification le 3 mars"),
    ],
)
def test_who_edited_a_page_last_is_not_spoken(footer: str) -> None:
    assert one("a.md", f"# The pan\n\n{SAID}\n\n{footer}\n").body == SAID
    said = one("a.md", "# The pan\n\nLast edited films win. Then wait.\n")
    assert said.body == "Last edited films win. Then wait."


def test_names_in_capitals_above_what_they_say_are_speakers_where_they_take_turns() -> (
    None
):
    lines = "ANNA\nSalt it first.\n\nBEN\nThen wait.\n\nANNA\nThen fry."
    script = one("a.md", f"# The pan\n\n{lines}\n")
    assert script.body.split("\n\n") == ["Salt it first.", "Then wait.", "Then fry."]
    assert out(script) == {"speaker": 3}
    alone = one("a.md", "# The pan\n\nSALT\nUse it first.\n\nOIL\nThen wait.\n")
    assert "SALT" in alone.body and "OIL" in alone.body

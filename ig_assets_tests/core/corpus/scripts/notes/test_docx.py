"""A Word document gives the words that its page shows, and nothing behind them."""

from __future__ import annotations

import io
import zipfile

import pytest

from ig_assets.core.corpus.scripts.parse import FileContents, parse_file

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def run(text: str, look: str = "") -> str:
    return f"<w:r><w:rPr>{look}</w:rPr><w:t xml:space='preserve'>{text}</w:t></w:r>"


def paragraph(*runs: str, style: str = "") -> str:
    look = f"<w:pPr><w:pStyle w:val='{style}'/></w:pPr>" if style else ""
    return f"<w:p>{look}{''.join(runs)}</w:p>"


def table(*rows: tuple[str, ...]) -> str:
    cells = [
        "".join(f"<w:tc>{paragraph(run(cell))}</w:tc>" for cell in row) for row in rows
    ]
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def document(*body: str, prolog: str = "", comments: str = "") -> bytes:
    """A .docx with these paragraphs and tables."""
    styles = "".join(
        f"<w:style w:styleId='{key}'><w:name w:val='{name}'/></w:style>"
        for key, name in (
            ("H1", "heading 1"),
            ("T", "Title"),
            ("berschrift2", "heading 2"),
        )
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as parts:
        joined = "".join(body)
        parts.writestr(
            "word/document.xml",
            f"{prolog}<w:document {_W}><w:body>{joined}</w:body></w:document>",
        )
        parts.writestr("word/styles.xml", f"<w:styles {_W}>{styles}</w:styles>")
        if comments:
            inside = f"<w:comment>{paragraph(run(comments))}</w:comment>"
            parts.writestr(
                "word/comments.xml", f"<w:comments {_W}>{inside}</w:comments>"
            )
    return file.getvalue()


def read(*body: str, **more: str) -> tuple[tuple[str, str, str], dict[str, int]]:
    [script] = parse_file("a.docx", document(*body, **more)).scripts
    left_out = {kind: pieces for kind, pieces, _ in script.left_out}
    return (script.hook, script.body, script.call_to_action), left_out


def test_styles_labels_and_tracked_changes_are_read_as_the_page_shows_them() -> None:
    parts, left_out = read(
        paragraph(run("Your pan "), run("is wet", "<w:b/>"), style="T"),
        paragraph(
            run("Dry it "),
            f"<w:del>{run('badly')}</w:del>",
            f"<w:ins>{run('well')}</w:ins>",
            run(" with cloth", "<w:strike/>"),
            run(" secret", "<w:vanish/>"),
            run("."),
        ),
        paragraph("<w:r><w:drawing/></w:r>"),
        paragraph(f"<w:hyperlink>{run('Then salt it.')}</w:hyperlink>"),
        paragraph(run("CTA:", "<w:b/>"), run(" Save this.")),
        paragraph(run("Notizen"), style="berschrift2"),
        paragraph(run("ask the chef")),
        comments="the client hates cloth",
    )
    assert parts == ("Your pan is wet", "Dry it well.\n\nThen salt it.", "Save this.")
    assert left_out == {
        "comment": 1,
        "deleted text": 1,
        "hidden text": 1,
        "image": 1,
        "note": 1,
        "struck out": 1,
    }


def test_of_a_script_in_two_columns_the_spoken_one_is_the_script() -> None:
    parts, left_out = read(
        paragraph(run("Reel 12 for the client"), style="H1"),
        table(
            ("VIDEO", "AUDIO"),
            ("Close-up: pan", "Your pan is wet. Look."),
            ("Towel", "Dry it."),
            ("Logo", ""),
        ),
    )
    assert parts == ("Your pan is wet.", "Look.\n\nDry it.", "")
    assert left_out == {"cue": 3, "title": 1}


def test_bold_lines_are_headings() -> None:
    parts, left_out = read(
        paragraph(run("Hook", "<w:b/>")),
        paragraph(run("Your pan is wet.")),
        paragraph(run("Skript:", "<w:b/>")),
        paragraph(run("Dry it.")),
        paragraph(run("B-Roll:", "<w:b/>"), run(" a towel")),
    )
    assert (parts, left_out) == (("Your pan is wet.", "Dry it.", ""), {"cue": 1})


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04cut",
        document(paragraph(run("x")))[:-40],
        document(paragraph(run("&x;")), prolog='<!DOCTYPE d [<!ENTITY x "lol">]>'),
        document("<w:p>"),
    ],
)
def test_a_document_that_cannot_be_trusted_is_refused(content: bytes) -> None:
    contents: FileContents = parse_file("a.docx", content)
    assert [reject.reason for reject in contents.rejects] == ["broken document"]


def test_a_document_without_its_text_is_no_script() -> None:
    [reject] = parse_file("a.docx", document(comments="only this")).rejects
    assert (reject.reason, reject.detail) == (
        "no spoken words",
        "Nothing in it is spoken; left out are: comment 1.",
    )

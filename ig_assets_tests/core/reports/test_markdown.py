"""No text of a file or a person becomes markup of a page."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from ig_assets.core.reports.markdown import plain_markdown

PAGE = MarkdownIt("commonmark", {"html": True}).enable("table")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![pixel](https://tracker.example/p.png)",
        "[click](javascript:alert(1))",
        "[label]: https://tracker.example",
        "a | b | c",
        "two\nlines\r\n\n# heading",
        "`code` \\| \\[x](y)",
        "AT&T &lt;b&gt; 5 < 6",
    ],
)
def test_a_text_of_data_is_shown_as_it_is_and_is_no_markup(text: str) -> None:
    table = f"| a | b |\n|---|---|\n| {plain_markdown(text)} | end |\n"
    tokens = [
        token
        for block in PAGE.parse(table)
        for token in (block, *(block.children or ()))
    ]
    kinds = {token.type for token in tokens}
    assert not kinds & {"html_inline", "html_block", "image", "link_open", "heading"}
    assert not kinds & {"code_inline"}
    cells = [t for t, u in zip(tokens, tokens[1:]) if t.type == "td_open"]
    assert len(cells) == 2
    shown = [block.children for block in PAGE.parse(table) if block.type == "inline"]
    said = "".join(child.content for child in shown[2] or ())
    assert said == " ".join(text.split())

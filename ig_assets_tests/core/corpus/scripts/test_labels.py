"""Labels get one spelling, and an unknown label costs no script."""

from __future__ import annotations

from pathlib import Path

import pytest

from ig_assets.core.corpus.label_report import (
    scripts_with_invalid_language,
    unknown_styles,
)
from ig_assets.core.corpus.scripts.labels import (
    hook_style_of,
    language_name,
    language_of,
)
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory

KNOWN = ("question", "bold_claim", "story", "how_to")


@pytest.mark.parametrize(
    ("label", "style"),
    [
        ("story", "story"),
        ("Bold Claim", "bold_claim"),
        (" How-To ", "how_to"),
        ("before / after", "before_/_after"),
        ("POV__shot", "pov_shot"),
        ("", ""),
    ],
)
def test_a_hook_style_is_lower_case_with_underscores(label: str, style: str) -> None:
    assert hook_style_of(label) == style


@pytest.mark.parametrize(
    ("label", "tag"),
    [
        ("en", "en"),
        ("EN-us", "en-US"),
        ("pt_br", "pt-BR"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("de-1996", "de-1996"),
        ("gsw", "gsw"),
        ("english", "en"),
        ("Deutsch", "de"),
        ("Español", "es"),
        ("no", "no"),
        ("", ""),
        ("Klingon", None),
        ("the usual", None),
        ("e", None),
        ("en-", None),
        ("en/us", None),
        ("12", None),
    ],
)
def test_a_language_is_a_tag_or_none(label: str, tag: str | None) -> None:
    assert language_of(label) == tag


def test_a_language_code_has_an_english_name() -> None:
    assert [language_name(code) for code in ("de", "SV", "tlh", "pt-BR")] == [
        *["German", "Swedish", "tlh", "pt-BR"]
    ]


def test_an_unknown_language_is_null_and_the_script_is_accepted(tmp_path: Path) -> None:
    corpus = CorpusFactory(tmp_path)
    corpus.write("bad.md", hook="One.", language="Klingon", hook_style="Bold Claim")
    corpus.write("good.md", hook="Two.", language="EN-us")
    corpus.write("none.md", hook="Three.")
    assert corpus.sync().new == 3
    languages = {r["source_uri"]: r["language"] for r in corpus.active().values()}
    assert languages == {"bad.md": None, "good.md": "en-US", "none.md": ""}
    assert {r["hook_style"] for r in corpus.active().values()} == {"bold_claim", ""}
    with corpus.warehouse.transaction() as con:
        [found] = scripts_with_invalid_language(con)
    assert found == {"script_id": "library/bad", "source_uri": "bad.md"}
    assert corpus.sync().unchanged == 3, "a NULL language is not a change at every sync"
    corpus.embed()
    corpus.sync_index()
    assert len(corpus.indexed()) == 3

    corpus.write("bad.md", hook="One.", language="tlh", hook_style="Bold Claim")
    corpus.sync()
    with corpus.warehouse.transaction() as con:
        assert scripts_with_invalid_language(con) == []


def test_a_style_of_one_script_or_nearly_a_known_one_is_doubtful(
    tmp_path: Path,
) -> None:
    corpus = CorpusFactory(tmp_path)
    styles = ["story", "pov shot", "POV-shot", "questoin", "questoin", "rant"]
    for number, style in enumerate(styles):
        corpus.write(f"{number}.md", hook=f"Hook {number}.", hook_style=style)
    corpus.sync()
    with corpus.warehouse.transaction() as con:
        found = {row["hook_style"]: row for row in unknown_styles(con, KNOWN)}
    assert found.keys() == {"pov_shot", "questoin", "rant"}
    assert not found["pov_shot"]["is_doubtful"] and found["pov_shot"]["scripts"] == 2
    assert found["questoin"]["looks_like"] == "question"
    assert found["questoin"]["is_doubtful"] and found["rant"]["is_doubtful"]

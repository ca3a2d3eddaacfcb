"""A library script that changes its author or its file is found by the earlier name."""

from __future__ import annotations

from pathlib import Path

import pytest

from ig_assets.core.corpus.queries import by_another_now, scripts_by_author
from ig_assets.core.forgetting.named import named_scripts
from ig_assets.core.reports.lineage.answer import all_of_author, answer_lineage
from ig_assets.core.reports.lineage.names import script_named
from ig_assets.errors import InputError
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory


def changed_author(corpus: CorpusFactory, *hooks: str) -> None:
    """The script `a` by jonas, then by zed, with these hooks; `b` by jonas stays."""
    corpus.write("b.md", hook="Another one.", id="b", author="Jonas")
    for hook, author in zip(hooks, ("jonas", "zed"), strict=True):
        corpus.write("a.md", hook=hook, id="a", author=author)
        corpus.sync()
        corpus.clock.step(days=1)


def test_a_script_by_another_author_now_is_reached_and_said(
    corpus: CorpusFactory,
) -> None:
    changed_author(corpus, "Before.", "After.")
    with corpus.warehouse.transaction() as con:
        assert named_scripts(con, [], "jonas", script_named) == [
            "library/a",
            "library/b",
        ]
        marked = by_another_now(scripts_by_author(con, " jonas "), " jonas ")
        assert marked == {"library/a": "by zed now; its earlier words were by jonas"}
        subject = all_of_author(con, "jonas")
        said = answer_lineage(con, subject, ("down",)).sentence
        theirs = answer_lineage(con, all_of_author(con, "ZED"), ("down",)).sentence
    assert [i for _, i in subject.nodes] == ["library/a", "library/b"]
    assert said is not None and said.endswith(
        "1 of them is not by this author now: library/a (by zed now; its earlier words "
        "were by jonas)."
    )
    assert theirs is not None and "not by this author" not in theirs


def test_the_words_of_a_changed_label_are_by_the_author_that_it_names(
    corpus: CorpusFactory,
) -> None:
    changed_author(corpus, "The same.", "The same.")
    with corpus.warehouse.transaction() as con:
        assert named_scripts(con, [], "jonas", script_named) == ["library/b"]
        assert all_of_author(con, "jonas").nodes == (("script", "library/b"),)
        assert named_scripts(con, [], "zed", script_named) == ["library/a"]


def test_words_that_came_back_are_by_the_author_of_that_day(
    corpus: CorpusFactory,
) -> None:
    changed_author(corpus, "Before.", "After.")
    corpus.write("a.md", hook="Before.", id="a", author="jonas")
    corpus.sync()
    with corpus.warehouse.transaction() as con:
        assert by_another_now(scripts_by_author(con, "jonas"), "jonas") == {}
        assert list(by_another_now(scripts_by_author(con, "zed"), "zed")) == [
            "library/a"
        ]

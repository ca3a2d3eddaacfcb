"""A library script that changes its author or its file is found by the earlier name."""

from __future__ import annotations

import pytest

from ig_assets.core.corpus.queries import by_another_now, scripts_by_author
from ig_assets.core.forgetting.traces.named import named_scripts
from ig_assets.core.reports.lineage.answer import (
    all_of_author,
    answer_lineage,
    one_thing,
    plain_sentence,
)
from ig_assets.core.reports.lineage.names import resolve, script_named
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


@pytest.mark.parametrize("vanishes", [False, True])
def test_a_script_is_found_by_the_name_that_its_file_had(
    corpus: CorpusFactory, vanishes: bool
) -> None:
    path = corpus.write("less-chain-oil.md", hook="The same words.", id="own")
    corpus.sync()
    path.unlink()
    if vanishes:
        corpus.sync()
    for name in ("chain.md", "past/chain-drop.md"):
        corpus.write(name, hook="The same words.", id="own")
        change = corpus.sync()
        assert (change.new, change.retired) == (0, 0)
        corpus.library.joinpath(name).unlink()
    corpus.write(name, hook="The same words.", id="own")
    assert corpus.sync().unchanged == 1
    with corpus.warehouse.transaction() as con:
        for name in ("less-chain-oil.md", "Chain.md", "less-ch", "chain-drop"):
            assert resolve(con, name, "script") == ("script", "library/own")
            assert named_scripts(con, [name], "", script_named) == ["library/own"]
        said = answer_lineage(con, one_thing(con, "less-chain-oil.md"), ("up",))
    assert said.renamed == (
        "Its file is past/chain-drop.md now; before it was chain.md, less-chain-oil.md."
    )
    assert plain_sentence(said).startswith(said.renamed)


def test_a_file_that_is_renamed_with_new_words_is_found_too(
    corpus: CorpusFactory,
) -> None:
    corpus.write("old.md", hook="Before.", id="own")
    corpus.sync()
    (corpus.library / "old.md").unlink()
    corpus.write("new.md", hook="After.", id="own")
    assert corpus.sync().changed == 1
    with corpus.warehouse.transaction() as con:
        said = answer_lineage(con, one_thing(con, "old.md"), ("up",)).renamed
    assert said == "Its file is new.md now; before it was old.md."


def test_a_name_that_another_file_has_now_is_that_files(corpus: CorpusFactory) -> None:
    corpus.write("oil.md", hook="The same words.", id="own")
    corpus.sync()
    (corpus.library / "oil.md").rename(corpus.library / "chain.md")
    corpus.sync()
    corpus.write("oil.md", hook="Other words.", id="other")
    corpus.sync()
    with corpus.warehouse.transaction() as con:
        assert script_named(con, "oil.md") == "library/other"
        assert script_named(con, "chain.md") == "library/own"


def test_a_file_without_an_id_is_said_by_its_new_id(corpus: CorpusFactory) -> None:
    path = corpus.write("old.md", hook="The same words.")
    corpus.sync()
    for name in ("newer.md", "newest.md"):
        path = path.rename(corpus.library / name)
        corpus.sync()
        corpus.clock.step(days=1)
    with corpus.warehouse.transaction() as con:
        old = answer_lineage(con, one_thing(con, "old.md"), ("up",))
        new = answer_lineage(con, one_thing(con, "newest.md"), ("up",))
    assert old.renamed == "Its file was renamed: it is library/newest now."
    assert new.renamed is None

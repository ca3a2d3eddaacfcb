"""No order of exports and no change of names gives a test a false winner."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest

from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.errors import InputError
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.core.corpus.history_import.identity.test_file_posts import load

HEADER = "test_id,variant,headline,impressions,clicks,date\n"
Counts = tuple[tuple[int, int], ...]
WON = ((160, 5000), (80, 5000))
CORRECTED = ((100, 5000), (80, 5000))


def rows(
    test: str, counts: Counts, *, arms: str = "AB", day: str = "2026-01-05"
) -> str:
    """The rows of one test; its arms' words are those of the position."""
    return "".join(
        f"{test},{'' if arm == '-' else arm},Words {n} of it,{trials},{events},{day}\n"
        for n, (arm, (events, trials)) in enumerate(zip(arms, counts, strict=False))
    )


def take_in(corpus: CorpusFactory, name: str, content: str, **options: Any) -> Any:
    corpus.clock.step(days=1)
    report = load(corpus, HEADER + content, name, **options)
    update_results(corpus.warehouse, corpus.clock)
    return report


def winners(corpus: CorpusFactory) -> list[tuple[str, str]]:
    return [
        (test, arm)
        for test, arm in corpus.rows(
            "SELECT e.intent_key, w.winner_arm FROM usable_winners AS w "
            "JOIN experiments AS e ON e.experiment_id = w.experiment_id ORDER BY 1"
        )
    ]


def test_an_older_export_never_brings_back_a_winner_that_was_corrected(
    corpus: CorpusFactory,
) -> None:
    january = rows("T1", WON)
    march = rows("T1", CORRECTED) + rows(
        "T2", ((60, 5000), (60, 5000)), day="2026-03-05"
    )
    february = rows("T1", WON) + rows("T3", ((50, 5000), (50, 5000)), day="2026-02-05")
    take_in(corpus, "e-01.csv", january)
    assert winners(corpus) == [("T1", "A")]
    for name, content in (("03", march), ("02", february), ("01", january)):
        report = take_in(corpus, f"e-{name}.csv", content)
        assert winners(corpus) == [], name
    assert "kept as history" in str(report.notes)


def test_higher_counts_than_later_ones_in_an_older_file_are_asked_about(
    corpus: CorpusFactory,
) -> None:
    march = rows("T1", CORRECTED) + rows(
        "T2", ((60, 5000), (60, 5000)), day="2026-03-05"
    )
    take_in(corpus, "e-03.csv", march)
    before = corpus.everything()
    with pytest.raises(InputError, match="of 1 of its posts are higher") as asked:
        take_in(corpus, "e-01.csv", rows("T1", WON))
    assert corpus.everything() == before
    history, newest = re.findall(r"--as-of (\S+)", str(asked.value))
    take_in(corpus, "e-01.csv", rows("T1", WON), as_of=datetime.fromisoformat(history))
    assert winners(corpus) == []
    take_in(corpus, "e-01.csv", rows("T1", WON), as_of=datetime.fromisoformat(newest))
    assert winners(corpus) == [("T1", "A")]


@pytest.mark.parametrize("day", ["2026-01-05", ""])
def test_an_older_file_by_mistake_is_asked_about_before_it_costs_a_winner(
    corpus: CorpusFactory, day: str
) -> None:
    new, old = ((130, 5000), (88, 5000)), ((60, 2500), (46, 2500))
    take_in(corpus, "e.csv", rows("T1", new, day=day))
    assert winners(corpus) == [("T1", "A")]
    with pytest.raises(InputError, match="differ: 2, and all of them") as asked:
        take_in(corpus, "e.csv", rows("T1", old, day=day))
    history, _ = re.findall(r"--as-of (\S+)", str(asked.value))
    at = datetime.fromisoformat(history)
    take_in(corpus, "e.csv", rows("T1", old, day=day), as_of=at)
    assert winners(corpus) == [("T1", "A")]


def test_a_count_that_fell_is_said_where_the_file_has_times_of_reading_too(
    corpus: CorpusFactory,
) -> None:
    header = HEADER.replace("\n", ",as_of\n")
    for month, events, notes in (("02", 130, 0), ("03", 120, 1)):
        row = f"T1,A,One,5000,{events},2026-01-05,2026-{month}-01\n"
        row += f"T1,B,Two,5000,88,2026-01-05,2026-{month}-01\n"
        report = load(corpus, header + row, "e.csv")
        fell = [note for note in report.notes if "counter that fell: 1." in note]
        assert len(fell) == notes


def test_counts_of_a_post_of_the_account_are_never_an_arms(
    corpus: CorpusFactory,
) -> None:
    test = rows("T1", ((100, 5000), (60, 5000)), arms="--")
    site = HEADER.replace("test_id,variant,", "") + (
        "Words 0 of it,90000,100,2026-01-05\nAnother post,9000,100,2026-03-08\n"
    )
    load(corpus, site, "site.csv")
    with pytest.raises(InputError, match="shares posts with source site") as asked:
        take_in(corpus, "tests.csv", test)
    sources = re.findall(r"--source (\S+)", str(asked.value))
    assert sources == ["site", "tests"]
    for source in sources:
        take_in(corpus, "tests.csv", test, source=source)
    finals = "SELECT DISTINCT trials, events FROM final_readings WHERE trials = 5000"
    assert len(corpus.rows(finals)) == 2
    assert corpus.rows("SELECT count(*) FROM final_readings WHERE trials = 90000") == [
        (0,)
    ]


def test_a_lone_arm_takes_no_counts_of_a_post_of_the_account(
    corpus: CorpusFactory,
) -> None:
    load(corpus, HEADER + rows("T1", ((60, 5000),)), "ads.csv", source="ads")
    site = HEADER.replace("test_id,variant,", "") + (
        "Words 0 of it,90000,100,2026-01-05\n"
    )
    load(corpus, site, "site.csv", source="ads")
    load(corpus, HEADER + rows("T1", ((61, 5000), (100, 5000))), source="ads")
    assert corpus.rows(
        "SELECT events FROM final_readings WHERE arm IN ('A', 'B') ORDER BY arm"
    ) == [(61,), (100,)]


def test_of_a_test_with_an_undecided_arm_none_is_taken(corpus: CorpusFactory) -> None:
    def same_words(*counts: tuple[int, int]) -> str:
        return rows("T1", counts, arms="---").replace("Words 1", "Words 0")

    take_in(corpus, "m.csv", same_words((60, 2500), (58, 2500), (60, 2500)))
    other = rows("T2", ((50, 2500), (51, 2500)))
    grown = same_words((165, 5000), (160, 5000), (190, 5000))
    report = take_in(corpus, "m.csv", grown + other)
    assert (report.imported, report.rejected) == (2, 3)
    assert "or their test" in report.rejects_sample[0].detail
    assert winners(corpus) == []


def test_of_a_test_with_an_arm_of_other_words_none_is_taken(
    corpus: CorpusFactory,
) -> None:
    take_in(corpus, "m.csv", rows("T1", ((60, 2500), (60, 2500))))
    edited = rows("T1", ((190, 5000), (160, 5000))).replace("Words 1", "Other words")
    report = take_in(corpus, "m.csv", edited + rows("T2", ((50, 2500), (51, 2500))))
    assert (report.imported, report.rejected) == (2, 2)
    assert winners(corpus) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [("--", "AB"), ("ab", "AB"), ("AB", "CD"), ("AB", "--")],
)
def test_another_name_of_an_arm_leaves_the_arm(
    corpus: CorpusFactory, before: str, after: str
) -> None:
    take_in(corpus, "e.csv", rows("T1", ((130, 5000), (60, 5000)), arms=before))
    [won] = winners(corpus)
    report = take_in(corpus, "e.csv", rows("T1", ((140, 5400), (66, 5400)), arms=after))
    assert (report.rejected, winners(corpus)) == (0, [won])
    assert corpus.rows("SELECT count(*), max(trials) FROM final_readings") == [
        (2, 5400)
    ]


def test_another_name_of_arms_with_the_same_words_is_asked_about(
    corpus: CorpusFactory,
) -> None:
    def same_words(arms: str, *counts: tuple[int, int]) -> str:
        return rows("T1", counts, arms=arms).replace("Words 1", "Words 0")

    take_in(corpus, "e.csv", same_words("AB", (130, 5000), (60, 5000)))
    won = winners(corpus)
    other = rows("T2", ((50, 2500), (51, 2500)))
    report = take_in(corpus, "e.csv", same_words("CD", (140, 5400), (66, 5400)) + other)
    assert (report.imported, report.rejected) == (2, 2)
    assert winners(corpus) == won


def test_another_accounts_file_of_the_same_name_is_asked_about(
    corpus: CorpusFactory,
) -> None:
    take_in(corpus, "export.csv", rows("1", ((130, 5000), (60, 5000)), arms="--"))
    won = winners(corpus)
    others = rows("1", ((300, 5000), (100, 5000)), arms="--").replace("Words", "Mots")
    with pytest.raises(InputError, match=r"names \(1\) with source export.*NAME"):
        take_in(corpus, "export.csv", others)
    assert winners(corpus) == won
    take_in(corpus, "export.csv", others, source="agency")
    assert corpus.rows("SELECT count(*) FROM experiments") == [(2,)]


@pytest.mark.parametrize(
    "known, again", [("1", "1.0"), ("1.0", "1"), ("\u00e9", "e\u0301")]
)
def test_another_spelling_of_a_test_is_the_same_test(
    corpus: CorpusFactory, known: str, again: str
) -> None:
    take_in(corpus, "e.csv", rows(known, ((130, 5000), (88, 5000))))
    report = take_in(corpus, "e.csv", rows(again, ((131, 5010), (89, 5010))))
    assert (report.known_experiments, report.experiments) == (1, 1)
    assert winners(corpus) == [(known, "A")]


@pytest.mark.parametrize("name", ["e.csv", "f.csv"])
@pytest.mark.parametrize("test", ["t1", "T1 (ended)"])
def test_a_known_test_under_another_id_is_asked_about(
    corpus: CorpusFactory, test: str, name: str
) -> None:
    take_in(corpus, "e.csv", rows("T1", ((130, 5000), (88, 5000))))
    renamed = rows(test, ((131, 5010), (89, 5010)))
    with pytest.raises(InputError, match="write T1 in the file.*--source [ef]"):
        take_in(corpus, name, renamed)
    assert winners(corpus) == [("T1", "A")]
    take_in(corpus, name, renamed, source="other")
    assert len(winners(corpus)) == 2


def test_a_file_with_tests_of_two_sources_is_to_be_split(corpus: CorpusFactory) -> None:
    for month, test in (("jan", "T2"), ("mar", "T4")):
        content = rows(test, ((130, 5000), (88, 5000))).replace("Words", month)
        take_in(corpus, f"{month}.csv", content)
    both = "".join(
        rows(test, ((131, 5010), (89, 5010))).replace("Words", month)
        for month, test in (("jan", "T2"), ("mar", "T4"))
    )
    with pytest.raises(InputError, match="Split the file") as asked:
        take_in(corpus, "feb.csv", both)
    assert "T2 of jan" in str(asked.value) and "T4 of mar" in str(asked.value)

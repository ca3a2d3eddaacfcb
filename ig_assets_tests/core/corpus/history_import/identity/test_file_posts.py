"""A post is known by its vendor's name, and several rows of it are its readings."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ig_assets.core.corpus.history_import.identity.vendor_names import plain_permalink
from ig_assets.core.corpus.history_import.importer import ImportReport
from ig_assets.errors import InputError, NothingTakenError
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.core.corpus.history_import import imports
from ig_assets_tests.core.corpus.history_import.imports import put

REAL = Path(__file__).parents[6] / "shared" / "real_files"
needs_real_files = pytest.mark.skipif(
    not REAL.exists(), reason="the folder of real files is not here"
)
HEADER = "post_id,permalink,caption,thumbnail,posted_on,views,likes\n"


def load(
    corpus: CorpusFactory, content: str | Path, name: str = "posts.csv", **options: Any
) -> ImportReport:
    file = content if isinstance(content, Path) else put(corpus.folder, content, name)
    return imports.load(corpus, file, **{"by_name": True, **options})


def latest(corpus: CorpusFactory, metric: str = "views") -> list[float]:
    return [
        value
        for (value,) in corpus.rows(
            f"SELECT value FROM latest_readings WHERE metric = '{metric}' ORDER BY 1"
        )
    ]


def count(corpus: CorpusFactory, table: str) -> int:
    return int(corpus.rows(f"SELECT count(*) FROM {table}")[0][0])


@pytest.mark.parametrize(
    ("link", "plain"),
    [
        ("https://www.instagram.com/reel/AAA1/?utm_source=x", "instagram.com/AAA1"),
        ("instagram.com/p/AAA1", "instagram.com/AAA1"),
        ("https://instagram.com/studio.pan/reel/AAA1/", "instagram.com/AAA1"),
        ("AAA1", "instagram.com/AAA1"),
        ("https://youtu.be/dQw4?t=3", "youtube.com/dQw4"),
        ("https://www.youtube.com/watch?v=dQw4&list=1", "youtube.com/dQw4"),
        ("https://www.youtube.com/shorts/dQw4", "youtube.com/dQw4"),
        ("https://www.tiktok.com/@pan/video/7301/", "tiktok.com/@pan/video/7301"),
    ],
)
def test_the_links_of_two_tools_to_one_post_are_equal(link: str, plain: str) -> None:
    assert plain_permalink(link) == plain


def test_an_edited_caption_and_a_changed_thumbnail_are_the_same_post_and_script(
    corpus: CorpusFactory,
) -> None:
    row = "17,,{words},https://cdn.example/1.jpg?oe={oe},2026-03-04,{views},41\n"
    load(corpus, HEADER + row.format(words="Onions.", oe=1, views=830))
    corpus.clock.step(days=7)
    edited = row.format(words="Onions again.", oe=2, views=900)
    report = load(corpus, HEADER + edited)
    assert (report.rejected, count(corpus, "posts")) == (0, 1)
    assert latest(corpus) == [900.0]
    [script] = corpus.active().values()
    assert script["text"] == "Onions again." and count(corpus, "scripts") == 2
    rates = "SELECT rate FROM script_performance WHERE revision_hash = '{}'"
    assert corpus.rows(rates.format(script["revision_hash"])) == [(41 / 900,)]
    assert load(corpus, HEADER + edited).already_imported


@pytest.mark.parametrize("column", ["as_of", ""])
def test_an_older_export_after_a_newer_one_leaves_one_script_with_the_newer_words(
    corpus: CorpusFactory, column: str
) -> None:
    header = HEADER.replace("post_id", f"{column or 'number'},post_id")
    older = header + "2026-03-10,17,,Onions.,,2026-03-04,830,41\n"
    newer = header + "2026-03-17,17,,Onions again.,,2026-03-04,900,43\n"
    load(corpus, newer, "march-17.csv")
    corpus.clock.step(days=1)
    load(corpus, older, "march-10.csv")
    [script] = corpus.active().values()
    assert script["text"] == "Onions again."
    assert count(corpus, "posts") == 1 and count(corpus, "scripts") == 2
    corpus.clock.step(days=1)
    back = header + "2026-03-24,17,,Onions.,,2026-03-04,950,44\n"
    load(corpus, back, "march-24.csv")
    [script] = corpus.active().values()
    assert script["text"] == "Onions." and count(corpus, "posts") == 1


def test_edited_words_of_a_known_post_are_its_script_in_a_file_without_a_rate(
    corpus: CorpusFactory,
) -> None:
    load(corpus, HEADER + "18000000000000017,,Onions.,,2025-12-04,830,41\n")
    corpus.clock.step(days=1)
    load(
        corpus,
        "post_id,caption,views\n18000000000000017,Onions again.,840\n",
        "views.csv",
    )
    [script] = corpus.active().values()
    assert script["text"] == "Onions again."


def test_words_that_two_posts_are_edited_to_are_one_script(
    corpus: CorpusFactory,
) -> None:
    row = "{0},,{1},,2026-03-0{0},830,41\n"
    load(corpus, HEADER + row.format(1, "Onions."))
    both = row.format(1, "Peppers.") + row.format(2, "Peppers.")
    load(corpus, HEADER + both)
    texts = sorted(script["text"] for script in corpus.active().values())
    assert texts == ["Onions.", "Peppers."]


def test_edited_words_of_a_script_that_another_post_shows_are_another_script(
    corpus: CorpusFactory,
) -> None:
    first = "1,,Onions.,,2026-03-04,830,41\n2,,Onions.,,2026-03-05,830,41\n"
    load(corpus, HEADER + first)
    load(corpus, HEADER + first.replace("1,,Onions.", "1,,Onions and salt."))
    assert sorted(row["text"] for row in corpus.active().values()) == [
        "Onions and salt.",
        "Onions.",
    ]
    assert count(corpus, "posts") == 2


def test_what_was_forgotten_does_not_come_back_in_other_words(
    corpus: CorpusFactory,
) -> None:
    load(corpus, HEADER + "17,,Onions.,,2026-03-04,830,41\n")
    [script_id] = corpus.active()
    corpus.insert("forgotten", {"script_id": script_id})
    with pytest.raises(NothingTakenError, match="forgotten"):
        load(corpus, HEADER + "17,,Onions and salt.,,2026-03-04,900,42\n")
    assert corpus.active() == {}


def test_a_post_is_the_same_by_its_id_its_code_or_its_permalink(
    corpus: CorpusFactory,
) -> None:
    code = "DAbcDef1234"
    link = f"https://www.instagram.com/reel/{code}/"
    load(corpus, HEADER + f"17,{link},Onions.,,2026-03-04,830,41\n")
    scraped = f"shortcode,caption,views,likes\n{code},Edited.,840,41\n"
    load(corpus, scraped, "scrape.csv")
    load(corpus, "post_id,caption,views,likes\n17,Edited.,850,41\n", "suite.csv")
    assert (count(corpus, "posts"), latest(corpus)) == (1, [850.0])
    assert corpus.rows("SELECT kind, value FROM vendor_post_names ORDER BY 1") == [
        ("code", code),
        ("id", "17"),
        ("permalink", f"instagram.com/{code}"),
    ]


def test_posts_of_an_older_data_folder_get_their_ids_with_the_next_file(
    corpus: CorpusFactory,
) -> None:
    rows = "17,,Onions.,,2026-03-04,830,41\n18,,Peppers.,,2026-03-05,500,20\n"
    load(corpus, HEADER.replace("post_id", "number") + rows)
    before = corpus.rows("SELECT post_id FROM posts ORDER BY 1")
    assert count(corpus, "vendor_post_names") == 0
    load(corpus, HEADER + rows.replace("830", "900"))
    assert corpus.rows("SELECT post_id FROM posts ORDER BY 1") == before
    assert count(corpus, "vendor_post_names") == 2
    load(corpus, HEADER + rows.replace("Onions.", "Edited.").replace("830", "950"))
    assert (count(corpus, "posts"), latest(corpus)) == (2, [500.0, 950.0])


def test_ids_that_a_spreadsheet_has_shortened_name_no_post(
    corpus: CorpusFactory,
) -> None:
    rows = "1.8E+16,,Onions.,,2026-03-04,830,41\n1.8E+16,,Lids.,,2026-03-05,5,1\n"
    report = load(corpus, HEADER + rows)
    assert (report.posts, count(corpus, "vendor_post_names")) == (2, 0)
    assert "known by their words and date" in " ".join(report.notes)


def test_a_column_of_accounts_is_not_one_of_posts(corpus: CorpusFactory) -> None:
    rows = "7,,Onions.,,2026-03-04,830,41\n7,,Lids.,,2026-03-05,5,1\n"
    with pytest.raises(InputError, match="post_id is not the id of a post.*--map"):
        load(corpus, HEADER + rows)


def test_readings_of_one_post_are_kept_with_their_times_and_the_latest_counts(
    corpus: CorpusFactory,
) -> None:
    header = "post_id,as_of,caption,views,likes\n"
    rows = [f"1,2026-03-0{d},Onions.,{d}000,{d}0\n" for d in (5, 7, 6)]
    report = load(corpus, header + "".join(rows))
    assert (report.imported, report.posts, report.readings) == (3, 1, 6)
    assert corpus.rows(
        "SELECT as_of, value FROM engagement WHERE metric = 'views' ORDER BY as_of"
    ) == [(datetime(2026, 3, d), d * 1000.0) for d in (5, 6, 7)]
    assert corpus.rows("SELECT views, likes, rate FROM script_performance") == [
        (7000.0, 70.0, 0.01)
    ]


def test_a_date_that_differs_between_rows_of_one_post_is_one_of_reading(
    corpus: CorpusFactory,
) -> None:
    rows = "1,,Onions.,,2026-03-05,5,1\n1,,Onions.,,2026-03-06,9,2\n"
    report = load(corpus, HEADER + rows)
    assert (report.posts, latest(corpus)) == (1, [9.0])
    assert any("posted_on differs between rows" in note for note in report.notes)
    assert corpus.rows("SELECT published_at FROM posts") == [(None,)]


def test_readings_of_arms_are_not_arms(corpus: CorpusFactory) -> None:
    header = "test_id,arm,hook,as_of,impressions,clicks\n"
    rows = [
        f"t,{arm},Hook {arm},2026-03-0{day},{day}000,{day * rate}\n"
        for arm, rate in (("a", 30), ("b", 50))
        for day in (5, 6, 7)
    ]
    report = load(corpus, header + "".join(rows))
    assert (report.experiments, report.posts) == (1, 2)
    assert corpus.rows(
        "SELECT arm, trials, events FROM final_readings ORDER BY arm"
    ) == [("a", 7000.0, 210.0), ("b", 7000.0, 350.0)]


def test_two_counts_of_one_post_at_one_time_are_refused_unless_one_is_later(
    corpus: CorpusFactory,
) -> None:
    rows = "1,,Onions.,,2026-03-05,{},{}\n"
    grown = load(corpus, HEADER + rows.format(5, 1) + rows.format(9, 2))
    assert (grown.repeated, grown.rejected, latest(corpus)) == (1, 0, [9.0])
    mixed = rows.format(50, 3) + rows.format(40, 4)
    with pytest.raises(NothingTakenError, match="two readings of one time"):
        load(corpus, HEADER + mixed)
    other = load(corpus, HEADER + mixed + "2,,Lids.,,2026-03-05,9,2\n")
    assert (other.imported, other.rejected, latest(corpus)) == (1, 2, [9.0, 9.0])


def test_an_arm_joins_its_test_by_its_id_and_keeps_its_post(
    corpus: CorpusFactory,
) -> None:
    rows = "1,,Onions.,,2026-03-04,830,41\n2,,Lids.,,2026-03-11,800,60\n"
    load(corpus, HEADER + rows)
    before = corpus.rows("SELECT post_id FROM posts ORDER BY 1")
    tested = "".join(f"t,{row}\n" for row in rows.splitlines())
    load(corpus, f"test_id,{HEADER}{tested}", "tests.csv")
    assert corpus.rows("SELECT post_id FROM posts ORDER BY 1") == before
    assert corpus.rows("SELECT arm FROM posts ORDER BY 1") == [("1",), ("2",)]
    assert count(corpus, "experiments") == 1


def test_rows_add_up_to_what_was_read(corpus: CorpusFactory) -> None:
    rows = (
        "1,,Onions.,,2026-03-05,5,1\n1,,Onions.,,2026-03-05,5,1\n"
        "2,,Lids.,,2026-03-05,50,3\n2,,Lids.,,2026-03-05,40,4\n3,,,,2026-03-05,1,1\n"
    )
    report = load(corpus, HEADER + rows)
    assert (report.imported, report.rejected, report.repeated) == (1, 3, 1)
    assert report.rows_read == 5


@needs_real_files
def test_a_downloader_run_twice_gives_the_same_posts_with_new_counts(
    corpus: CorpusFactory,
) -> None:
    load(corpus, REAL / "11a_ytdlp_first.jsonl")
    corpus.clock.step(days=7)
    report = load(corpus, REAL / "11b_ytdlp_second.jsonl")
    assert (count(corpus, "posts"), latest(corpus)) == (2, [830.0, 15900.0])
    assert "another export of source 11a_ytdlp_first" in report.notes[0]


@needs_real_files
def test_a_test_downloaded_twice_is_one_test_with_new_counts(
    corpus: CorpusFactory,
) -> None:
    load(corpus, REAL / "11c_ytdlp_test_first.jsonl")
    corpus.clock.step(days=7)
    load(corpus, REAL / "11d_ytdlp_test_second.jsonl")
    assert (count(corpus, "experiments"), count(corpus, "posts")) == (1, 2)
    assert corpus.rows("SELECT randomised FROM experiments") == [(False,)]
    assert corpus.rows("SELECT trials FROM final_readings ORDER BY 1") == [
        (830.0,),
        (15900.0,),
    ]


@needs_real_files
def test_daily_snapshots_are_six_readings_of_two_posts(corpus: CorpusFactory) -> None:
    report = load(corpus, REAL / "12_daily_snapshots.csv")
    assert (report.imported, report.posts, report.scripts) == (6, 2, 2)
    assert count(corpus, "(SELECT DISTINCT post_id, as_of FROM engagement)") == 6
    assert (latest(corpus), latest(corpus, "likes")) == ([950.0, 2000.0], [28.0, 100.0])
    rates = corpus.rows("SELECT likes / views, rate FROM script_performance")
    assert len(rates) == 2 and all(rate == known for known, rate in rates)


@pytest.mark.parametrize(
    "ids", [("1.79E+16", "1.79E+16"), ("17912345678901200", "17912345678901300")]
)
def test_ids_that_a_spreadsheet_rounded_name_no_post_and_that_is_said(
    corpus: CorpusFactory, ids: tuple[str, str]
) -> None:
    rows = f"{ids[0]},,Onions.,,2026-03-04,830,41\n{ids[1]},,Lids.,,2026-03-05,9,1\n"
    report = load(corpus, HEADER + rows)
    assert count(corpus, "posts") == 2 and count(corpus, "vendor_post_names") == 0
    said = " ".join(report.notes)
    assert f"has rounded 2 ids of posts (the first is {ids[0]})" in said
    assert "Data > From Text/CSV" in said and "has no id" not in said


def test_a_long_id_among_others_that_ends_with_zeros_is_an_id(
    corpus: CorpusFactory,
) -> None:
    rows = "17912345678901200,,Onions.,,2026-03-04,830,41\n"
    rows += "17912345678901234,,Lids.,,2026-03-05,9,1\n"
    load(corpus, HEADER + rows)
    assert count(corpus, "vendor_post_names") == 2


def test_counts_of_single_days_are_refused_and_a_small_correction_is_not(
    corpus: CorpusFactory,
) -> None:
    header = "date,post_id,caption,views,likes\n"
    days = [4000, 8000, 300]
    rows = "".join(
        f"2026-03-0{n},1,Onions.,{views},{views // 10}\n"
        for n, views in enumerate(days, 1)
    )
    with pytest.raises(InputError, match="counts of 1 fall .* Export totals"):
        load(corpus, header + rows)
    assert count(corpus, "posts") == 0
    report = load(corpus, header + rows.replace(",300,30", ",7990,799"))
    assert latest(corpus) == [7990.0]
    assert "Counts fall from one reading to the next for 1 of the 1 posts" in " ".join(
        report.notes
    )


def test_counts_of_days_that_fall_slowly_are_refused_too(corpus: CorpusFactory) -> None:
    rows = "".join(
        f"2026-03-0{n},1,Onions.,{views},9\n"
        for n, views in enumerate((1000, 800, 650, 520), 1)
    )
    with pytest.raises(InputError, match="counts of 1 fall .* Export totals"):
        load(corpus, "date,post_id,caption,views,likes\n" + rows)

"""The page of lineage: everything escaped, nothing cut without a word."""

from __future__ import annotations

import ast
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import ig_assets
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.lineage.facts import DERIVED, RECORDED
from ig_assets.core.reports.lineage import page as page_module
from ig_assets.core.reports.lineage.answer import (
    all_about,
    all_of_author,
    answer_lineage,
    one_thing,
    page_of,
    plain_sentence,
)
from ig_assets.core.reports.lineage.flow import Band, Box, flow_svg
from ig_assets.core.reports.lineage.names import resolve
from ig_assets.core.reports.lineage.trace import trace
from ig_assets.core.reports.lineage.words import ModelScript, share_of
from ig_assets.errors import InputError
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import FineTuningFactory
from ig_assets_tests.core.reports.lineage.test_lineage_trace import trained_model

NOW = datetime(2026, 4, 2)
HOSTILE = '<script>alert("1")</script> & more'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[FineTuningFactory, str]:
    env, model = trained_model(tmp_path_factory.mktemp("page"))
    with env.warehouse.transaction() as con:
        con.execute(
            "UPDATE scripts SET hook = ?, author = 'Mara', topic = ? "
            "WHERE script_id IN ('s-h1-a', 's-h2-a')",
            [HOSTILE, HOSTILE],
        )
    return env, model.model_id


def page(env: FineTuningFactory, name: str) -> str:
    with env.warehouse.transaction() as con:
        answer = answer_lineage(con, one_thing(con, name), ("up", "down"))
    return page_of(answer, NOW)


def author_page(env: FineTuningFactory) -> str:
    with env.warehouse.transaction() as con:
        answer = answer_lineage(con, all_of_author(con, "Mara"), ("down",))
    return page_of(answer, NOW)


@pytest.mark.parametrize("name", ["model", "s-h1-a"])
def test_words_are_escaped_wherever_they_stand(
    made: tuple[FineTuningFactory, str], name: str
) -> None:
    env, model_id = made
    text = page(env, model_id if name == "model" else name)
    assert "&lt;script&gt;alert" in text
    assert "<script>alert" not in text
    svg = text[text.index("<svg") : text.index("</svg>") + 6]
    assert ET.fromstring(svg).tag.endswith("svg"), "it is well-formed"


def test_the_page_of_a_model_has_its_scripts_shares_and_steps(
    made: tuple[FineTuningFactory, str],
) -> None:
    env, model_id = made
    text = page(env, model_id)
    for part in ("Share of the lines", "s-h1-a", "By origin", "has as the better text"):
        assert part in text
    assert text.count("<table") == 2, "nothing was written with it yet"
    assert "Lineage of a model" in text
    assert "Lineage of an author" in author_page(env)


def test_rows_beyond_what_a_page_holds_are_counted(
    made: tuple[FineTuningFactory, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    env, model_id = made
    monkeypatch.setattr(page_module, "MOST_ROWS", 5)
    assert "more beyond; all of them are in --json." in page(env, model_id)


def test_an_author_is_what_came_of_all_their_scripts(
    made: tuple[FineTuningFactory, str],
) -> None:
    env, model_id = made
    with env.warehouse.transaction() as con:
        answer = answer_lineage(con, all_of_author(con, " mara"), ("down",))
        with pytest.raises(InputError, match="no script whose author is 'Nora'"):
            all_of_author(con, "Nora")
        with pytest.raises(InputError, match="may be one of: script s-h1-a"):
            resolve(con, "Mara")
    assert ("model", model_id) in {(row.kind, row.id) for row in answer.after}
    assert answer.sentence is not None
    assert answer.sentence.startswith("2 scripts by")
    assert answer.sentence.endswith(
        ": their words are in 4 training lines and behind 1 model; "
        "they were in the prompt of 0 variants."
    )


def test_a_kind_or_a_link_finds_the_one_thing(
    made: tuple[FineTuningFactory, str],
) -> None:
    env, model_id = made
    name = {"source": "s", "kind": "permalink", "value": "instagram.com/Cx1"}
    env.write("vendor_post_names", name | {"post_id": "p-h1-a"})
    with env.warehouse.transaction() as con:
        for link in ("https://www.instagram.com/reel/Cx1/?igsh=1", "instagram.com/Cx1"):
            assert resolve(con, link) == ("post", "p-h1-a")
        assert resolve(con, "e1-a", "variant") == ("variant", "e1-a")
        with pytest.raises(InputError, match="Nothing is called"):
            resolve(con, "e1-a", "model")


def test_as_of_a_day_shows_what_was_known_then(
    made: tuple[FineTuningFactory, str],
) -> None:
    env, model_id = made
    with env.warehouse.transaction() as con:
        subject = one_thing(con, model_id)
        with pytest.raises(InputError, match="is known since 2026-04-01, after"):
            answer_lineage(con, subject, ("up",), as_of=datetime(2026, 3, 1))
        then = answer_lineage(con, subject, ("up",), as_of=datetime(2026, 4, 2))
        con.execute(
            "INSERT INTO decisions (experiment_id, decided_at, decision) "
            "VALUES ('e1', ?, 'inconclusive')",
            [datetime(2026, 5, 1)],
        )
        later = answer_lineage(con, subject, ("up",))
        again = answer_lineage(con, subject, ("up",), as_of=datetime(2026, 4, 2))
    assert again.behind == then.behind
    assert any("superseded" in one.reason for one in later.behind)
    assert not any("superseded" in one.reason for one in then.behind)


def test_a_topic_is_its_variants_and_the_scripts_that_are_labelled_so(
    tmp_path: Path,
) -> None:
    env = FineTuningFactory(tmp_path)
    topic = {"month": "2026-05", "topic_id": "t-knives", "topic": "Sharp knives"}
    env.write("topics", topic)
    env.write("drafts", {"variant_id": "v", "topic_id": "t-knives"})
    for name, label in (("lib", "sharp knives "), ("other", "mugs")):
        row = {"script_id": name, "revision_hash": name, "topic": label}
        env.write("scripts", row | {"first_seen_at": datetime(2026, 4, 1)})
    edge = Edge("variant", "w", "script", "lib", "retrieved")
    with env.warehouse.transaction() as con:
        record_edges(con, [edge], "run", datetime(2026, 5, 1))
        subject = all_about(con, "SHARP KNIVES")
        answer = answer_lineage(con, subject, ("down",))
        then = answer_lineage(con, subject, ("down",), as_of=datetime(2026, 3, 1))
        by_id = all_about(con, "t-kn")
        named = answer_lineage(con, by_id, ("down",))
        with pytest.raises(InputError, match="no topic 'forks'"):
            all_about(con, "forks")
    assert (by_id.nodes, named.label) == ((("topic", "t-knives"),), "Sharp knives")
    assert named.sentence is not None and "about Sharp knives" in named.sentence
    assert subject.nodes == (("topic", "t-knives"), ("script", "lib"))
    assert {(row.relation, row.id) for row in answer.after} == {
        ("about", "v"),
        ("retrieved", "w"),
        ("words_of", "lib"),
    }
    assert answer.sentence == (
        "1 script about SHARP KNIVES, 1 variant written about it: their words are in 0 "
        "training lines and behind 0 models; they were in the prompt of 1 variant, "
        "whose words are in 0 more training lines and behind 0 more models."
    )
    assert {row.id for row in then.after} == {"v"}, "the script came later"


def test_as_of_a_day_a_thing_has_the_words_and_the_decision_of_then(
    tmp_path: Path,
) -> None:
    env = FineTuningFactory(tmp_path)
    for day, words in ((1, "First words"), (9, "Later words")):
        row = {"script_id": "s", "revision_hash": words, "hook": words}
        env.write("scripts", row | {"first_seen_at": datetime(2026, 5, day)})
    env.write("experiments", {"experiment_id": "x", "started_at": datetime(2026, 5, 2)})
    for day, decision in ((3, "running"), (9, "winner")):
        row = {"experiment_id": "x", "decided_at": datetime(2026, 5, day)}
        env.write("decisions", row | {"decision": decision})
    with env.warehouse.transaction() as con:
        said = {
            (kind, day): answer_lineage(
                con, one_thing(con, id, kind), ("up",), as_of=datetime(2026, 5, day)
            ).label
            for kind, id in (("script", "s"), ("experiment", "x"))
            for day in (4, 10)
        }
        for kind, id in (("script", "s"), ("experiment", "x")):
            with pytest.raises(InputError, match=f"The {kind} {id} is known since"):
                subject = one_thing(con, id, kind)
                answer_lineage(con, subject, ("up",), as_of=datetime(2026, 5, 1))
    assert said["script", 4] == "First words" and said["script", 10] == "Later words"
    assert said["experiment", 4] == "test: running"
    assert said["experiment", 10].startswith("test: winner")


def test_what_happened_at_the_first_instant_of_the_next_day_is_not_of_the_day(
    tmp_path: Path,
) -> None:
    env = FineTuningFactory(tmp_path)
    midnight = datetime(2026, 5, 2)
    env.write("experiments", {"experiment_id": "x"})
    edge = Edge("decision", "x", "post", "p1", "winner")
    decided = {"experiment_id": "x", "decision": "winner", "decided_at": midnight}
    env.write("decisions", decided | {"data_through": midnight})
    looked = {"experiment_id": "x", "data_through": midnight}
    env.write("evidence", looked | {"arm_a": "a", "arm_b": "b"})
    with env.warehouse.transaction() as con:
        record_edges(con, [edge], "run", midnight)
        on_the_day = trace(con, "experiment", "x", "up", as_of=midnight)
        a_moment_later = trace(
            con, "experiment", "x", "up", as_of=midnight + timedelta(seconds=1)
        )
    assert on_the_day == []
    assert {row.relation for row in a_moment_later} == {"winner", "rests_on"}


def test_every_relation_is_in_words() -> None:
    written = {
        edge.args[4].value
        for path in Path(ig_assets.__file__).parent.rglob("*.py")
        for edge in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(edge, ast.Call)
        and getattr(edge.func, "id", "") == "Edge"
        and len(edge.args) == 5
        and isinstance(edge.args[4], ast.Constant)
    }
    assert len(written) >= 12
    stated = {fact.relation for fact in (*DERIVED, *RECORDED)}
    assert written | stated <= page_module.RELATIONS_IN_WORDS.keys()


def test_a_thing_without_lineage_is_said_in_words(tmp_path: Path) -> None:
    env = FineTuningFactory(tmp_path)
    env.write("experiments", {"experiment_id": "lone"})
    with env.warehouse.transaction() as con:
        answer = answer_lineage(con, one_thing(con, "lone"), ("up", "down"))
    assert plain_sentence(answer) == "It came from nothing; nothing came of it."
    assert "<table" not in page_of(answer, NOW)


def test_a_band_is_as_wide_as_its_weight() -> None:
    boxes = [Box("a", 0, "A"), Box("b", 0, "B"), Box("m", 1, "M")]
    svg = ET.fromstring(
        flow_svg(boxes, [Band("a", "m", 3.0), Band("b", "m", 1.0)], ["Scripts"])
    )
    paths = [one for one in svg.iter() if one.tag.endswith("path")]
    widths = [float(path.attrib["stroke-width"]) for path in paths]
    assert widths[0] == pytest.approx(3 * widths[1], rel=0.02)


def test_a_picture_of_many_columns_is_wider_and_cuts_no_common_label() -> None:
    label = "variant: Cut it thin (a)"
    boxes = [Box(str(n), n, label) for n in range(9)]
    bands = [Band(str(n), str(n + 1), 1.0) for n in range(8)]
    svg = ET.fromstring(flow_svg(boxes, bands, []))
    texts = [one.text for one in svg.iter() if one.tag.endswith("}text")]
    assert texts == [label] * 9
    few = ET.fromstring(flow_svg(boxes[:3], bands[:2], []))
    widths = [float(one.attrib["viewBox"].split()[2]) for one in (few, svg)]
    assert widths[0] == 1080 and widths[1] >= 8 * 200


def test_shares_count_the_lines_that_were_learnt() -> None:
    def text(author: str | None, learnt: int) -> ModelScript:
        return ModelScript(None, None, author, None, False, 9, learnt, "", "i", None)

    texts = [text("Mara", 3), text(None, 1), text("Ole", 0)]
    assert share_of(texts, "author") == [("Mara", 0.75), ("not known", 0.25)]
    assert share_of([], "author") == []

"""Polishing: what passes the gates stands, what does not says with which figures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ig_assets.core.generation.novelty import novelty, sibling_similarity, word_runs
from ig_assets.core.identity import text_hash
from ig_assets.errors import AccessError
from ig_assets.warehouse.rows import merge_rows
from ig_assets_tests.core.generation.desk import BASE, MONTH, TUNED, Desk
from ig_assets_tests.stand_ins.openai_server import (
    MALFORMED,
    RESPONSES,
    Fault,
    OpenAIStandIn,
)

VARIANTS = "SELECT * FROM variants ORDER BY arm"
OLD = "one two three four five six seven eight nine ten eleven twelve"
FRESH = "amber boats carry dusty eels from grey harbours in june keeping late"


def says(text: str) -> Fault:
    """An answer whose script has these words as hook, three beats, call to action."""
    words = text.split()
    beats = [" ".join(words[4:7]), " ".join(words[7:9]), " ".join(words[9:10])]
    script = {
        "hook": " ".join(words[:4]),
        "beats": beats,
        "call_to_action": " ".join(words[10:]),
        "on_screen_text": " ".join(words[:2]),
    }
    return Fault(text=json.dumps(script))


def draft(desk: Desk, arm: str, text: str, **columns: Any) -> None:
    row = {
        "variant_id": f"v-{arm}",
        "month": MONTH,
        "topic_id": "t-bread",
        "arm": arm,
        "hook_style": "story",
        "hook": "hook",
        "body": "body",
        "call_to_action": "act",
        "text": text,
        "provider": "openai",
        "model": "gpt-5-mini",
        "model_id": BASE.model_id,
        "is_canary": arm == "canary",
        "is_control": arm == "control",
        "rejection": None,
        **columns,
    }
    with desk.warehouse.transaction() as con:
        merge_rows(con, "drafts", [row])


def test_a_polished_variant_stands_with_its_figures(
    desk: Desk, server: OpenAIStandIn
) -> None:
    desk.topics("bread", "kites")
    desk.corpus(OLD, "A library script 1.")
    desk.draft(desk.arms())
    server.forget()
    summary = desk.polish()
    assert (summary.drafts, summary.polished, summary.rejected) == (4, 4, 0)
    assert server.requests[RESPONSES] == 4
    variants = desk.read("SELECT * FROM variants ORDER BY topic_id, arm")
    corpus = [word_runs(OLD), word_runs("A library script 1.")]
    before: dict[str, list[str]] = {}
    for row in variants:
        siblings = before.setdefault(row["topic_id"], [])
        assert row["novelty"] == novelty(row["text"], corpus) > 0.9
        alike = sibling_similarity(row["text"], siblings)
        assert row["sibling_similarity"] == pytest.approx(alike)
        assert row["revision_hash"] == text_hash(row["text"])
        siblings.append(row["text"])
    drafts = {d["variant_id"]: d for d in desk.read("SELECT * FROM drafts")}
    assert all(v["text"] != drafts[v["variant_id"]]["text"] for v in variants)
    assert {v["prompt_hash"] for v in variants}.isdisjoint(
        d["prompt_hash"] for d in drafts.values()
    )


def test_a_rerun_polishes_only_what_is_missing(
    desk: Desk, server: OpenAIStandIn
) -> None:
    desk.topics("bread")
    draft(desk, "a", FRESH)
    desk.polish()
    before = desk.read(VARIANTS)
    draft(desk, "b", "quite another text with eleven words that nobody wrote before")
    assert desk.polish("run-2").kept == 1
    assert server.requests[RESPONSES] == 2
    assert desk.read(VARIANTS)[0] == before[0]


def test_the_draft_stands_where_the_polish_copies_the_corpus(
    desk: Desk, server: OpenAIStandIn
) -> None:
    desk.topics("bread")
    desk.corpus(OLD)
    draft(desk, "a", FRESH)
    server.fail(says(OLD))
    summary = desk.polish(floor=0.5)
    assert (summary.polished, summary.draft_kept) == (0, 1)
    [variant] = desk.read(VARIANTS)
    assert variant["text"] == FRESH and variant["rejection"] is None
    assert variant["novelty"] == 1.0
    assert "novelty" in json.loads(variant["settings"])["kept_the_draft"]


def test_the_draft_stands_where_the_polish_is_malformed_twice(
    desk: Desk, server: OpenAIStandIn
) -> None:
    desk.topics("bread")
    draft(desk, "a", FRESH)
    server.fail(MALFORMED, MALFORMED)
    assert desk.polish().draft_kept == 1
    [variant] = desk.read(VARIANTS)
    assert (variant["text"], variant["rejection"]) == (FRESH, None)


def test_where_both_fail_the_gate_the_variant_is_rejected_with_its_figures(
    desk: Desk, server: OpenAIStandIn
) -> None:
    desk.topics("bread")
    desk.corpus(OLD)
    draft(desk, "a", OLD)
    server.fail(says(OLD))
    assert desk.polish(floor=0.5).rejected == 1
    [variant] = desk.read(VARIANTS)
    assert variant["rejection"] == "novelty 0.00 is below 0.50"
    assert variant["novelty"] == 0.0


def test_a_rejected_draft_is_a_rejected_variant_and_costs_nothing(
    desk: Desk, server: OpenAIStandIn
) -> None:
    desk.topics("bread")
    draft(desk, "a", "", rejection="malformed: cut")
    assert desk.polish().rejected == 1
    assert server.requests[RESPONSES] == 0
    [variant] = desk.read(VARIANTS)
    assert variant["rejection"] == "malformed: cut"
    assert variant["revision_hash"] is None and variant["novelty"] is None


@pytest.mark.parametrize(
    ("second", "stands"), [("b", False), ("canary", True), ("control", True)]
)
def test_siblings_must_differ_but_a_pair_of_models_may_be_alike(
    desk: Desk, server: OpenAIStandIn, second: str, stands: bool
) -> None:
    desk.topics("bread")
    draft(desk, "a", FRESH)
    draft(desk, second, FRESH)
    server.fail(says(FRESH), says(FRESH))
    desk.polish(ceiling=0.8)
    _, other = desk.read(VARIANTS)
    assert (other["rejection"] is None) is stands
    if not stands:
        assert "sibling" in other["rejection"] and other["sibling_similarity"] == 1.0


def test_a_rejected_sibling_is_nobody_s_sibling(
    desk: Desk, server: OpenAIStandIn
) -> None:
    desk.topics("bread")
    for arm in "abc":
        draft(desk, arm, FRESH)
    server.fail(*[says(FRESH)] * 3)
    desk.polish()
    alike = [row["sibling_similarity"] for row in desk.read(VARIANTS)]
    assert alike == [0.0, 1.0, 1.0]
    with desk.warehouse.transaction() as con:
        con.execute("DELETE FROM variants WHERE arm = 'a'")
    server.fail(says(FRESH))
    assert desk.polish("run-2").polished == 1


def test_the_frozen_base_model_polishes_every_arm_and_leaves_a_trace(
    desk: Desk,
) -> None:
    desk.topics("bread")
    draft(desk, "a", FRESH)
    draft(desk, "canary", FRESH, model_id=TUNED.model_id)
    desk.polish()
    edges = desk.read(
        "SELECT child_id, parent_id FROM edges WHERE relation = 'polished_by'"
    )
    assert edges == [{"child_id": "v-canary", "parent_id": BASE.model_id}]
    assert [v["model_id"] for v in desk.read(VARIANTS)] == ["m-base", "m-tuned"]


def test_a_refused_account_stops_polishing_and_what_was_polished_stays(
    desk: Desk, server: OpenAIStandIn
) -> None:
    desk.topics("bread", "kites")
    desk.draft(desk.arms())
    server.fail(Fault(), Fault(401))
    with pytest.raises(AccessError):
        desk.polish()
    assert len(desk.read(VARIANTS)) == 1
    assert desk.polish("run-2").polished == 3

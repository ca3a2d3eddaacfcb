"""Polishing: what passes the gates is kept, other texts are rejected with figures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ig_assets.core.generation.gates.banned_words import parse_banned
from ig_assets.core.generation.gates.gates import GATES
from ig_assets.core.generation.gates.novelty import CorpusRuns, sibling_similarity
from ig_assets.core.generation.gates.spoken_length import spoken_seconds
from ig_assets.core.generation.writing.arms import WritingModel
from ig_assets.core.identity import text_hash
from ig_assets.errors import AccessError, BudgetError
from ig_assets.warehouse.rows import merge_rows
from ig_assets_tests.core.generation.generation_factory import (
    BASE,
    MONTH,
    TUNED,
    GenerationFactory,
)
from ig_assets_tests.stand_ins.openai_server import (
    MALFORMED,
    RESPONSES,
    Fault,
    OpenAIStandIn,
)

VARIANTS = "SELECT * FROM variants ORDER BY arm"
OLD = "one two three four five six seven eight nine ten eleven twelve"
FRESH = "amber boats carry dusty eels from grey harbours in june keeping late"


def answer_of(text: str) -> Fault:
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


def draft(env: GenerationFactory, arm: str, text: str, **columns: Any) -> None:
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
    with env.warehouse.transaction() as con:
        merge_rows(con, "drafts", [row])


def test_a_polished_variant_is_stored_with_its_figures(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread", "kites")
    env.corpus(OLD, "A library script 1.")
    env.draft(env.arms())
    server.forget()
    summary = env.polish()
    assert (summary.drafts, summary.polished, summary.rejected) == (4, 4, 0)
    assert server.requests[RESPONSES] == 4
    variants = env.read("SELECT * FROM variants ORDER BY topic_id, arm")
    corpus = CorpusRuns([OLD, "A library script 1."])
    before: dict[str, list[str]] = {}
    for row in variants:
        siblings = before.setdefault(row["topic_id"], [])
        assert row["novelty"] == corpus.novelty(row["text"]) > 0.9
        alike = sibling_similarity(row["text"], siblings)
        assert row["sibling_similarity"] == pytest.approx(alike)
        assert row["revision_hash"] == text_hash(row["text"])
        siblings.append(row["text"])
    drafts = {d["variant_id"]: d for d in env.read("SELECT * FROM drafts")}
    assert all(v["text"] != drafts[v["variant_id"]]["text"] for v in variants)
    assert {v["prompt_hash"] for v in variants}.isdisjoint(
        d["prompt_hash"] for d in drafts.values()
    )


def test_a_rerun_polishes_only_what_is_missing(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    draft(env, "a", FRESH)
    env.polish()
    before = env.read(VARIANTS)
    draft(env, "b", "quite another text with eleven words that no one wrote before")
    assert env.polish("run-2").kept == 1
    assert server.requests[RESPONSES] == 2
    assert env.read(VARIANTS)[0] == before[0]


def test_the_draft_is_kept_where_the_polish_copies_the_corpus(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    env.corpus(OLD)
    draft(env, "a", FRESH)
    server.fail(answer_of(OLD))
    summary = env.polish(floor=0.5)
    assert (summary.polished, summary.draft_kept) == (0, 1)
    [variant] = env.read(VARIANTS)
    assert variant["text"] == FRESH and variant["rejection"] is None
    assert variant["novelty"] == 1.0
    assert "novelty" in json.loads(variant["settings"])["kept_the_draft"]


def test_the_draft_is_kept_where_the_polish_is_malformed_twice(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    draft(env, "a", FRESH)
    server.fail(MALFORMED, MALFORMED)
    assert env.polish().draft_kept == 1
    [variant] = env.read(VARIANTS)
    assert (variant["text"], variant["rejection"]) == (FRESH, None)


def test_where_both_fail_the_gate_the_variant_is_rejected_with_its_figures(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    env.corpus(OLD)
    draft(env, "a", OLD)
    server.fail(answer_of(OLD))
    assert env.polish(floor=0.5).rejected == 1
    [variant] = env.read(VARIANTS)
    assert variant["rejection"] == "novelty 0.00 is below 0.50"
    assert variant["novelty"] == 0.0


def test_a_rejected_draft_is_a_rejected_variant_and_costs_nothing(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    draft(env, "a", "", rejection="malformed: cut")
    assert env.polish().rejected == 1
    assert server.requests[RESPONSES] == 0
    [variant] = env.read(VARIANTS)
    assert variant["rejection"] == "malformed: cut"
    assert variant["revision_hash"] is None and variant["novelty"] is None


def test_a_rejected_variant_is_not_compared_with_later_siblings(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    for arm in "abc":
        draft(env, arm, FRESH)
    server.fail(*[answer_of(FRESH)] * 3)
    env.polish()
    alike = [row["sibling_similarity"] for row in env.read(VARIANTS)]
    assert alike == [0.0, 1.0, 1.0]
    with env.warehouse.transaction() as con:
        con.execute("DELETE FROM variants WHERE arm = 'a'")
    server.fail(answer_of(FRESH))
    assert env.polish("run-2").polished == 1


def test_one_model_polishes_every_arm_and_is_named_by_row_and_edge(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    draft(env, "a", FRESH)
    draft(env, "canary", FRESH, model_id=TUNED.model_id)
    cheap = WritingModel("m-cheap", "openai", "gpt-5-nano", "gpt-5-nano")
    env.polish(model=cheap)
    assert {body["model"] for body in server.bodies()} == {"gpt-5-nano"}
    edges = env.read(
        "SELECT child_id, parent_id FROM edges WHERE relation = 'polished_by' "
        "ORDER BY child_id"
    )
    assert edges == [
        {"child_id": "v-a", "parent_id": "m-cheap"},
        {"child_id": "v-canary", "parent_id": "m-cheap"},
    ]
    variants = env.read(VARIANTS)
    assert [v["model_id"] for v in variants] == ["m-base", "m-tuned"]
    assert [v["polish_model_id"] for v in variants] == ["m-cheap", "m-cheap"]
    calls = env.read("SELECT DISTINCT operation, model FROM api_calls")
    assert calls == [{"operation": "polish", "model": "gpt-5-nano"}]


def test_a_draft_that_is_kept_has_no_polisher(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    draft(env, "a", FRESH)
    server.fail(MALFORMED, MALFORMED)
    env.polish()
    [variant] = env.read(VARIANTS)
    assert variant["polish_model_id"] is None
    assert env.read("SELECT * FROM edges WHERE relation = 'polished_by'") == []


def test_a_refused_account_stops_polishing_and_what_was_polished_stays(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread", "kites")
    env.draft(env.arms())
    server.fail(Fault(), Fault(401))
    with pytest.raises(AccessError):
        env.polish()
    assert len(env.read(VARIANTS)) == 1
    assert env.polish("run-2").polished == 3


# ── figures ───────────────────────────────────────────────────────────────────
FIGURES = "SELECT gate, figure, at_least, at_most, passed FROM variant_figures"


def figures_of(
    env: GenerationFactory, variant_id: str = "v-a"
) -> dict[str, dict[str, Any]]:
    rows = env.read(f"{FIGURES} WHERE variant_id = ?", variant_id)
    return {row.pop("gate"): row for row in rows}


def test_every_gate_leaves_its_figure_with_its_bounds(env: GenerationFactory) -> None:
    env.topics("bread")
    env.draft(env.arms())
    env.polish(nearest=lambda text, run: 0.61, least_seconds=15.0, language_floor=0.5)
    [first, _] = env.read(VARIANTS)
    figures = figures_of(env, first["variant_id"])
    assert set(figures) == set(GATES)
    assert figures.pop("added_words")["passed"] is None, "there is no brief"
    assert all(figure["passed"] for figure in figures.values())
    seconds = spoken_seconds(first["text"], "en")
    assert figures["spoken_seconds"] == {
        "figure": pytest.approx(seconds),
        "at_least": 15.0,
        "at_most": 60.0,
        "passed": True,
    }
    assert first["estimated_seconds"] == pytest.approx(seconds)
    assert figures["nearest_cosine"]["figure"] == 0.61
    assert figures["novelty"]["figure"] == first["novelty"]


def test_on_screen_text_and_spoken_text_are_stored_apart(
    env: GenerationFactory,
) -> None:
    env.topics("bread")
    env.draft(env.arms())
    env.polish()
    variants, drafts = env.read(VARIANTS), env.read("SELECT * FROM drafts")
    assert len(variants) == len(drafts) == 2
    for row in variants:
        assert " ".join(json.loads(row["beats"])) == row["body"]
        assert 0 < len(row["on_screen_text"].split()) <= 6
    for row in drafts:
        assert " ".join(json.loads(row["beats"])) == row["body"]
        assert row["estimated_seconds"] > 0 and row["on_screen_text"] is None


def test_the_nearest_script_is_asked_for_only_when_all_else_passes(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    env.corpus(OLD)
    draft(env, "a", OLD)
    asked: list[str] = []

    def nearest(text: str, run: object) -> None:
        asked.append(text)

    server.fail(answer_of(OLD))
    env.polish(nearest=nearest)
    assert asked == []
    assert figures_of(env)["nearest_cosine"]["figure"] is None
    assert figures_of(env)["nearest_cosine"]["passed"] is None


def test_a_near_copy_in_meaning_is_rejected_though_its_words_are_new(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    draft(env, "a", FRESH)
    server.fail(answer_of(FRESH))
    assert env.polish(nearest=lambda text, run: 0.95).rejected == 1
    [variant] = env.read(VARIANTS)
    assert variant["rejection"] == "cosine to the nearest script 0.95 is above 0.92"


# ── once more ─────────────────────────────────────────────────────────────────
NEW = "violet cranes lift heavy doors near quiet lakes while autumn winds howl"


def test_a_failed_text_is_polished_once_more_with_the_next_seed_and_feedback(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    env.corpus(OLD)
    draft(env, "a", OLD)
    server.fail(answer_of(OLD), answer_of(NEW))
    summary = env.polish(regenerations=1)
    assert (summary.polished, summary.regenerated, summary.rejected) == (1, 1, 0)
    first, second = (body["input"] for body in server.bodies())
    assert OLD not in second and "new beats" in second, "or it is copied again"
    assert "Brief: about bread" in second and first == second
    [variant] = env.read(VARIANTS)
    assert variant["text"].startswith("violet cranes") and not variant["rejection"]
    attempts = env.read("SELECT * FROM polish_attempts ORDER BY attempt")
    assert [a["attempt"] for a in attempts] == [0, 1]
    seeds = [json.loads(a["settings"])["seed"] for a in attempts]
    assert seeds[1] - seeds[0] == 2
    calls = env.read("SELECT subject, status FROM api_calls")
    assert calls == [{"subject": "v-a", "status": "done"}] * 2


def test_what_is_wrong_with_a_draft_is_told_at_its_first_polish(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    env.corpus(OLD)
    draft(env, "a", OLD)
    draft(env, "b", FRESH)
    server.fail(answer_of(NEW))
    summary = env.polish(regenerations=1)
    assert (summary.polished, summary.regenerated) == (2, 0)
    told, plain = (body["input"] for body in server.bodies())
    assert "new beats" in told and OLD not in told
    assert "new beats" not in plain and FRESH in plain


@pytest.mark.parametrize("bound", [0, 1, 2])
def test_no_variant_is_asked_for_more_often_than_the_bound(
    env: GenerationFactory, server: OpenAIStandIn, bound: int
) -> None:
    env.topics("bread")
    env.corpus(OLD)
    draft(env, "a", OLD)
    server.fail(*[answer_of(OLD)] * 9)
    assert env.polish(regenerations=bound).rejected == 1
    assert server.requests[RESPONSES] == 1 + bound
    [variant] = env.read(VARIANTS)
    assert variant["rejection"] == "novelty 0.00 is below 0.50"
    assert figures_of(env)["novelty"]["passed"] is False


def test_a_draft_that_passes_is_kept_before_another_request_is_sent(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    env.corpus(OLD)
    draft(env, "a", FRESH)
    server.fail(answer_of(OLD))
    assert env.polish(regenerations=3).draft_kept == 1
    assert server.requests[RESPONSES] == 1


def test_a_refused_polish_is_not_requested_a_second_time(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    env.corpus(OLD)
    draft(env, "a", OLD)
    server.fail(Fault(400, "content_policy_violation"))
    assert env.polish(regenerations=3).rejected == 1
    assert server.requests[RESPONSES] == 1
    [variant] = env.read(VARIANTS)
    assert variant["rejection"] == "novelty 0.00 is below 0.50"


def test_banned_words_are_named_to_the_polisher_and_their_line_to_people(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    banned = parse_banned("# ours\ndusty eels", "list")
    draft(env, "a", FRESH)
    server.fail(answer_of(FRESH), answer_of(NEW))
    env.polish(regenerations=1, banned=banned)
    assert "'dusty eels'" in server.bodies()[1]["input"]
    draft(env, "b", FRESH)
    server.fail(answer_of(FRESH))
    env.polish("run-2", banned=banned)
    _, other = env.read(VARIANTS)
    message = other["rejection"]
    assert message == "banned words and claims 1 is above 0 (line 2 of the list)"
    assert "eels" not in message


def test_the_month_goes_on_after_a_rejection(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread", "kites")
    env.corpus(OLD)
    env.draft(env.arms())
    with env.warehouse.transaction() as con:
        con.execute("UPDATE drafts SET text = ? WHERE topic_id = 't-bread'", [OLD])
    server.forget()
    server.fail(*[answer_of(OLD)] * 4)
    summary = env.polish(regenerations=1)
    assert (summary.rejected, summary.polished) == (2, 2)


# ── what was paid for is kept ─────────────────────────────────────────────────
def test_a_run_that_dies_before_the_gates_does_not_pay_twice_for_the_text(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    draft(env, "a", FRESH)
    server.fail(answer_of(NEW))

    def no_money(text: str, run: object) -> float:
        raise BudgetError("Budget reached.")

    with pytest.raises(BudgetError):
        env.polish(nearest=no_money)
    assert env.read(VARIANTS) == []
    assert env.polish("run-2", nearest=lambda text, run: 0.5).polished == 1
    assert server.requests[RESPONSES] == 1
    [variant] = env.read(VARIANTS)
    assert variant["text"].startswith("violet cranes")
    assert variant["prompt_hash"] and variant["polish_model_id"] == BASE.model_id


def test_in_flight_or_one_by_one_the_same_variants_come_out(
    env: GenerationFactory,
    server: OpenAIStandIn,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    other = GenerationFactory(tmp_path_factory.mktemp("other"), server.base_url)
    for each, in_flight in ((env, 1), (other, 4)):
        each.topics("bread", "kites", "salt", "rain")
        each.corpus(OLD)
        each.draft(each.arms(3))
        each.polish(in_flight=in_flight, regenerations=1, least_seconds=19.0)
    every = "SELECT * FROM variants ORDER BY variant_id"
    assert env.read(every) == other.read(every)
    figures = "SELECT * FROM variant_figures ORDER BY ALL"
    assert env.read(figures) == other.read(figures)


def test_topics_are_polished_side_by_side_and_siblings_in_their_order(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread", "kites", "salt")
    env.draft(env.arms())
    server.forget()
    server.delay_s = 0.05
    env.polish(in_flight=3)
    topics = [body["input"].splitlines()[0] for body in server.bodies()]
    assert set(topics[:3]) == {"Topic: bread", "Topic: kites", "Topic: salt"}

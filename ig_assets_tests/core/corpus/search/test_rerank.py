"""Far scripts are left out; evidence and variety re-order only what is near."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ig_assets.core.corpus.search.found import Candidate, Found, RetrievedScript
from ig_assets.core.corpus.search.rerank import diversify, nearest_first

FLOOR = 0.3


def candidate(
    name: str, relevance: float, vector: list[float] | None = None, **fields: object
) -> Candidate:
    words = ("hook", "body", "call_to_action", "text", "topic", "hook_style")
    script = RetrievedScript(
        script_id=name,
        revision_hash=name,
        rank=0,
        similarity=relevance,
        topic_similarity=None,
        word_share=0.0,
        relevance=relevance,
        weight=relevance,
        origin="library",
        language="en",
        **dict.fromkeys(words, ""),
        is_winner=False,
        is_simulated=False,
        shrunken_lift=None,
        experiment=None,
    )
    unit = np.array(vector or [1.0, 0.0], np.float32)
    return Candidate(replace(script, **fields), unit)  # type: ignore[arg-type]


def won(name: str, relevance: float, lift: float, simulated: bool) -> Candidate:
    return candidate(
        name,
        relevance,
        origin="winner",
        is_winner=True,
        shrunken_lift=lift,
        is_simulated=simulated,
    )


def ids(found: Found) -> list[str]:
    return [script.script_id for script in found.scripts]


def test_a_near_double_gives_way_to_something_else() -> None:
    found = diversify(
        [
            candidate("first", 0.90, [1.0, 0.0]),
            candidate("double", 0.89, [0.999, 0.045]),
            candidate("other", 0.60, [0.0, 1.0]),
        ],
        2,
        FLOOR,
    )
    assert ids(found) == ["first", "other"]


def test_a_person_gets_the_nearest_and_a_draft_gets_variety() -> None:
    def at(name: str, degrees: float) -> Candidate:
        angle = np.radians(degrees)
        similarity = float(np.cos(angle))  # to a query at 0 degrees
        return candidate(name, similarity, [np.cos(angle), np.sin(angle)])

    found = [at("one", 10), at("its sibling", 12), at("another", -22)]
    nearest = nearest_first(found, 2, FLOOR)
    assert ids(nearest) == ["one", "its sibling"]
    assert [script.rank for script in nearest.scripts] == [1, 2]
    assert ids(diversify(found, 2, FLOOR)) == ["one", "another"]


def test_what_is_far_is_left_out_and_named_whatever_it_won() -> None:
    candidates = [
        candidate("near", 0.5),
        won("won far away", 0.29, 0.5, simulated=False),
        candidate("farther", 0.1),
    ]
    for order in (nearest_first, diversify):
        found = order(candidates, 3, FLOOR)
        assert ids(found) == ["near"]
        far = [script.script_id for script in found.too_far]
        assert far == ["won far away", "farther"]


def test_a_draft_gets_nothing_much_farther_than_the_nearest() -> None:
    candidates = [candidate("near", 0.9), candidate("above the floor", 0.5)]
    assert ids(diversify(candidates, 2, FLOOR)) == ["near"]
    assert ids(nearest_first(candidates, 2, FLOOR)) == ["near", "above the floor"]


def test_evidence_reorders_what_is_near() -> None:
    candidates = [candidate("library", 0.5), won("winner", 0.45, 0.3, simulated=False)]
    assert ids(diversify(candidates, 2, FLOOR)) == ["winner", "library"]


def test_a_simulated_win_lifts_no_script_past_one_of_the_library() -> None:
    candidates = [
        candidate("library", 0.5),
        won("simulated", 0.48, 0.5, simulated=True),
        candidate("history", 0.49, origin="history"),
    ]
    found = diversify(candidates, 3, FLOOR)
    assert ids(found) == ["library", "simulated", "history"]
    weights = {script.script_id: script.weight for script in found.scripts}
    assert weights["simulated"] == weights["library"] == 0.5


def test_a_simulated_win_keeps_what_its_own_relevance_gives_it() -> None:
    candidates = [
        won("simulated", 0.6, 0.2, simulated=True),
        candidate("library", 0.5),
    ]
    assert ids(diversify(candidates, 2, FLOOR)) == ["simulated", "library"]


def test_nothing_is_found_among_nothing() -> None:
    assert diversify([], 3, FLOOR) == nearest_first([], 3, FLOOR) == Found()

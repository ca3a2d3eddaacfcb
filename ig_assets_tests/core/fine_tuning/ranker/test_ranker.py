"""The ranker of a data folder: what it learns from, its state, its lineage."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ig_assets.core.fine_tuning.evaluation.canary import promote
from ig_assets.core.fine_tuning.ranker.bets import clusters
from ig_assets.core.fine_tuning.ranker.evidence import evidence_before
from ig_assets.core.fine_tuning.ranker.fit import RankerFit, fit_ranker
from ig_assets.core.models.ranker.scoring import (
    HookScore,
    load_ranker,
    order_hooks,
    score,
)
from ig_assets.core.models.registry import (
    active_model,
    candidate_model,
    current_ranker,
    ensure_base_model,
    list_models,
    list_rankers,
)
from ig_assets.errors import InputError
from ig_assets_tests.core.fine_tuning.ranker.headline_tests import (
    BETTER,
    NOW,
    HeadlineTests,
    WordEncoder,
)

LATER = NOW + timedelta(days=1)
NEW = [f"The {BETTER} of a new soup", "The simple of a new soup"]


@pytest.fixture
def tests(tmp_path: Path) -> HeadlineTests:
    return HeadlineTests(tmp_path)


def fitted(tests: HeadlineTests) -> RankerFit:
    return fit_ranker(tests.warehouse, tests.clock, tests.encoder, cutoff=LATER)


def scores(tests: HeadlineTests, hooks: list[str]) -> list[HookScore]:
    warehouse, clock, encoder = tests.warehouse, tests.clock, tests.encoder
    loaded = load_ranker(warehouse, clock, encoder)
    return score(loaded, warehouse, clock, encoder, hooks)


def test_a_word_that_wins_in_past_tests_is_expected_to_win_again(
    tests: HeadlineTests,
) -> None:
    tests.add(40)
    found = fitted(tests)
    assert found.state == "proven" and found.groups == 40 and found.arms == 120
    assert found.model is not None and found.model.status == "active"
    better, simple = scores(tests, NEW)
    assert better.p_better > 0.9 > 0.1 > simple.p_better
    assert better.low < better.lift < better.high
    # Against the mean of a rate of 3 and one of 2: a fifth more.
    assert 0.1 < better.lift < 0.3


def test_evidence_that_is_judged_anew_replaces_the_judgement_of_an_earlier_version(
    tests: HeadlineTests,
) -> None:
    tests.add(25)
    first = fitted(tests)
    with tests.warehouse.transaction() as con:
        con.execute("UPDATE models SET artifact = '{}'")
    again = fitted(tests)
    assert first.model is not None and again.model == first.model


@pytest.mark.further
def test_undecided_experiments_teach_too(tests: HeadlineTests) -> None:
    tests.add(30)
    with tests.warehouse.transaction() as con:
        rows = con.execute("SELECT decision FROM decisions").fetchall()
    assert {"inconclusive"} <= {row[0] for row in rows}
    assert fitted(tests).groups == 30


def test_what_speaks_for_a_hook_are_past_hooks_and_their_own_lifts(
    tests: HeadlineTests,
) -> None:
    tests.add(30)
    fitted(tests)
    better = scores(tests, NEW)[0]
    assert 1 <= len(better.voices_for) <= 5
    adds = [voice.adds for voice in better.voices_for]
    assert adds == sorted(adds, reverse=True) and adds[-1] > 0
    # A winner's like speaks for it; so does a loser's unlike.
    assert all((BETTER in v.hook.hook) == v.is_like for v in better.voices_for)


def test_under_twenty_five_experiments_nothing_is_registered(
    tests: HeadlineTests,
) -> None:
    tests.add(24)
    found = fitted(tests)
    assert found.state == "insufficient" and found.missing == 1
    assert found.model is None
    with pytest.raises(InputError, match="no ranker yet"):
        scores(tests, NEW)


@pytest.mark.further
def test_the_same_evidence_is_the_same_model_and_more_of_it_replaces_it(
    tests: HeadlineTests,
) -> None:
    tests.add(30)
    first, again = fitted(tests), fitted(tests)
    assert first.model == again.model and first.model is not None
    tests.add(5, source="more")
    later = fitted(tests)
    with tests.warehouse.transaction() as con:
        status = {m.model_id: m.status for m in list_rankers(con)}
        current = current_ranker(con)
    assert later.model is not None and current is not None
    assert current.model_id == later.model.model_id
    assert status == {
        first.model.model_id: "retired",
        later.model.model_id: later.model.status,
    }


def test_a_ranker_is_never_taken_for_a_model_that_writes(tests: HeadlineTests) -> None:
    tests.add(30)
    base = ensure_base_model(tests.warehouse, tests.clock, "local", "writer")
    model = fitted(tests).model
    assert model is not None
    with tests.warehouse.transaction() as con:
        assert [m.model_id for m in list_models(con)] == [base]
        assert active_model(con).model_id == base and candidate_model(con) is None
    with pytest.raises(InputError, match="is a ranker, which writes nothing"):
        promote(tests.warehouse, tests.clock, model.model_id, "it is good")


def test_edges_lead_from_a_ranker_to_every_post_that_it_was_fitted_on(
    tests: HeadlineTests,
) -> None:
    tests.add(30)
    model = fitted(tests).model
    assert model is not None
    with tests.warehouse.transaction() as con:
        posts = con.execute(
            "SELECT parent_id FROM edges WHERE child_kind = 'model' AND child_id = ? "
            "AND parent_kind = 'post' AND relation = 'learnt_from'",
            [model.model_id],
        ).fetchall()
        all_posts = con.execute("SELECT post_id FROM posts").fetchall()
    assert len(posts) == 90 and set(posts) == set(all_posts)


def test_a_forgotten_script_leaves_the_ranker_as_if_it_had_never_been_there(
    tests: HeadlineTests, tmp_path: Path
) -> None:
    tests.add(30)
    fitted(tests)
    before = scores(tests, NEW)
    assert tests.forget("number3 ") == 3 and tests.forget("story of dish number5 ") == 1
    at_once = scores(tests, NEW)
    refitted = fitted(tests)
    assert refitted.left_out["forgotten"] == 4 and refitted.groups == 29
    assert refitted.arms == 86
    assert at_once != before
    for now, after in zip(at_once, scores(tests, NEW), strict=True):
        assert now.lift == pytest.approx(after.lift, abs=1e-9)
        assert now.p_better == pytest.approx(after.p_better, abs=1e-9)
    hooks = [v.hook.hook for s in at_once for v in s.voices_for + s.voices_against]
    assert hooks and not any("number3 " in hook for hook in hooks)


@pytest.mark.further
def test_simulated_tests_do_not_count_beside_real_ones(tests: HeadlineTests) -> None:
    tests.add(30, source="sim", simulated=True)
    assert fitted(tests).groups == 30
    tests.add(26)
    found = fitted(tests)
    assert found.groups == 26
    assert found.left_out["simulated, and there are real ones"] == 90


@pytest.mark.further
def test_what_was_looked_at_later_does_not_count(tests: HeadlineTests) -> None:
    tests.add(30)
    with tests.warehouse.transaction() as con:
        early, late = (
            evidence_before(con, datetime(2025, 1, day)).arms for day in (30, 31)
        )
    assert len(early) == 0 and len(late) == 90  # all readings are of the newest day


def test_hooks_are_compared_beside_the_same_image_only(tests: HeadlineTests) -> None:
    tests.add(15, images=("cat", "dog"))
    found = fitted(tests)
    assert found.groups == 30 and found.arms == 90 and found.model is not None
    with tests.warehouse.transaction() as con:
        images = con.execute(
            "SELECT image, count(*) FROM ranker_arms GROUP BY image ORDER BY image"
        ).fetchall()
    assert images == [("image:cat", 45), ("image:dog", 45)]


@pytest.mark.further
def test_a_hook_is_encoded_once(tests: HeadlineTests) -> None:
    tests.add(30)
    fitted(tests)
    assert len(tests.encoder.encoded) == 90
    scores(tests, NEW)
    scores(tests, NEW)
    assert len(tests.encoder.encoded) == 92


@pytest.mark.further
def test_a_ranker_of_another_encoder_is_not_used(tests: HeadlineTests) -> None:
    tests.add(30)
    fitted(tests)
    other = WordEncoder()
    other.model = "other-256"
    with pytest.raises(InputError, match="fitted on words-256, not other-256"):
        load_ranker(tests.warehouse, tests.clock, other)


def test_an_empty_hook_is_refused(tests: HeadlineTests) -> None:
    tests.add(30)
    fitted(tests)
    with pytest.raises(InputError, match="is empty"):
        scores(tests, ["words", " \n"])


def test_groups_with_nearly_equal_hooks_are_one_cluster() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(6, 50))
    vectors[4] = vectors[0] + rng.normal(size=50) * 0.01
    found = clusters(vectors, np.array([0, 0, 1, 1, 2, 2]))
    assert found[0] == found[2] != found[1]


def test_a_ranker_of_a_simulated_audience_says_so_and_ends_with_the_first_real_test(
    tests: HeadlineTests,
) -> None:
    tests.add(25, simulated=True)
    found = fitted(tests)
    assert found.simulated and found.model is not None
    warehouse, clock, encoder = tests.warehouse, tests.clock, tests.encoder
    assert order_hooks(warehouse, clock, encoder, NEW).simulated
    tests.add(1, source="new")
    after = fitted(tests)
    assert after.state == "insufficient" and not after.simulated
    assert after.retired == (found.model.model_id,)
    with pytest.raises(InputError, match="no ranker yet"):
        order_hooks(warehouse, clock, encoder, NEW)

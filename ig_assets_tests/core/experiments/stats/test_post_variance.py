from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ig_assets.core.experiments.constants import UNKNOWN_SIGMA
from ig_assets.core.experiments.stats.post_variance import (
    MIN_PAIRS,
    estimate_sigma,
    planned_sigma,
    sigma_from_pairs,
)
from ig_assets_tests.core.experiments.experiment_factory import (
    MovedClock,
    add_experiment,
    new_warehouse,
)


def pairs(seed: int, n: int, sigma: float) -> list[np.ndarray]:
    draw = np.random.RandomState(seed)
    views = draw.randint(2000, 10000, (2, n))
    likes = draw.binomial(views, 0.05 * np.exp(draw.normal(0, sigma, (2, n))))
    return [likes[0], views[0], likes[1], views[1]]


@pytest.mark.parametrize("sigma", [0.14, 0.24])
def test_the_sd_from_post_to_post_is_found_again(sigma: float) -> None:
    found = estimate_sigma(*pairs(1, 2000, sigma))
    assert found.sigma == pytest.approx(sigma, rel=0.05)
    assert found.sigma < found.upper < 1.1 * sigma


def test_the_bound_lies_above_the_truth_in_95_of_100_samples() -> None:
    above = [estimate_sigma(*pairs(s, 20, 0.2)).upper > 0.2 for s in range(400)]
    assert 0.92 < np.mean(above) < 0.98


def test_randomised_pairs_without_luck_of_their_own_have_none() -> None:
    assert estimate_sigma(*pairs(2, 2000, 0.0)).sigma < 0.03


def test_pairs_with_few_events_say_nothing() -> None:
    found = estimate_sigma([24, 100], [1000, 2000], [90, 100], [1000, 2000])
    assert found.pairs == 1
    assert estimate_sigma([], [], [], []).pairs == 0


def test_posts_of_the_same_words_are_pairs_and_each_is_in_one(tmp_path: Path) -> None:
    clock = MovedClock()
    warehouse = new_warehouse(tmp_path, clock)
    early = [(13.0, 900.0, 1000.0)]
    for name in ("e1", "e2"):
        add_experiment(
            warehouse,
            {
                "A": [*early, (14.5, 100.0, 2000.0), (20.0, 1.0, 9.0)],
                "B": [*early, (14.2, 120.0, 2000.0)],
                "C": [(14.2, 130.0, 2000.0)],
                "D": [(14.2, 500.0, 2000.0)],
            },
            experiment_id=name,
            sigma=0.2,
        )
    with warehouse.transaction() as con:
        con.execute(
            "UPDATE posts SET published_revision_hash = 'same' "
            "WHERE arm IN ('A', 'B', 'C')"
        )
        found = sigma_from_pairs(con, simulated=True)
        assert found == estimate_sigma([100] * 2, [2000] * 2, [120] * 2, [2000] * 2)
        assert found.pairs == 2
        assert sigma_from_pairs(con, simulated=False).pairs == 0
        assert sigma_from_pairs(con, randomised=True, simulated=True).pairs == 0
        con.execute("UPDATE posts SET detail = concat('image:', arm)")
        assert sigma_from_pairs(con, simulated=True).pairs == 0


def test_an_estimate_counts_by_its_bound_and_only_from_ten_pairs_on(
    tmp_path: Path,
) -> None:
    warehouse = new_warehouse(tmp_path, MovedClock())
    asked = {"simulated": True}
    for i in range(MIN_PAIRS):
        with warehouse.transaction() as con:
            assert planned_sigma(con, "pairs", **asked) == UNKNOWN_SIGMA
        likes = (100.0, 100.0 + 3 * i)
        add_experiment(
            warehouse,
            {arm: [(14.0, n, 2000.0)] for arm, n in zip("AB", likes, strict=True)},
            experiment_id=f"e{i}",
            sigma=0.2,
        )
        with warehouse.transaction() as con:
            con.execute("UPDATE posts SET published_revision_hash = 'same'")
    with warehouse.transaction() as con:
        found = sigma_from_pairs(con, **asked)
        assert planned_sigma(con, "pairs", **asked) == found.upper > found.sigma
        assert planned_sigma(con, 0.17, **asked) == 0.17

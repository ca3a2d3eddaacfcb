"""The drawn trajectory of an experiment is its evaluated looks."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest

from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.core.experiments.reports.trajectory import (
    ArmCourse,
    Course,
    PairCourse,
    courses,
)
from ig_assets.core.experiments.reports.trajectory_plot import (
    MOST_BYTES,
    TitledCourse,
    _drawn_row,
    _figure_with_axes,
    course_picture,
)
from ig_assets.core.experiments.stats.e_values import pair_evidence
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.experiments.experiment_factory import (
    MovedClock,
    add_experiment,
    daily,
)


def test_rates_and_evidence_have_a_value_for_each_day_that_was_looked_at(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    arms = {"A": daily(0.05, 2000, 9), "B": daily(0.06, 2000, 9)}
    add_experiment(warehouse, arms, sigma=0.2)
    update_results(warehouse, clock)
    with warehouse.transaction() as con:
        (course,) = courses(con, ["no such", "e1"])
    a, b = course.arms
    assert (a.arm, b.arm, course.is_final) == ("A", "B", False)
    assert a.days.tolist() == list(range(1, 10))
    assert a.rate == pytest.approx(np.full(9, 0.05))
    half = 1.96 * math.sqrt(0.95 / 100 + 0.2**2)
    assert a.low == pytest.approx(0.05 * np.exp(np.full(9, -half)), rel=1e-4)
    assert a.high == pytest.approx(0.05 * np.exp(np.full(9, half)), rel=1e-4)
    (pair,) = course.pairs
    expected = pair_evidence(100, 2000, 120, 2000, 0.2)
    assert pair.z is None  # the single look on z comes at day 14
    assert pair.ahead == "B" and float(expected.log_e) < 0
    assert pair.e_ahead.tolist() == [1.0] * 9


def test_a_history_has_one_final_reading_and_an_arm_without_events_no_interval(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    arms = {"A": [(1.0, 90, 1000)], "B": [(1.0, 0, 1000)]}
    add_experiment(warehouse, arms, is_final=True)
    update_results(warehouse, clock)
    with warehouse.transaction() as con:
        (course,) = courses(con, ["e1"])
    assert course.is_final
    assert [arm.rate.tolist() for arm in course.arms] == [[0.09], [0.0]]
    assert np.isnan(course.arms[1].low).all()
    assert is_png(course_picture([TitledCourse("history", "", course)]))


def test_the_picture_is_small_however_many_arms_and_says_so_without_any(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    for number in range(4):
        arms = {arm: daily(0.05, 2000 + number, 9) for arm in "ABCDEF"}
        add_experiment(warehouse, arms, experiment_id=f"e{number}")
    update_results(warehouse, clock)
    with warehouse.transaction() as con:
        found = courses(con, [f"e{number}" for number in range(4)])
    assert len(found) == 4
    # A topic may hold what a picture's language takes for a formula.
    odd = "costs $5 or $\\frac more " * 20
    png = course_picture([TitledCourse(odd, odd, course) for course in found])
    assert is_png(png) and len(png) < MOST_BYTES
    none = course_picture([])
    assert is_png(none) and none != png


def test_an_experiment_that_stays_as_it_was_is_drawn_once(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    for name in ("old", "new"):
        arms = {"A": daily(0.05, 2000, 9), "B": daily(0.06, 2000, 9)}
        add_experiment(warehouse, arms, experiment_id=name)
    update_results(warehouse, clock)
    with warehouse.transaction() as con:
        old, new = courses(con, ["old", "new"])
    first = course_picture([TitledCourse("t", "decided", old)])
    drawn = _drawn_row.cache_info().misses
    both = [TitledCourse("t", "decided", old), TitledCourse("t", "running", new)]
    picture = course_picture(both)
    assert _drawn_row.cache_info().misses == drawn + 1
    _drawn_row.cache_clear()
    assert course_picture(both) == picture != first
    assert course_picture([TitledCourse("t", "other words", old)]) != first


def test_a_picture_does_not_depend_on_what_was_drawn_before_it() -> None:
    several = [_made(3), _made(1, is_final=True), _made(14), _made(1), _made(9)]
    alone = []
    for course in several:
        _figure_with_axes.cache_clear()
        _drawn_row.cache_clear()
        alone.append(course_picture([TitledCourse("t", "v", course)]))
    _drawn_row.cache_clear()
    assert [course_picture([TitledCourse("t", "v", one)]) for one in several] == alone
    assert len(set(alone)) == len(several)


def _made(looks: int, is_final: bool = False) -> Course:
    """A course whose rates and evidence are other ones for each number of looks."""
    days = np.array([14.0]) if is_final else np.arange(1.0, looks + 1)
    rate = 0.01 * looks + 0.001 * days
    arms = tuple(
        ArmCourse(arm, days, factor * rate, 0.8 * factor * rate, 1.3 * factor * rate)
        for arm, factor in (("A", 1.0), ("B", 1.2))
    )
    z = 2.5 if is_final else None
    pair = PairCourse("A", "B", days, np.exp(0.4 * days), "B", z)
    return Course(f"e{looks}", is_final, arms, (pair,))


def is_png(content: bytes) -> bool:
    width, height = struct.unpack(">II", content[16:24])
    return content.startswith(b"\x89PNG") and width > 200 and height > 80

"""Checks a ranker's calibration: the slope of outcome on forecast, and coverage.

It uses recorded bets, whose forecasts were made before the ranker learnt their
outcomes. The slope should be 1; near 0 the forecasts no longer hold, e.g. since the
audience has changed. The check runs every month, so it warns only at three standard
errors beyond the accepted range, not at two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ig_assets.core.models.registry import ModelRow
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

LEAST_PAIRS = 30
RECENT_MONTHS = 6
SLOPES = (0.8, 1.25)
LEAST_COVER = 0.85
_ERRORS = 3.0

_PAIRS_OF = """
WITH recent AS (
    SELECT DISTINCT month
    FROM ranker_bets
    WHERE series = $1 AND pair > 0
    ORDER BY month DESC NULLS LAST
    LIMIT $2
)
SELECT count(*) AS pairs,
    sum(expected * difference / variance) AS moment,
    sum(expected * expected / variance) AS weight,
    count(*) FILTER (
        WHERE abs(difference - expected) <= 1.6448536269514722 * sqrt(variance)
    ) AS covered
FROM ranker_bets
WHERE series = $1 AND pair > 0 AND month IN (SELECT month FROM recent)
"""


@dataclass(frozen=True)
class Calibration:
    """The slope with its standard error, and the coverage of 90 % intervals.

    `pairs` is the number of bets. The other values are None without a pair.
    """

    pairs: int
    slope: float | None
    slope_se: float | None
    cover: float | None

    @property
    def problem(self) -> str | None:
        """A sentence on what is wrong with the forecasts, or None.

        It is also None if there are too few pairs.
        """
        if self.pairs < LEAST_PAIRS or self.slope is None or self.slope_se is None:
            return None
        error = _ERRORS * self.slope_se
        if self.slope + error < SLOPES[0]:
            return (
                f"what comes out is {self.slope:.2f} of what is expected: it promises "
                "too much, or the audience has changed"
            )
        if self.slope - error > SLOPES[1]:
            return f"what comes out is {self.slope:.2f} of what is expected"
        chance = _ERRORS * math.sqrt(0.09 / self.pairs)
        if self.cover is not None and self.cover + chance < LEAST_COVER:
            return f"its intervals of 90 % hold {self.cover:.0%} of the outcomes"
        return None

    def __str__(self) -> str:
        if self.pairs < LEAST_PAIRS or self.slope is None or self.cover is None:
            return f"insufficient: {self.pairs} of {LEAST_PAIRS} pairs of posts bet on"
        return (
            f"slope {self.slope:.2f} ± {self.slope_se:.2f}, intervals of 90 % hold "
            f"{self.cover:.0%}, {self.pairs:,} pairs"
        )


def series_of(encoder_model: str, simulated: bool) -> str:
    """Return the name of the series of bets of one encoder and one kind of audience."""
    return f"{encoder_model} {'simulated' if simulated else 'real'}"


def series_of_model(model: ModelRow) -> str:
    """Return the name of the series of bets of a registered ranker."""
    known = model.artifact or {}
    return series_of(model.base_model, bool(known.get("simulated")))


def calibration(con: Connection, series: str, months: int | None = None) -> Calibration:
    """Return the calibration of a series of bets, of its newest `months` or of all."""
    [row] = fetch_dicts(con, _PAIRS_OF, [series, months or 1_000_000])
    pairs, weight = int(row["pairs"]), row["weight"]
    if not weight:
        return Calibration(pairs, None, None, None)
    return Calibration(
        pairs,
        float(row["moment"] / weight),
        float(1 / math.sqrt(weight)),
        row["covered"] / pairs,
    )

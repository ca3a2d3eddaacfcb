"""Draws the spending per day and the used share of each budget."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime

from ig_assets.core.costs.budget import WARN_AT, BudgetUsage
from ig_assets.warehouse.warehouse import Connection

_DAYS = """
SELECT CAST(coalesce(sent_at, called_at) AS DATE) AS day,
    CAST(sum(coalesce(cost_usd, reserved_usd, 0)) AS DOUBLE) AS usd
FROM api_calls
WHERE coalesce(sent_at, called_at) < ?
GROUP BY day
ORDER BY day DESC
LIMIT 31
"""


def daily_spend(con: Connection, now: datetime) -> list[tuple[date, float]]:
    """Return (day, USD) of the last 31 days with calls, oldest first.

    A call of unknown cost counts with its reservation.
    """
    return list(reversed(con.execute(_DAYS, [now]).fetchall()))


def spend_picture(
    days: Sequence[tuple[date, float]], usages: Sequence[BudgetUsage]
) -> bytes:
    """Return a small PNG: USD per day on the left, shares of the budgets on the right.

    A budget above 80 % is red; the dashed line marks 100 %.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height = max(2.2, 0.45 * len(usages) + 1.0)
    figure = Figure(figsize=(8.0, height), dpi=80, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    spent, used = figure.subplots(1, 2)
    labels = [f"{day:%m-%d}" for day, _ in days]
    spent.bar(labels, [usd for _, usd in days], color="#3b6ea5")
    spent.set_title("USD a day", fontsize=9)
    spent.tick_params(axis="x", labelrotation=90, labelsize=6)
    shares = [min(usage.share, 1.5) for usage in usages]
    colours = ["#d1495b" if s.share > WARN_AT else "#3b6ea5" for s in usages]
    places = range(len(usages))
    used.barh(places, shares, color=colours)
    used.set_yticks(list(places), [str(s.budget) for s in usages], fontsize=7)
    used.axvline(1.0, linestyle="--", color="#222222", linewidth=1)
    used.set_xlim(0.0, 1.1)
    used.set_xticks([0.0, 0.5, WARN_AT, 1.0], ["0", "50 %", "80 %", "100 %"])
    used.tick_params(axis="x", labelsize=7)
    used.set_title("Spent or reserved of each budget", fontsize=9)
    target = io.BytesIO()
    canvas.figure.savefig(target, format="png", metadata={"Software": None})
    return target.getvalue()

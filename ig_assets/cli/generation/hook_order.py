"""Print how the ranker orders hooks, for `ranker score` and `generate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ig_assets.cli.output import errors, print_table
from ig_assets.core.generation.overview import TopicVariant

if TYPE_CHECKING:  # its module needs scipy, which takes 0.3 s
    from ig_assets.core.models.ranker.scoring import OrderedHooks

_UNPROVEN = (
    "The ranker is unproven: it has not yet predicted outcomes better than chance, so "
    "its order may be luck."
)
_SIMULATED = (
    "The ranker learnt from a simulated audience alone, so it says nothing of real "
    "viewers."
)


def print_order(order: OrderedHooks) -> None:
    """Print a table of the hooks, the most promising first, with warnings."""
    if order.state != "proven":
        errors.print(f"[yellow]Warning:[/yellow] {_UNPROVEN}")
    if order.simulated:
        errors.print(f"[yellow]Warning:[/yellow] {_SIMULATED}")
    if order.left_out:
        errors.print(
            f"{order.left_out} arms are left out, since scripts were forgotten."
        )
    against = "the mean of these" if len(order.scores) > 1 else "an average past hook"
    print_table(
        [
            {
                "hook": found.hook,
                "lift": f"{found.lift:+.1%}",
                "90 % interval": f"{found.low:+.0%} to {found.high:+.0%}",
                "P(better)": f"{found.p_better:.2f}",
            }
            for found in order.scores
        ],
        ["hook", "lift", "90 % interval", "P(better)"],
        f"Expected rate against {against}",
    )


def in_order(rows: Sequence[TopicVariant], order: OrderedHooks) -> list[TopicVariant]:
    """Return the variants, the most promising hook first; unscored ones come last."""
    place = {found.hook: n for n, found in enumerate(order.scores)}

    def rank(row: TopicVariant) -> int:
        scored = row["hook"] and not row["rejection"]
        return place.get(" ".join((row["hook"] or "").split()), 0) if scored else 999

    return sorted(rows, key=rank)

"""Forecasts what the next sync would repair in the vector index, and writes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from ig_assets.core.corpus.embedding.spaces import Space, active_space
from ig_assets.core.corpus.index.plan import plan_index
from ig_assets.core.ports import VectorIndex
from ig_assets.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class IndexForecast:
    """What the next sync would repair in the index, in numbers of entries.

    `lost` entries are missing from the store, or the store has another version of them
    than the one written last; the sync writes them again from stored vectors. `surplus`
    entries are orphans, which the sync removes. `is_of_another_time` is true if the
    store is not in the state of the last sync: an older copy was restored, or a sync is
    writing.
    """

    lost: int
    surplus: int
    is_of_another_time: bool

    @property
    def sentence(self) -> str:
        """One sentence for a person that says what would be repaired."""
        if not (self.lost or self.surplus or self.is_of_another_time):
            return "Index: nothing to repair."
        why = ""
        if self.is_of_another_time:
            why = " It is not as the last sync left it, as an older copy is."
        return (
            f"Index: {self.lost:,} entries to write again from stored vectors, for "
            f"nothing, and {self.surplus:,} to remove.{why}"
        )


def forecast_index(
    warehouse: Warehouse, index: VectorIndex, space: Space
) -> IndexForecast:
    """Compare the index with the corpus, in `space` and in the active space.

    The function writes nothing. Raises VendorError.
    """
    with warehouse.transaction() as con:
        answering = active_space(con, index.name)
    plans = [plan_index(warehouse, index, s) for s in {space, answering or space}]
    return IndexForecast(
        lost=sum(write.action == "repair" for plan in plans for write in plan.writes),
        surplus=sum(plan.orphans for plan in plans),
        is_of_another_time=not all(plan.state.is_trusted for plan in plans),
    )

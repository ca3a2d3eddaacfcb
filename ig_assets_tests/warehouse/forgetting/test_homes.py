"""A request to forget, carried out on a server's home, and again on an older copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from ig_assets.adapters.faiss.index import FaissIndex
from ig_assets.core.forgetting.traces.copies import Bounds
from ig_assets.core.forgetting.service import forget, resume
from ig_assets.core.forgetting.steps import Forgetting
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import FixedClock
from ig_assets_tests.core.forgetting.forgetting_factory import no_vendor
from ig_assets_tests.factories.warehouses import cells
from ig_assets_tests.warehouse.conftest import MakeHome
from ig_assets_tests.warehouse.forgetting.test_erasing import PHRASE, fill


def work_on(home: Warehouse, folder: Path) -> Forgetting:
    return Forgetting(
        clock=FixedClock(),
        machine_clock=FixedClock(),
        warehouse=home,
        index=FaissIndex(folder / "faiss", "i"),
        batches=no_vendor,
        receipts=folder / "forgotten",
        datasets=folder / "datasets",
        searched=(folder,),
        library=None,
        bounds=Bounds(0.5, 15),
        rolls_back=True,
        seed=7,
        base_model="tiny",
    )


@pytest.mark.further
@pytest.mark.parametrize("kind", ["postgres", "ducklake"])
def test_a_server_forgets_says_what_it_keeps_and_forgets_again_after_a_restore(
    kind: str, make_new_home: MakeHome, tmp_path: Path
) -> None:
    home = make_new_home(kind)
    fill(home)
    receipt = forget(work_on(home, tmp_path), ["library/x"], "a letter", "rita")
    assert receipt is not None
    assert not any(PHRASE in cell for cell in cells(home))
    assert receipt.fields["steps"]["search"]["places"] == {}
    assert "write-ahead log" in str(receipt.fields["not_undone"])
    older = make_new_home(kind)
    fill(older)
    [again] = resume(work_on(older, tmp_path))
    assert again.request_id == receipt.request_id
    assert not any(PHRASE in cell for cell in cells(older))

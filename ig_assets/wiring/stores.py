"""Choose the clock, the warehouse, the library and the vector index."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from ig_assets.adapters.simulated.clocks import SimulatedClock, SystemClock
from ig_assets.core.costs.ledger.ledger import Ledger
from ig_assets.core.ports import Clock, LibraryStore, VectorIndex
from ig_assets.settings import Settings
from ig_assets.warehouse.forgetting.receipts import receipts_folder
from ig_assets.warehouse.warehouse import LOCK_TIMEOUT_S, Warehouse

if TYPE_CHECKING:
    from ig_assets.adapters.pinecone.client import PineconeAccount

INDEX_NAME = "scripts"

_MADE: WeakValueDictionary[tuple[str, type[Clock], Path], Warehouse] = (
    WeakValueDictionary()
)
_MAKING = Lock()


def make_clock(settings: Settings) -> Clock:
    """Return the machine's clock, or the simulated clock of this data folder."""
    if not settings.uses_simulated_clock:
        return SystemClock()
    start = datetime.strptime(settings.first_month, "%Y-%m")
    return SimulatedClock(settings.data_dir / "clock.json", start)


def make_money_clock() -> Clock:
    """Return the system's clock, by whose days and months budgets count."""
    return SystemClock()


def make_warehouse(
    settings: Settings, clock: Clock, lock_timeout_s: float = LOCK_TIMEOUT_S
) -> Warehouse:
    """Return the warehouse of `IG_WAREHOUSE_URL`, one object per process at a time.

    All callers get the same object as long as one of them keeps it; therefore the loop
    keeps it while it runs. Two objects would detach the home from each other, and each
    would check the migrations.
    """
    location = settings.warehouse_location
    key = (location, type(clock), settings.data_dir)
    with _MAKING:
        found = _MADE.get(key)
        if found is None:
            found = Warehouse(location, clock.now, lock_timeout_s)
            _MADE[key] = found
        return found


def receipts_of(settings: Settings, warehouse_file: Path | None) -> Path:
    """Return the folder of receipts of forgotten scripts.

    It is beside the warehouse's file; without a file it is in the data folder.
    """
    if warehouse_file is None:
        return settings.data_dir / "forgotten"
    return receipts_folder(warehouse_file)


def make_ledger(settings: Settings, warehouse: Warehouse, clock: Clock) -> Ledger:
    """Return the ledger with the budgets of the settings."""
    return Ledger(
        warehouse, clock, settings.all_budgets, money_clock=make_money_clock()
    )


def make_library(settings: Settings) -> LibraryStore:
    """Return the library at the folder or URL that `IG_LIBRARY` names."""
    location = settings.library.removeprefix("file://")
    if "://" in location:
        from ig_assets.adapters.script_library.url import UrlLibrary

        return UrlLibrary(location)
    from ig_assets.adapters.script_library.folder import FolderLibrary

    return FolderLibrary(location)


def make_pinecone_account(settings: Settings) -> PineconeAccount:
    """Return the account of the settings' Pinecone key, which must be set."""
    from ig_assets.adapters.pinecone.client import PineconeAccount

    key, following = settings.pinecone_api_key, settings.pinecone_api_key_next
    assert key is not None, "load_settings() has checked it"
    return PineconeAccount(
        api_key=key.get_secret_value(),
        host=settings.pinecone_host,
        index_name=settings.pinecone_index,
        cloud=settings.pinecone_cloud,
        region=settings.pinecone_region,
        next_key=None if following is None else following.get_secret_value(),
    )


def make_index(settings: Settings) -> VectorIndex:
    """Return the vector index of the settings."""
    if settings.index == "pinecone":
        from ig_assets.adapters.pinecone.index import PineconeIndex

        return PineconeIndex(make_pinecone_account(settings), INDEX_NAME)
    from ig_assets.adapters.faiss.index import FaissIndex

    return FaissIndex(settings.data_dir / "faiss", INDEX_NAME)

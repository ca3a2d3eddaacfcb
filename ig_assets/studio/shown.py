"""Read the warehouse for pages without a long wait.

If the warehouse is busy for `BUSY_S`, a page shows what was read last, with its time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, TypeVar, cast

from ig_assets.core.operations.log_lines import log_to_file
from ig_assets.errors import WarehouseBusyError
from ig_assets.settings import load_settings
from ig_assets.warehouse.warehouse import Connection, Warehouse
from ig_assets.wiring import Services, make_money_clock, make_warehouse

T = TypeVar("T")
BUSY_S = 2.0
"""Seconds that a page waits for its turn at the warehouse."""
KEPT = 200
"""Number of answers that are kept for times when the warehouse is busy."""


@dataclass(frozen=True)
class Shown(Generic[T]):
    """An answer that was read at `read_at` (naive UTC).

    `is_old` says that it is an earlier answer, since the warehouse was busy.
    """

    value: T
    read_at: datetime
    is_old: bool = False


class Reader:
    """Read the warehouse for pages. Threads may share one object."""

    def __init__(self, warehouse: Warehouse, now: Callable[[], datetime]) -> None:
        self._warehouse = warehouse
        self._now = now
        self._last: OrderedDict[Hashable, Shown[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, key: Hashable, query: Callable[[Connection], T]) -> Shown[T]:
        """Return the answer of `query`, or an earlier one if the warehouse is busy.

        The earlier one is the last answer for `key`. Raises WarehouseBusyError if there
        is none.
        """
        try:
            with self._warehouse.transaction() as con:
                value = query(con)
        except WarehouseBusyError:
            with self._lock:
                last = self._last.get(key)
            if last is None:
                raise
            return Shown(cast(T, last.value), last.read_at, True)
        shown = Shown(value, self._now())
        with self._lock:
            self._last[key] = shown
            self._last.move_to_end(key)
            while len(self._last) > KEPT:
                self._last.popitem(last=False)
        return shown


@dataclass(frozen=True)
class StudioServices(Services):
    """The services of the settings, with a short wait for the warehouse."""

    @cached_property
    def warehouse(self) -> Warehouse:
        """Return the warehouse, which waits at most `BUSY_S` for its turn."""
        return make_warehouse(self.settings, self.clock, BUSY_S)

    @cached_property
    def reader(self) -> Reader:
        """Return the reader with which pages read the warehouse."""
        return Reader(self.warehouse, make_money_clock().now)


_lock = threading.Lock()
_made: list[StudioServices] = []


def studio_services() -> StudioServices:
    """Return the services of this process; make them again if the settings changed.

    Raises SettingsError.
    """
    settings = load_settings()
    with _lock:
        if not _made or _made[0].settings is not settings:
            _made[:] = [StudioServices(settings)]
            log_to_file(settings.data_dir, settings.log_format, settings.log_level)
        return _made[0]

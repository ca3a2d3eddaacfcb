"""What a page shows of the warehouse: the present, or the last that could be read.

A page never waits for a busy warehouse: after `BUSY_S` it shows what was read last,
with the time.
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
"""A page waits so long for its turn."""
KEPT = 200
"""Answers that are kept for when the warehouse is busy."""


@dataclass(frozen=True)
class Shown(Generic[T]):
    """An answer; `read_at` is when (naive UTC), `is_old` where it is not of now."""

    value: T
    read_at: datetime
    is_old: bool = False


class Reader:
    """Reads the warehouse for pages; safe to share between threads."""

    def __init__(self, warehouse: Warehouse, now: Callable[[], datetime]) -> None:
        self._warehouse = warehouse
        self._now = now
        self._last: OrderedDict[Hashable, Shown[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, key: Hashable, query: Callable[[Connection], T]) -> Shown[T]:
        """The answer of now, or the last of this key where the warehouse is busy.

        Raises WarehouseBusyError where there was none yet.
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
    """The services of the settings, with a warehouse that is not waited for long."""

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse."""
        return make_warehouse(self.settings, self.clock, BUSY_S)

    @cached_property
    def reader(self) -> Reader:
        """What pages read the warehouse with."""
        return Reader(self.warehouse, make_money_clock().now)


_lock = threading.Lock()
_made: list[StudioServices] = []


def studio_services() -> StudioServices:
    """The services of this process; made anew where the settings have changed.

    Raises SettingsError.
    """
    settings = load_settings()
    with _lock:
        if not _made or _made[0].settings is not settings:
            _made[:] = [StudioServices(settings)]
            log_to_file(settings.data_dir, settings.log_format, settings.log_level)
        return _made[0]

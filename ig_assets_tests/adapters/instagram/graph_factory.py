"""Factories for tests of Instagram: a stand-in server, a moved clock, counted sleep."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from ig_assets.adapters.instagram.ad_studies import Advertiser, InstagramAdStudies
from ig_assets.adapters.instagram.client import GraphClient
from ig_assets.adapters.instagram.social_platform import Instagram
from ig_assets.core.experiments.posts.containers import ContainerStore
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.factories.warehouses import migrated_warehouse
from ig_assets_tests.stand_ins.graph_ads import AD_ACCOUNT, BUSINESS, FACEBOOK_PAGE
from ig_assets_tests.stand_ins.graph_server import ACCOUNT, SECRET, TOKEN, GraphServer

START = datetime(2026, 1, 5, 9)


@dataclass
class Time:
    """A clock that only sleeping, or a test, moves."""

    present: datetime = START
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.present

    def monotonic(self) -> float:
        return (self.present - START).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.present += timedelta(seconds=seconds)


@dataclass
class GraphFactory:
    """One account on the stand-in, its adapter and its warehouse."""

    time: Time
    server: GraphServer
    warehouse: Warehouse
    token: str = TOKEN

    def client(self) -> GraphClient:
        return GraphClient(
            lambda: self.token,
            SECRET,
            self.server.url,
            sleep=self.time.sleep,
            monotonic=self.time.monotonic,
        )

    def instagram(self) -> Instagram:
        """A new process's adapter: it knows only what is stored."""
        containers = ContainerStore(self.warehouse)
        client, sleep = self.client(), self.time.sleep
        return Instagram(client, ACCOUNT, containers, self.time, sleep=sleep)

    def ad_studies(self) -> InstagramAdStudies:
        """A new process's split tests."""
        whose = Advertiser(AD_ACCOUNT, BUSINESS, FACEBOOK_PAGE, ACCOUNT)
        return InstagramAdStudies(self.client(), whose)


@contextmanager
def graph_env(folder: Path) -> Iterator[GraphFactory]:
    time = Time()
    warehouse = migrated_warehouse(folder / "w.duckdb", time.now)
    with GraphServer(time.now) as server:
        yield GraphFactory(time, server, warehouse)

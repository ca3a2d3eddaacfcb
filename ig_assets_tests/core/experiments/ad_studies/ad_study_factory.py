"""Published reels of one experiment, and an ad account at the stand-in vendor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from ig_assets.core.experiments.ad_studies.service import AdStudyService
from ig_assets.core.experiments.ad_studies.terms import AdStudyRequest
from ig_assets.core.experiments.engagement.collect import (
    EngagementSummary,
    collect_engagement,
)
from ig_assets.core.identity import text_hash
from ig_assets.core.ports import AdAccount, AdStudies, AdStudyObject
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.adapters.instagram.graph_factory import (
    START,
    GraphFactory,
    graph_env,
)
from ig_assets_tests.core.experiments.experiment_factory import add_topic, rows_of
from ig_assets_tests.stand_ins.graph_ads import EDGES, AdObject, AdsStandIn

ALL = {"campaign": 1, "ad_set": 2, "creative": 2, "ad": 2, "study": 1}
CALLS = sum(ALL.values())
SWITCHES = 5
PATHS = {kind: path for path, kind in EDGES.items()}
REQUEST = AdStudyRequest(budget=60.0, days=7, countries=("US", "GB"), max_age=44)
OUT = START - timedelta(days=3)


@dataclass
class AdStudyEnv:
    """One account; every call of `service` is a new process."""

    world: GraphFactory

    @property
    def warehouse(self) -> Warehouse:
        return self.world.warehouse

    @property
    def vendor(self) -> AdsStandIn:
        return self.world.server.ads

    def service(
        self, limit: float = 100.0, ads: AdStudies | None = None
    ) -> AdStudyService:
        time = self.world.time
        ads = ads or self.world.ad_studies()
        return AdStudyService(self.warehouse, time, ads, limit, time.sleep)

    def running(self, request: AdStudyRequest = REQUEST) -> str:
        """The id of a test that was planned and started."""
        study = self.service().plan("e1", request)
        return self.service().start(study.split_id).split_id

    def pass_time(self, **by: float) -> None:
        self.world.time.present += timedelta(**by)

    def read(self, day: date | None = None) -> EngagementSummary:
        """Collect a day's engagement, the present day's by default."""
        day = day or self.world.time.now().date()
        platform = self.world.instagram()
        return collect_engagement(self.warehouse, self.world.time, platform, day)

    def read_daily(self, days: int) -> None:
        """Read at one in the morning, so many days in a row."""
        for _ in range(days):
            tomorrow = self.world.time.now().date() + timedelta(days=1)
            self.world.time.present = datetime.combine(tomorrow, time(1))
            self.read()

    def ad_of(self, arm: str) -> AdObject:
        """The ad of an arm, found by its name."""
        [ad] = [ad for ad in self.vendor.of("ad") if f"ad {arm} " in ad.fields["name"]]
        return ad

    def made(self) -> dict[str, int]:
        """How many objects of a kind there are at the vendor."""
        return dict(Counter(item.kind for item in self.vendor.objects.values()))

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return rows_of(self.warehouse, sql)


class Died(BaseException):
    """Stands for kill -9."""


class Dying:
    """The vendor as a process sees it that is killed around its n-th write."""

    platform = "instagram_ads"

    def __init__(self, one: AdStudyEnv, dies_at: int, before: bool) -> None:
        self._ads = one.world.ad_studies()
        self._left = dies_at
        self._before = before

    def account(self) -> AdAccount:
        return self._ads.account()

    def check_audiences(self, numbers: Sequence[str]) -> None:
        self._ads.check_audiences(numbers)

    def find(self, kind: str, intent_key: str) -> str | None:
        return self._ads.find(kind, intent_key)

    def make(self, part: AdStudyObject) -> str:
        return str(self._write(lambda: self._ads.make(part)))

    def switch(self, object_id: str, on: bool) -> None:
        self._write(lambda: self._ads.switch(object_id, on))

    def _write(self, call: Any) -> Any:
        self._left -= 1
        if self._left == 0 and self._before:
            raise Died
        answer = call()
        if self._left == 0:
            raise Died
        return answer


def add_reels(
    world: GraphFactory,
    arms: Sequence[str] = "AB",
    aa_duplicate: bool = False,
    **experiment: Any,
) -> None:
    """Organic reels of experiment e1, three days old; optionally A's A/A duplicate."""
    row = {
        "experiment_id": "e1",
        "month": "2026-01",
        "topic_id": "t1",
        "segment": "all",
        "numerator": "likes",
        "denominator": "reach",
        "randomised": False,
        "sigma": 0.2,
        "simulated": False,
        "started_at": OUT,
        "ends_at": OUT + timedelta(days=28),
        "status": "running",
    } | experiment
    posted = [(arm, None) for arm in arms] + [("A (A/A)", "post-A")] * aa_duplicate
    posts = [
        {
            "post_id": f"post-{arm}",
            "duplicate_of": duplicate_of,
            "experiment_id": "e1",
            "variant_id": f"t1-{arm[0]}",
            "arm": arm,
            "hook_style": "question",
            "platform": "instagram",
            "platform_post_id": f"70{number}",
            "published_revision_hash": text_hash(f"words of {arm}"),
            "status": "published",
            "published_at": OUT,
        }
        for number, (arm, duplicate_of) in enumerate(posted, start=1)
    ]
    with world.warehouse.transaction() as con:
        merge_rows(con, "experiments", [row])
        merge_rows(con, "posts", posts)
    for post in posts:
        world.server.add(str(post["platform_post_id"]), posted_at=OUT)


@contextmanager
def ad_study_env(folder: Path) -> Iterator[AdStudyEnv]:
    with graph_env(folder) as world:
        add_topic(world.warehouse, styles=("question", "number", "story"))
        yield AdStudyEnv(world)

"""Plans, starts and stops split tests of published reels, as Meta ad studies.

A test's status goes planned → paused → starting → running → stopping → stopped. All its
objects at the vendor are created paused, so nothing is spent before a person starts the
test, and never more than the requested budget. A test is an experiment, separate from
that of the reels; its arms are the ads.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ig_assets.core.costs.cancellation import wait_to_send
from ig_assets.core.experiments.ad_studies.experiment import (
    add_experiment,
    mark_declined,
    mark_published,
)
from ig_assets.core.experiments.ad_studies.provision import Sleep, make_all
from ig_assets.core.experiments.ad_studies.store import (
    ALL_ARMS,
    AdStudy,
    AdStudyStore,
    StoredStudyObject,
    move,
    studies_of,
    write_rows,
)
from ig_assets.core.experiments.ad_studies.terms import (
    AdStudyRequest,
    check_limit,
    terms_of,
)
from ig_assets.core.identity import stable_id
from ig_assets.core.ports import AdAccount, AdStudies, Clock
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection, Warehouse

PLATFORM = "instagram"
STARTABLE = ("paused", "starting")
STOPPABLE = ("planned", "paused", "starting", "running", "stopping")
STUDY_STATUSES = (*STOPPABLE, "stopped")

_REELS = """
SELECT p.post_id, p.arm, p.platform_post_id AS media_id
FROM posts AS p
WHERE p.experiment_id = ?
  AND p.platform = ?
  AND p.status = 'published'
  AND p.platform_post_id IS NOT NULL
  AND p.duplicate_of IS NULL
ORDER BY p.arm, p.post_id
"""


@dataclass(frozen=True)
class AdStudyService:
    """Plans, starts and stops split tests at one vendor.

    `limit` is the most that one test may cost, in whole units of the ad account's
    currency; 0 allows none.
    """

    warehouse: Warehouse
    clock: Clock
    ads: AdStudies
    limit: float
    sleep: Sleep = wait_to_send

    def plan(
        self, experiment_id: str, request: AdStudyRequest, payer: str | None = None
    ) -> AdStudy:
        """Create a split test of an experiment's reels, with all of its objects paused.

        An experiment has at most one open test: planning it again creates the objects
        that are still missing. Raises InputError for an invalid request, for fewer than
        two reels, and for terms other than those of the open test. Raises VendorError;
        objects that were created before the error are kept.
        """
        request.check()
        check_limit(request.budget, self.limit)
        study = self._open(experiment_id)
        if study is None:
            self.ads.check_audiences(request.custom_audiences)
            study = self._write_plan(experiment_id, request, payer, self.ads.account())
        if not request.is_of(study):
            raise InputError(
                f"The split test {study.split_id} of this experiment is {study.status} "
                "on other terms (budget, days, audience); give the same or end it with "
                f"`ig-assets split stop {study.split_id}`."
            )
        if study.status == "planned":
            self._check_in_time(study)
            study = self._store.move(study.split_id, ("planned",), payer=payer)
            make_all(self._store, self.clock, self.ads, study, self.sleep)
            with self.warehouse.transaction() as con:
                study = add_experiment(con, study)
        return study

    def start(self, split_id: str, run_id: str = "") -> AdStudy:
        """Start a test: turn on its ads, and last its campaign.

        The test spends money once the campaign is on. The call may be repeated until
        the test is running. Raises InputError for a test that cannot be started. Raises
        VendorError, after which the test may be running unless the error says that it
        is not.
        """
        study = self._store.study(split_id)
        if study.status == "running":
            return study
        self._check_startable(study)
        self._store.move(split_id, STARTABLE, status="starting")
        objects = self._store.objects(split_id)
        for kind in ("ad", "ad_set"):
            for (found, _), item in objects.items():
                if found == kind:
                    self.ads.switch(_id_of(item), True)
        started_at = study.started_at or self.clock.now()
        self._store.move(split_id, ("starting",), started_at=started_at)
        campaign = _id_of(objects["campaign", ALL_ARMS])
        self.ads.switch(campaign, True)
        try:
            with self.warehouse.transaction() as con:
                study = move(con, split_id, ("starting",), status="running")
                mark_published(con, study, run_id)
        except InputError:  # it was stopped meanwhile
            self.ads.switch(campaign, False)
            raise
        return study

    def stop(self, split_id: str, run_id: str = "") -> AdStudy:
        """Pause a test's campaign for good; its results are still read and decided.

        Raises VendorError. The campaign may then still spend money, so call the
        function again.
        """
        study = self._store.study(split_id)
        if study.status == "stopped":
            return study
        self._store.move(split_id, STOPPABLE, status="stopping")
        campaign = self._store.objects(split_id)["campaign", ALL_ARMS]
        if campaign.object_id is not None:
            self.ads.switch(campaign.object_id, False)
        now = self.clock.now()
        with self.warehouse.transaction() as con:
            study = move(con, split_id, STOPPABLE, status="stopped", stopped_at=now)
            if study.started_at is None:
                mark_declined(con, study)
            else:
                mark_published(con, study, run_id)
        return study

    @property
    def _store(self) -> AdStudyStore:
        return AdStudyStore(self.warehouse)

    def _open(self, experiment_id: str) -> AdStudy | None:
        with self.warehouse.transaction() as con:
            return _open_study(con, experiment_id, self.clock.now())

    def _write_plan(
        self,
        experiment_id: str,
        request: AdStudyRequest,
        payer: str | None,
        account: AdAccount,
    ) -> AdStudy:
        """Store a test and an intent row per object, unless a test is open already.

        Returns the stored or the open test. Raises InputError for fewer than two reels.
        """
        now = self.clock.now()
        with self.warehouse.transaction() as con:
            reels = fetch_dicts(con, _REELS, [experiment_id, PLATFORM])
            if len(reels) < 2:
                raise InputError(
                    f"The experiment {experiment_id} has {len(reels)} reels on "
                    "Instagram, and a split test needs two; publish or attach them "
                    "first."
                )
            if study := _open_study(con, experiment_id, now):
                return study
            terms = terms_of(request, len(reels), account, now, payer)
            number = len(studies_of(con, experiment_id))
            split_id = stable_id("split test", experiment_id, number)
            study = AdStudy(
                split_id=split_id,
                of_experiment_id=experiment_id,
                experiment_id=stable_id("experiment", split_id),
                budget=request.budget,
                currency=account.currency,
                spend_cap=terms.spend_cap,
                arm_budget=terms.arm_budget,
                days=request.days,
                countries=",".join(terms.countries),
                min_age=terms.min_age,
                max_age=terms.max_age,
                payer=terms.payer,
                starts_at=terms.starts_at,
                ends_at=terms.ends_at,
                status="planned",
                planned_at=now,
                custom_audiences=",".join(terms.custom_audiences) or None,
            )
            write_rows(con, [study])
            write_rows(con, _intents(split_id, reels))
        return study

    def _check_in_time(self, study: AdStudy) -> None:
        """Raise InputError if the study's planned start has passed.

        Meta divides the audience only for studies that are created before they start.
        """
        if self.clock.now() >= study.starts_at:
            raise InputError(
                f"The split test {study.split_id} was not all made before it should "
                f"have begun; end it with `ig-assets split stop {study.split_id}` and "
                "plan another."
            )

    def _check_startable(self, study: AdStudy) -> None:
        if study.status not in STARTABLE:
            how = "plan it again" if study.status == "planned" else "plan another"
            raise InputError(
                f"The split test {study.split_id} is {study.status}, so it cannot be "
                f"started; {how} with `ig-assets split plan {study.of_experiment_id}`."
            )
        if self.clock.now() >= study.ends_at:
            raise InputError(
                f"The split test {study.split_id} would have ended at "
                f"{study.ends_at:%Y-%m-%d %H:%M}; plan another."
            )
        check_limit(study.budget, self.limit)


def _open_study(con: Connection, of_id: str, now: datetime) -> AdStudy | None:
    """Return the open split test of an experiment (at most one exists), or None."""
    for study in studies_of(con, of_id):
        if study.status != "stopped" and now < study.ends_at:
            return study
    return None


def _intents(split_id: str, reels: list[dict[str, Any]]) -> list[StoredStudyObject]:
    """Return an intent row for every object of the test; none is requested yet."""
    wanted = [("campaign", ALL_ARMS, None, None), ("study", ALL_ARMS, None, None)]
    for reel in reels:
        for kind in ("ad_set", "creative", "ad"):
            wanted.append((kind, reel["arm"], reel["post_id"], reel["media_id"]))
    return [
        StoredStudyObject(
            split_id=split_id,
            kind=kind,
            arm=arm,
            intent_key=stable_id("split object", split_id, kind, arm),
            of_post_id=post_id,
            media_id=media_id,
        )
        for kind, arm, post_id, media_id in wanted
    ]


def _id_of(item: StoredStudyObject) -> str:
    assert item.object_id is not None, "a test is paused once all of it is made"
    return item.object_id

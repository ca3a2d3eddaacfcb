"""Creates the objects of an ad study at the vendor idempotently.

Meta has no idempotency key, but an object's name can be chosen: after a lost answer or
a crash the object is searched for by its name before it is created.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from ig_assets.core.costs.cancellation import wait_to_send
from ig_assets.core.experiments.ad_studies.store import (
    ALL_ARMS,
    AdStudy,
    AdStudyStore,
    StoredStudyObject,
)
from ig_assets.core.ports import AdStudies, AdStudyObject, Clock
from ig_assets.errors import (
    AccessError,
    MalformedAnswerError,
    RefusedError,
    TransientVendorError,
    VendorError,
)

LOOKS, LOOK_S = 3, 10.0
# For this long after a request, an object that is not listed may still appear.
SETTLED_AFTER = timedelta(minutes=10)

Sleep = Callable[[float], None]


def make_all(
    store: AdStudyStore,
    clock: Clock,
    ads: AdStudies,
    study: AdStudy,
    sleep: Sleep = wait_to_send,
) -> dict[str, str]:
    """Create the missing objects, all paused, and return {arm: id of its ad}.

    Raises VendorError. Objects that were created before the error are kept, and the
    next call continues from there.
    """
    maker = _Maker(store, clock, ads, study, sleep)
    campaign = maker.made("campaign", ALL_ARMS, {})
    ad_sets, made = {}, {}
    for arm in maker.arms:
        ad_sets[arm] = maker.made("ad_set", arm, {"campaign": campaign})
        creative = maker.made("creative", arm, {})
        parents = {"ad_set": ad_sets[arm], "creative": creative}
        made[arm] = maker.made("ad", arm, parents)
    maker.made("study", ALL_ARMS, ad_sets)
    return made


class _Maker:
    """Creates the vendor objects of one test."""

    def __init__(
        self,
        store: AdStudyStore,
        clock: Clock,
        ads: AdStudies,
        study: AdStudy,
        sleep: Sleep,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ads = ads
        self._terms = study.terms
        self._sleep = sleep
        self._objects = store.objects(study.split_id)
        self.arms = [arm for kind, arm in self._objects if kind == "ad"]

    def made(self, kind: str, arm: str, parents: Mapping[str, str]) -> str:
        """Return the id of an object; create it only if it certainly does not exist.

        Raises TransientVendorError while an earlier request may still be in progress,
        and any other VendorError of the platform.
        """
        known = self._objects[kind, arm]
        if known.object_id is not None:
            return known.object_id
        if known.asked_at is not None:
            found = self._ads.find(kind, known.intent_key)
            if found is not None:
                return self._note(known, found)
            if self._clock.now() - known.asked_at < SETTLED_AFTER:
                raise TransientVendorError(
                    f"The {_words(kind)} of the split test {known.split_id} may be in "
                    "the making; run it again in ten minutes, nothing is made twice."
                )
        return self._make(known, parents)

    def _make(self, known: StoredStudyObject, parents: Mapping[str, str]) -> str:
        now = self._clock.now()
        if not self._store.claim(known, now):
            raise TransientVendorError(
                f"Another run works on split test {known.split_id}; wait for its end.",
                outcome_unknown=False,
            )
        asked = replace(known, asked_at=now)
        part = AdStudyObject(
            known.kind, known.name, self._terms, parents, known.media_id
        )
        try:
            return self._note(asked, self._ads.make(part))
        except (RefusedError, AccessError):
            self._forget(known)
            raise
        except (TransientVendorError, MalformedAnswerError) as error:
            if isinstance(error, TransientVendorError) and not error.outcome_unknown:
                self._forget(known)
                raise
            problem = str(error)
        if found := self._look_again(asked):
            return self._note(asked, found)
        raise TransientVendorError(
            f"{problem} Run it again in ten minutes: what was made is found by its "
            "name."
        )

    def _look_again(self, asked: StoredStudyObject) -> str | None:
        """Search the vendor for an object whose creation was never answered.

        Returns the vendor's id of the object, or None if several searches do not find
        it.
        """
        for _ in range(LOOKS):
            self._sleep(LOOK_S)
            try:
                found = self._ads.find(asked.kind, asked.intent_key)
            except VendorError:
                continue
            if found is not None:
                return found
        return None

    def _note(self, known: StoredStudyObject, object_id: str) -> str:
        now = self._clock.now()
        self._store.write(replace(known, object_id=object_id, made_at=now))
        return object_id

    def _forget(self, known: StoredStudyObject) -> None:
        """Clear `asked_at` of an object, since the vendor refused to create it."""
        self._store.write(replace(known, asked_at=None))


def _words(kind: str) -> str:
    return kind.replace("_", " ")

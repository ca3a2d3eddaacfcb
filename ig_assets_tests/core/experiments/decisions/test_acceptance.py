"""A broken split trains nobody, unless a person accepts its winner with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ig_assets.core.corpus.library.winners import (
    promote_winners,
    unpromoted_winners,
    withdraw_winners,
)
from ig_assets.core.experiments.decisions.acceptance import accept_winner
from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.core.experiments.decisions.winners import record_winners, winning_scripts
from ig_assets.core.experiments.reports.verdict import experiment_rows
from ig_assets.core.experiments.stats.e_values import MIN_EVENTS
from ig_assets.core.experiments.stats.sample_ratio import LOG_E_ALARM, audience_shares
from ig_assets.core.fine_tuning.training_set.decided_experiments import decided_before
from ig_assets.core.reports.lineage.labels import labels
from ig_assets.core.reports.lineage.trace import trace
from ig_assets.errors import InputError
from ig_assets.warehouse import views, winner_views
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse
from ig_assets_tests.core.experiments.experiment_factory import (
    DAY,
    MovedClock,
    add_experiment,
    daily,
    new_warehouse,
    rows_of,
)

REASON = "arm B was capped on purpose"


@pytest.fixture
def warehouse(tmp_path: Path, clock: MovedClock) -> Warehouse:
    """A clear winner of a broken split (20,000 to 2,000), and one of a sound split."""
    warehouse = new_warehouse(tmp_path, clock)
    broken = {"A": daily(0.05, 20_000), "B": daily(0.1, 2000)}
    add_experiment(warehouse, broken, experiment_id="broken")
    sound = {"A": daily(0.05, 4000), "B": daily(0.1, 4000)}
    add_experiment(warehouse, sound, experiment_id="sound")
    with warehouse.transaction() as con:
        variants = [
            {
                "variant_id": f"{name}-{arm}",
                "revision_hash": f"hash-{name}-{arm}",
                "hook": "hook",
                "text": f"words {name} {arm}",
            }
            for name in ("broken", "sound")
            for arm in "AB"
        ]
        merge_rows(con, "variants", variants)
        con.execute("UPDATE experiments SET topic_id = experiment_id")
        topics = [
            {"month": "2026-01", "topic_id": name, "topic": f"topic {name}"}
            for name in ("broken", "sound")
        ]
        merge_rows(con, "topics", topics)
    update_results(warehouse, clock)
    return warehouse


def boosted(con: Connection) -> Sequence[str]:
    sql = "SELECT experiment_id FROM won_revisions ORDER BY experiment_id"
    return [experiment for (experiment,) in con.execute(sql).fetchall()]


def learnt(con: Connection, clock: MovedClock) -> tuple[list[str], dict[str, int]]:
    found = decided_before(con, clock.now() + DAY)
    return [e.experiment_id for e in found.experiments], dict(found.excluded)


def verdict_of(con: Connection, name: str) -> dict[str, Any]:
    (row,) = experiment_rows(con, 1, experiment_ids=[name])
    return dict(row)


def test_a_winner_under_the_alarm_is_displayed_and_nothing_learns_from_it(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    summary = record_winners(warehouse, clock)
    assert (summary.winners, summary.held) == (2, 1)
    with warehouse.transaction() as con:
        held = {row["experiment_id"]: row["held_by"] for row in winning_scripts(con)}
        assert held == {"broken": "split", "sound": None}
        assert unpromoted_winners(con) == ["sound-B"]
        assert boosted(con) == ["sound"]
        kept, excluded = learnt(con, clock)
        assert kept == ["sound"]
        assert excluded["held: audience not divided as planned"] == 1
        sentence = verdict_of(con, "broken")["verdict"]
    assert sentence.startswith("B wins") and "not divided as planned" in sentence
    assert "ig-assets accept broken --reason" in sentence


def test_a_person_may_accept_it_with_a_reason_and_take_that_back(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    words = {"reason": REASON, "changed_by": "ana"}
    accept_winner(warehouse, clock, "broken", **words)
    with warehouse.transaction() as con:
        assert [w["script_id"] for w in promote_winners(con, clock.now(), "r")] == [
            "winner/broken-B",
            "winner/sound-B",
        ]
        assert boosted(con) == ["broken", "sound"]
        assert learnt(con, clock)[0] == ["broken", "sound"]
        row = verdict_of(con, "broken")
        assert row["split_alarms"] and "ig-assets accept" not in row["verdict"]
        said = f"ana accepted it on 2026-03-02: {REASON}"
        assert row["verdict"].endswith(
            f"not divided as planned, beyond chance, but {said}."
        )
        assert (row["accepted_by"], row["accepted_reason"]) == ("ana", REASON)
        assert row["accepted_at"] == clock.now()
        [won] = [
            r
            for r in trace(con, "experiment", "broken", "up")
            if r.relation == "winner"
        ]
        assert won.accepted == said
        [won] = [
            r for r in trace(con, "experiment", "sound", "up") if r.relation == "winner"
        ]
        assert won.accepted is None
    accept_winner(warehouse, clock, "broken", undo=True, **words)
    with warehouse.transaction() as con:
        assert boosted(con) == ["sound"] and learnt(con, clock)[0] == ["sound"]
        assert verdict_of(con, "broken")["accepted_by"] is None
        assert withdraw_winners(con, clock.now()) == ["winner/broken-B"]
        assert withdraw_winners(con, clock.now()) == []
        assert promote_winners(con, clock.now(), "r") == []
    accept_winner(warehouse, clock, "broken", **words)
    with warehouse.transaction() as con:
        (again,) = promote_winners(con, clock.now(), "r")
        assert again["script_id"] == "winner/broken-B"
        assert withdraw_winners(con, clock.now()) == []
    log = rows_of(warehouse, "SELECT * FROM winner_acceptances ORDER BY changed_at")
    assert [row["is_accepted"] for row in log] == [True, False, True]
    assert {(row["changed_by"], row["reason"]) for row in log} == {("ana", REASON)}


def test_an_acceptance_is_of_the_winner_that_it_was_said_of(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    accept_winner(warehouse, clock, "broken", reason=REASON, changed_by="ana")
    with warehouse.transaction() as con:
        con.execute("UPDATE decisions SET winner_arm = 'A'")
        assert [row[0] for row in con.execute("FROM held_winners").fetchall()] == [
            "broken"
        ]
        assert verdict_of(con, "broken")["verdict"].endswith(
            "B was accepted before; that ended when another arm won."
        )


def test_an_acceptance_ends_when_another_arm_wins_and_does_not_come_back(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    def decided(arm: str | None) -> None:
        clock.present += DAY
        row = {"experiment_id": "broken", "decided_at": clock.now()}
        row |= {"decision": "winner" if arm else "inconclusive", "winner_arm": arm}
        with warehouse.transaction() as con:
            merge_rows(con, "decisions", [row])

    def used() -> bool:
        sql = "SELECT experiment_id FROM usable_winners"
        return {"experiment_id": "broken"} in rows_of(warehouse, sql)

    accept_winner(warehouse, clock, "broken", reason=REASON, changed_by="ana")
    decided(None)
    decided("B")
    assert used()  # nothing else won in between
    decided("A")
    decided("B")
    assert not used()
    with warehouse.transaction() as con:
        assert learnt(con, clock)[0] == ["sound"]
        assert verdict_of(con, "broken")["verdict"].endswith(
            "B was accepted before; that ended when another arm won."
        )
    accept_winner(warehouse, clock, "broken", reason=REASON, changed_by="ana")
    assert used()


def test_lineage_says_that_a_winner_is_held(warehouse: Warehouse) -> None:
    with warehouse.transaction() as con:
        held = {
            name: row.held
            for name in ("broken", "sound")
            for row in trace(con, "experiment", name, "up")
            if row.relation == "winner"
        }
        names = labels(con, [("experiment", "broken"), ("experiment", "sound")])
    assert held == {"broken": "held: audience not divided as planned", "sound": None}
    assert "winner, held" in names["experiment", "broken"]
    assert "held" not in names["experiment", "sound"]


@pytest.mark.parametrize(
    ("name", "words", "sentence"),
    [
        ("broken", {"reason": " "}, "needs a reason"),
        ("sound", {}, "is not held"),
        ("broken", {"undo": True}, "was not accepted"),
        ("none", {}, "has no winner now"),
    ],
)
def test_what_cannot_be_accepted_is_refused_with_a_sentence(
    warehouse: Warehouse,
    clock: MovedClock,
    name: str,
    words: dict[str, Any],
    sentence: str,
) -> None:
    with pytest.raises(InputError, match=sentence):
        accept_winner(
            warehouse, clock, name, **{"reason": REASON, "changed_by": "ana", **words}
        )
    assert rows_of(warehouse, "SELECT * FROM winner_acceptances") == []


def test_the_record_has_the_alarm_of_the_sample_ratio_test(
    warehouse: Warehouse,
) -> None:
    with warehouse.transaction() as con:
        shares = {share.experiment_id: share for share in audience_shares(con)}
        stored = dict(
            con.execute(
                "SELECT experiment_id, max(split_log_e) FROM standings GROUP BY ALL"
            ).fetchall()
        )
    assert shares["broken"].alarms and not shares["sound"].alarms
    for name, share in shares.items():
        assert stored[name] == pytest.approx(share.log_e)


def test_the_views_know_the_limits_of_the_rule() -> None:
    assert winner_views.LOG_E_SPLIT_ALARM == pytest.approx(LOG_E_ALARM, abs=1e-12)
    assert views.MIN_EVENTS == MIN_EVENTS


def test_organic_posts_are_never_held_for_unequal_reach(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    arms = {"A": daily(0.05, 20_000), "B": daily(0.12, 2000)}
    add_experiment(warehouse, arms, experiment_id="organic", sigma=0.2)
    clock.present += timedelta(days=1)
    update_results(warehouse, clock)
    held = rows_of(warehouse, "SELECT experiment_id FROM held_winners")
    assert held == [{"experiment_id": "broken"}]

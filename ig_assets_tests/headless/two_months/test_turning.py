"""Two months are turned by one command and reported."""

from __future__ import annotations

import json

import dagster as dg

from ig_assets.warehouse.data_dictionary import described_tables
from ig_assets_tests.headless.loop_fixtures import FEBRUARY, JANUARY, TurnedLoop


def test_two_months_are_turned_and_closed(turned_loop: TurnedLoop) -> None:
    assert turned_loop.reports[0]["turned"] == [JANUARY, FEBRUARY]
    clock = json.loads((turned_loop.data_dir / "clock.json").read_text())
    assert clock == {"now": "2026-03-01T00:50:00"}


def test_every_status_in_the_tables_is_one_that_the_dictionary_lists(
    turned_loop: TurnedLoop,
) -> None:
    listed = {
        table.name: set(column.values)
        for table in described_tables().values()
        for column in table.columns
        if column.name == "status"
    }
    assert len(listed) == 12 and all(listed.values())
    found = {
        table: {
            row["status"] for row in turned_loop.rows(f"SELECT status FROM {table}")
        }
        for table in listed
    }
    assert found["posts"] and found["api_calls"]
    assert {table: found[table] - listed[table] for table in listed} == dict.fromkeys(
        listed, set()
    )


def test_the_report_says_that_the_audience_is_simulated(
    turned_loop: TurnedLoop,
) -> None:
    assert turned_loop.summary["simulated"] is True


def test_the_page_of_a_run_says_how_far_it_has_come(turned_loop: TurnedLoop) -> None:
    home = str(turned_loop.dagster_home)
    with dg.DagsterInstance.from_config(home) as instance:
        said = [
            entry.event_log_entry.user_message
            for run in instance.get_runs()
            for entry in instance.event_log_storage.get_records_for_run(
                run.run_id
            ).records
        ]
    for line in ("5 of 5 drafts, ", "5 of 5 variants, "):
        assert any(line in message for message in said), line

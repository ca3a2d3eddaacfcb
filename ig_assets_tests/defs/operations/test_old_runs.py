"""Old runs go; the newest materialisation of each partition stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg

from ig_assets.defs.operations.old_runs import delete_runs, old_runs

DAYS = dg.StaticPartitionsDefinition(["a", "b"])


@dg.asset(partitions_def=DAYS)
def by_day() -> None: ...


@dg.asset
def whole() -> None: ...


@dg.op
def nothing() -> None: ...


@dg.job
def no_asset() -> None:
    nothing()


def test_a_run_goes_unless_it_is_the_newest_of_a_partition() -> None:
    with dg.DagsterInstance.ephemeral() as instance:

        def make(asset: dg.AssetsDefinition, partition: str | None = None) -> str:
            done = dg.materialize([asset], instance=instance, partition_key=partition)
            return done.run_id

        first_a, only_b, second_a = (
            make(by_day, "a"),
            make(by_day, "b"),
            make(by_day, "a"),
        )
        first, second = make(whole), make(whole)
        job = no_asset.execute_in_process(instance=instance).run_id
        now = datetime.now(UTC).replace(tzinfo=None)
        assert old_runs(instance, now - timedelta(days=1)) == []
        old = old_runs(instance, now + timedelta(minutes=1))
        assert sorted(old) == sorted([first_a, first, job])
        delete_runs(instance, [*old, "no such run"])
        left = {run.run_id for run in instance.get_runs()}
        assert left == {only_b, second_a, second}
        assert instance.get_materialized_partitions(by_day.key) == {"a", "b"}
        assert old_runs(instance, now + timedelta(minutes=1)) == []

"""A small code location with the job that the retrain workflow starts."""

import dagster as dg

months = dg.MonthlyPartitionsDefinition(start_date="2026-01", fmt="%Y-%m")


@dg.asset(partitions_def=months)
def training_examples() -> None:
    """Nothing, quickly."""


fine_tune_month = dg.define_asset_job("fine_tune_month", [training_examples])

defs = dg.Definitions(assets=[training_examples], jobs=[fine_tune_month])

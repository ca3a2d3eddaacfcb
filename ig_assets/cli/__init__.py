"""The command line `ig-assets`, which calls the same core as Dagster."""

"""Dagster's view of the core: one folder per stage, and thin."""

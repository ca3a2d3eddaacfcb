"""Dagster's view of the stage: assets.py, checks.py, automation.py."""

"""Dagster definitions of the stage: assets.py, checks.py, automation.py."""

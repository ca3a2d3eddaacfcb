"""Dagster definitions of generation: assets.py, checks.py, automation.py."""

"""Dagster definitions of operations: assets.py, checks.py, automation.py."""

"""Dagster definitions of experiments: assets.py, checks.py, automation.py."""

"""Dagster definitions of the corpus: assets.py, checks.py, automation.py."""

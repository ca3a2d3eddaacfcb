"""Dagster definitions of fine-tuning: assets.py, checks.py, automation.py."""

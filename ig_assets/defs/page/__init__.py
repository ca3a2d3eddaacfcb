"""Sentences and static metadata for the pages of assets in Dagster's UI."""

"""Forgetting scripts wherever they went: tables, index, training files, models."""

"""Forget scripts in every place: tables, index, training files and models."""

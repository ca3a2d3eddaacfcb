"""Finds texts that are nearly the same, by their vectors or by their words."""

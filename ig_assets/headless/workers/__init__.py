"""Processes that do part of another process's work: a step of a run, or a topic."""

"""Processes that do a part of a run, or a topic, for another one."""

"""Finds what the tables hold of a script: its rows, copies and quotations."""

"""Reads the library's scripts, records their status, embeds, indexes and finds them."""

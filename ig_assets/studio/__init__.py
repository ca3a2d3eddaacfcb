"""The studio: pages for people who write, which use the commands' services."""

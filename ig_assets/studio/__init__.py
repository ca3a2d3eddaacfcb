"""The studio: pages for people who write, over the same services as the commands."""

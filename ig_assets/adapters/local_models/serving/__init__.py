"""The local server of a writer: its process, record, saved states and probabilities."""

"""The local server of a writer: its process, its record, what it saves and tells."""

"""Tags by which a person asks a run for more than it would do by itself."""

REHASH = "ig/rehash"
"""Read every file of the library, also those that did not change by their times."""

VERIFY = "ig/verify"
"""Compare every entry of the vector index, also where nothing has changed."""

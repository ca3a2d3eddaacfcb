"""Tags by which a person asks a run to do more than it would by itself."""

REHASH = "ig/rehash"
"""Read every file of the library, even if its times show no change."""

VERIFY = "ig/verify"
"""Compare every entry of the vector index, even if nothing has changed."""

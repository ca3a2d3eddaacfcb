"""Limits of relevance for a search, from the judged queries of `benchmarks/relevance`.

They were measured with the local embedding model; cosines of another model may be
higher or lower.
"""

LEAST_RELEVANCE = 0.3
"""A script of lower relevance is about something else."""

NEAR_SHARE = 0.6
"""Share of the greatest relevance below which a script is too far for a draft."""

"""What is near enough for a search, by the judged queries of `benchmarks/relevance`.

With the local embedding model; another model's cosines may lie higher or lower.
"""

LEAST_RELEVANCE = 0.3
"""Below it a script is about something else."""

NEAR_SHARE = 0.6
"""Of the greatest relevance: below it a script is too far for a draft."""

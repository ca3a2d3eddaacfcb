"""Constants that several subpackages of `experiments` share."""

from datetime import timedelta

ADS = "instagram_ads"
"""Platform of the posts that Meta's ad studies run."""

SEGMENT = "split test"
"""Audience segment of an experiment whose audience an ad study divides."""

EXPERIMENT_LENGTH = timedelta(days=28)
"""Time from the first post of an organic experiment to its end."""

UNKNOWN_SIGMA = 0.24
"""Standard deviation between posts (log scale) if none was recorded.

It is the top of the range seen in real data.
"""

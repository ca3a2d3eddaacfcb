"""Defines the result of a search: scripts with relevance, and those too far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ig_assets.core.corpus.embedding.vector_store import Vector


@dataclass(frozen=True)
class RetrievedScript:
    """One script that was found; `rank` counts from 1, and 0 means not ranked.

    `similarity` is the cosine of text and query; `topic_similarity` is the cosine of
    topic and query (None if topics are not embedded). `word_share` is the share of the
    query's words that the script has (0 to 1). `relevance` combines these three
    (`relevance.py`), and `weight` is relevance adjusted by evidence. `experiment` is
    the id of the experiment that the script's text won; `is_simulated` is true if its
    audience was simulated.
    """

    script_id: str
    revision_hash: str
    rank: int
    similarity: float
    topic_similarity: float | None
    word_share: float
    relevance: float
    weight: float
    origin: str
    topic: str
    hook_style: str
    hook: str
    body: str
    call_to_action: str
    text: str
    language: str
    is_winner: bool
    is_simulated: bool
    shrunken_lift: float | None
    experiment: str | None


class Candidate(NamedTuple):
    """A script that passes the filters, with its unit vector of shape (dimensions,)."""

    script: RetrievedScript
    vector: Vector


@dataclass(frozen=True)
class Found:
    """The scripts of a search in their order, and the candidates that were too far.

    `too_far` are the candidates below the least relevance, most relevant first, with
    rank 0. Both are empty if no script passed the filters.
    """

    scripts: list[RetrievedScript] = field(default_factory=list)
    too_far: list[RetrievedScript] = field(default_factory=list)

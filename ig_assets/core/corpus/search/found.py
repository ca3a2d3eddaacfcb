"""What a search finds: scripts with their relevance, and what was too far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ig_assets.core.corpus.embedding.vector_store import Vector


@dataclass(frozen=True)
class RetrievedScript:
    """One script found; rank 1 is the first taken, 0 before it is ranked.

    `similarity` is the cosine of text and query, `topic_similarity` that of the topic
    (None where topics are not embedded), `word_share` what the script has of the
    query's words (0 to 1); `relevance` joins them (`relevance.py`), and `weight` is
    relevance adjusted by evidence. `experiment` is the id of the experiment that the
    script's text won, `is_simulated` says that its audience was simulated.
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
    """A script that the filters admit, with its unit vector of shape (dimensions,)."""

    script: RetrievedScript
    vector: Vector


@dataclass(frozen=True)
class Found:
    """The scripts of a search in their order, and the nearest that were too far.

    `too_far` are the candidates below a floor, most relevant first, with rank 0; both
    are empty where no script passed the filters.
    """

    scripts: list[RetrievedScript] = field(default_factory=list)
    too_far: list[RetrievedScript] = field(default_factory=list)

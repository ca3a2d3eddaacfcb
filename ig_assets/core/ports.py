"""The ports: what the product asks of the world, one to four methods wide.

Adapters fulfil them (`ig_assets/adapters`); `ig_assets/wiring.py` chooses which.
All times are naive UTC datetimes. All errors raised are those of `ig_assets.errors`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

Vectors = npt.NDArray[np.float32]


class Clock(Protocol):
    """Where the present comes from; nothing else may ask the machine."""

    def now(self) -> datetime:
        """The present, naive UTC."""
        ...


class Unusable(NamedTuple):
    """Why the store does not give a file out."""

    reason: str
    detail: str


class LibraryFile(NamedTuple):
    """One file: its path below the library, and what the store opens it by.

    `stamp` changes when the file does; with `is_exact` the same stamp means the same
    bytes, so that nobody needs to read them again.
    """

    path: str
    address: str
    size: int
    stamp: str
    is_exact: bool = False
    problem: Unusable | None = None


class LibraryStore(Protocol):
    """Where script files lie; `location` is how a person knows it, without secrets."""

    location: str

    def files(self, suffixes: tuple[str, ...]) -> list[LibraryFile]:
        """All files, or an error: a part of a list would look like deleted files.

        Reads no file. Raises InputError, AccessError, TransientVendorError.
        """
        ...

    def contents(
        self, files: Iterable[LibraryFile]
    ) -> Iterator[tuple[LibraryFile, bytes | Unusable | None]]:
        """The bytes of each; None where it went or changed since it was listed.

        Raises AccessError, TransientVendorError when the store itself is gone.
        """
        ...


@dataclass(frozen=True)
class Usage:
    """Tokens of one call; `cached_tokens` are part of `input_tokens`."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True)
class EmbeddingAnswer:
    """Vectors of shape (texts, dimensions), L2-normalised, in the order asked."""

    vectors: Vectors
    usage: Usage


class Embedder(Protocol):
    """Turns texts into unit vectors.

    A request takes at most `max_batch` texts and `max_request_tokens` tokens, a text
    `max_input_tokens`; callers keep to it, nothing is ever cut.
    """

    provider: str
    model: str
    dimensions: int
    max_batch: int
    max_request_tokens: int
    max_input_tokens: int

    def count_tokens(self, text: str) -> int:
        """Tokens of the text as this model counts (or a documented estimate)."""
        ...

    def embed(self, texts: Sequence[str]) -> EmbeddingAnswer:
        """Embed non-empty texts in one request; may be called by several threads.

        Raises InputError beyond the limits, before anything is sent;
        TransientVendorError, RefusedError, AccessError, MalformedAnswerError.
        """
        ...


@dataclass(frozen=True)
class BatchLine:
    """One embedding request of a batch; its `custom_id` comes back with its result."""

    custom_id: str
    texts: Sequence[str]


@dataclass(frozen=True)
class BatchState:
    """Where a batch stands: running, completed, failed, expired, cancelled or denied.

    Denied is the account (its key, quota or permission), not the batch. However it
    ended, it still has the results of what was done. `reason` names the vendor's
    codes where it says why.
    """

    status: str
    reason: str | None = None


@dataclass(frozen=True)
class BatchResult:
    """What came of one line: its answer, or the problem in place of it.

    `status` is done, expired (the vendor did not get to it), failed (another time it
    may work), malformed (an answer that cannot be used), refused (for good) or denied
    (the account was refused, whatever the line says).
    """

    custom_id: str
    status: str
    answer: EmbeddingAnswer | None = None
    problem: str | None = None
    usage: Usage | None = None


class BatchEmbedder(Protocol):
    """Embeds many texts within a day, for less.

    A batch takes at most `max_lines` lines with `max_inputs` texts and `max_bytes`
    bytes in all, of which a line takes `line_bytes`.
    """

    max_lines: int
    max_inputs: int
    max_bytes: int

    def line_bytes(self, line: BatchLine) -> int:
        """What the line takes of `max_bytes`."""
        ...

    def submit(self, lines: Sequence[BatchLine], intent_key: str) -> str:
        """Submit once, marked with the key; the vendor's id of the batch.

        Raises TransientVendorError (outcome unknown), RefusedError, AccessError.
        """
        ...

    def find(self, intent_key: str) -> str | None:
        """The id of what an earlier, perhaps crashed, submit with this key made."""
        ...

    def state(self, batch_id: str) -> BatchState:
        """Where the batch stands now. Raises TransientVendorError, RefusedError."""
        ...

    def results(self, batch_id: str) -> Iterator[BatchResult]:
        """The results of an ended batch, in any order; all downloaded before the first.

        Raises TransientVendorError; RefusedError where they are gone.
        """
        ...


@dataclass(frozen=True)
class WriteRequest:
    """One request for structured text."""

    instructions: str
    prompt: str
    schema: type[BaseModel]
    max_output_tokens: int
    temperature: float
    seed: int


@dataclass(frozen=True)
class WriteAnswer:
    """A parsed answer with what it took; `model` is the name the vendor reported."""

    parsed: BaseModel
    usage: Usage
    model: str


class Writer(Protocol):
    """Writes drafts, polishes and judges.

    `reasoning_tokens` is what an answer may take on top of its max_output_tokens.
    """

    provider: str
    model: str
    reasoning_tokens: int

    def count_tokens(self, text: str) -> int:
        """Tokens of the text as this model counts (or a documented estimate)."""
        ...

    def write(self, request: WriteRequest) -> WriteAnswer:
        """Raises TransientVendorError, RefusedError, MalformedAnswerError.

        A MalformedAnswerError carries the tokens that the answer took.
        """
        ...


@dataclass(frozen=True)
class IndexEntry:
    """One vector of the index with the metadata that filters look at."""

    entry_id: str
    vector: Sequence[float]
    metadata: Mapping[str, str | float | bool]


@dataclass(frozen=True)
class Match:
    """One hit of a query; similarity is the cosine, -1 to 1."""

    entry_id: str
    similarity: float


@dataclass(frozen=True)
class Filters:
    """What a query asks of an entry's metadata; None asks for nothing.

    `month` is YYYY-MM. An entry without a rate has none, so it fails `min_rate`.
    """

    status: str | None = None
    language: str | None = None
    origin: str | None = None
    min_rate: float | None = None
    month: str | None = None

    def admit(self, metadata: Mapping[str, str | float | bool]) -> bool:
        """Whether an entry passes; stores that filter by themselves do the same."""
        if (
            (self.status is not None and metadata.get("status") != self.status)
            or (self.language is not None and metadata.get("language") != self.language)
            or (self.origin is not None and metadata.get("origin") != self.origin)
            or (self.month is not None and metadata.get("month") != self.month)
        ):
            return False
        if self.min_rate is None:
            return True
        rate = metadata.get("rate")
        return rate is not None and float(rate) >= self.min_rate


EVERYTHING = Filters()


class VectorIndex(Protocol):
    """A named vector index with one namespace an embedding space.

    A namespace's name ends in `-<dimensions>` (`core/corpus/spaces.py`). Every write
    may be repeated without harm. Each method raises TransientVendorError,
    RefusedError, AccessError or MalformedAnswerError for the store as a whole.
    """

    name: str

    def upsert(self, namespace: str, entries: Sequence[IndexEntry]) -> list[str]:
        """Insert or replace; return the ids that did NOT make it."""
        ...

    def update_metadata(
        self,
        namespace: str,
        metadata: Mapping[str, Mapping[str, str | float | bool]],
    ) -> list[str]:
        """Set these keys of these ids, others stay; return the ids that failed."""
        ...

    def delete(self, namespace: str, entry_ids: Sequence[str]) -> None:
        """Delete; unknown ids are no error."""
        ...

    def list_ids(self, namespace: str) -> Iterator[str]:
        """Every id the store holds, page by page."""
        ...

    def query(
        self,
        namespace: str,
        vector: Sequence[float],
        k: int,
        filters: Filters = EVERYTHING,
    ) -> list[Match]:
        """The k nearest by cosine among those that pass, best first."""
        ...

    def wait_until_readable(self, namespace: str) -> None:
        """Return once this process's writes can be read, where the store says so.

        Raises TransientVendorError when that takes too long.
        """
        ...


@dataclass(frozen=True)
class PublishRequest:
    """One reel to publish; `intent_key` names the intent row that precedes it."""

    intent_key: str
    text: str
    segment: str
    slot: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    media_url: str | None = None


@dataclass(frozen=True)
class Published:
    """What the platform says it published."""

    platform_post_id: str
    published_at: datetime


@dataclass(frozen=True)
class Reading:
    """One cumulative counter of one post; value None is 'not reported', never 0."""

    platform_post_id: str
    metric: str
    as_of: datetime
    value: float | None


class InsightsSource(Protocol):
    """Reports the cumulative engagement of posts on its platform."""

    platform: str
    can_read_the_past: bool

    @property
    def metrics(self) -> Sequence[str]:
        """The counters that it reports."""
        ...

    def insights(
        self, platform_post_ids: Sequence[str], as_of: datetime
    ) -> list[Reading]:
        """Cumulative counters as the platform reports them at `as_of`.

        A live platform ignores `as_of` beyond stamping it: it has no past.
        """
        ...


class SocialPlatform(InsightsSource, Protocol):
    """Publishes posts and reports their cumulative engagement."""

    def find(self, intent_key: str) -> Published | None:
        """Look up what an earlier, perhaps crashed, publish with this key made."""
        ...

    def publish(self, request: PublishRequest) -> Published:
        """Publish once. Raises TransientVendorError (outcome unknown), RefusedError."""
        ...


@runtime_checkable
class RecordedPlatform(Protocol):
    """A platform that knows posts which nobody here published: a recording."""

    platform: str

    def recorded(self, since: datetime, until: datetime) -> list[Published]:
        """The recorded posts that were published in [since, until), oldest first."""
        ...


@runtime_checkable
class AdvertisedPlatform(Protocol):
    """A platform whose posts also run as ads, which have figures of their own."""

    @property
    def ads(self) -> InsightsSource:
        """Where the ads' figures come from."""
        ...


class MediaLookup(Protocol):
    """Knows the posts that people put out by hand."""

    platform: str

    def look_up(self, media: str) -> Published:
        """The post with this id or link. Raises InputError where there is none."""
        ...


@dataclass(frozen=True)
class AdAccount:
    """Whose money it is: `minor_units` make one unit of the currency.

    `least_a_day` (an arm) and `least_cap` are the vendor's minimums in minor units.
    """

    currency: str
    minor_units: int
    least_a_day: int
    least_cap: int


@dataclass(frozen=True)
class SplitTerms:
    """What all arms of a split test share; money in the currency's minor unit."""

    spend_cap: int
    arm_budget: int
    starts_at: datetime
    ends_at: datetime
    countries: Sequence[str]
    min_age: int
    max_age: int
    payer: str | None = None


@dataclass(frozen=True)
class SplitPart:
    """One object of a split test: a campaign, ad_set, creative, ad or study.

    `name` holds the intent key that it is found by. `parents` are the ids of what it
    hangs on by their kind; a study's are the arms' ad sets by arm.
    """

    kind: str
    name: str
    terms: SplitTerms
    parents: Mapping[str, str] = field(default_factory=dict)
    media_id: str | None = None


class SplitTests(Protocol):
    """Divides one audience at random among posts that run as ads. It costs money."""

    platform: str

    def account(self) -> AdAccount:
        """Who pays. Raises AccessError where the account may not advertise."""
        ...

    def find(self, kind: str, intent_key: str) -> str | None:
        """The id of what an earlier, perhaps crashed, `make` with this key made."""
        ...

    def make(self, part: SplitPart) -> str:
        """Make it once, paused; its id. Raises TransientVendorError, RefusedError."""
        ...

    def switch(self, object_id: str, on: bool) -> None:
        """Let a campaign, ad set or ad run, or pause it; harmless if repeated."""
        ...


@dataclass(frozen=True)
class TrainingRequest:
    """What a trainer gets: files whose hash is the dataset's, and the example ids."""

    intent_key: str
    month: str
    base_model: str
    dataset_hash: str
    files: Mapping[str, str]
    example_ids: Sequence[str]
    seed: int


@dataclass(frozen=True)
class TrainingState:
    """Where a job stands: running, succeeded, failed, or refused (for good)."""

    status: str
    provider_job_id: str
    model_name: str | None = None
    artifact: Mapping[str, object] | None = None
    refusal: str | None = None


class Trainer(Protocol):
    """Makes a model from a training set."""

    provider: str

    def find(self, intent_key: str) -> TrainingState | None:
        """Look up what an earlier, perhaps crashed, submit with this key made."""
        ...

    def submit(self, request: TrainingRequest) -> TrainingState:
        """Submit once. A final refusal is a state, not an exception."""
        ...

    def poll(self, provider_job_id: str) -> TrainingState:
        """Where the job stands now. Raises TransientVendorError."""
        ...

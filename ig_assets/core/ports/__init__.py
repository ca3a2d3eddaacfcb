"""The ports: the core's interfaces to vendors, stores and clocks, each of few methods.

Adapters implement them (`ig_assets/adapters`); `ig_assets/wiring` chooses which. All
times are naive UTC datetimes. All errors raised are those of `ig_assets.errors`.
"""

from ig_assets.core.ports.ads import AdAccount, AdStudies, AdStudyObject, AdStudyTerms
from ig_assets.core.ports.clock import Clock, MovableClock
from ig_assets.core.ports.embedding import (
    BatchEmbedder,
    BatchLine,
    BatchResult,
    BatchState,
    Embedder,
    EmbeddingAnswer,
    HookEncoder,
    Vectors,
)
from ig_assets.core.ports.library import (
    VERSION_MARK,
    FileVersions,
    GivesVersions,
    InvalidFile,
    LibraryFile,
    LibraryStore,
)
from ig_assets.core.ports.social import (
    AdvertisedPlatform,
    InsightsSource,
    MediaLookup,
    Published,
    PublishRequest,
    Reading,
    RecordedPlatform,
    SocialPlatform,
)
from ig_assets.core.ports.training import (
    DPO,
    SFT,
    AsksForEstimate,
    Trainer,
    TrainingEstimate,
    TrainingFile,
    TrainingRequest,
    TrainingState,
    TrainsBy,
)
from ig_assets.core.ports.usage import TokenUsage
from ig_assets.core.ports.vector_index import (
    EVERYTHING,
    Filters,
    IndexEntry,
    Match,
    VectorIndex,
)
from ig_assets.core.ports.writing import (
    AnswerLikelihood,
    GivesLikelihoods,
    WriteAnswer,
    Writer,
    WriterByName,
    WriteRequest,
)

__all__ = [
    "AdAccount",
    "AdvertisedPlatform",
    "AnswerLikelihood",
    "BatchEmbedder",
    "BatchLine",
    "BatchResult",
    "BatchState",
    "Clock",
    "EVERYTHING",
    "Embedder",
    "EmbeddingAnswer",
    "Filters",
    "GivesLikelihoods",
    "HookEncoder",
    "IndexEntry",
    "InsightsSource",
    "FileVersions",
    "GivesVersions",
    "LibraryFile",
    "VERSION_MARK",
    "LibraryStore",
    "Match",
    "MediaLookup",
    "MovableClock",
    "PublishRequest",
    "Published",
    "Reading",
    "RecordedPlatform",
    "SocialPlatform",
    "AdStudyObject",
    "AdStudyTerms",
    "AdStudies",
    "Trainer",
    "TrainingEstimate",
    "TrainingFile",
    "TrainingRequest",
    "TrainingState",
    "TrainsBy",
    "AsksForEstimate",
    "DPO",
    "SFT",
    "InvalidFile",
    "TokenUsage",
    "VectorIndex",
    "Vectors",
    "WriteAnswer",
    "WriteRequest",
    "Writer",
    "WriterByName",
]

"""Build all ports of the settings, and what generation and fine-tuning need."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from ig_assets.core.costs.ledger.ledger import Ledger
from ig_assets.core.ports import (
    Clock,
    Embedder,
    HookEncoder,
    LibraryStore,
    SocialPlatform,
    Trainer,
    VectorIndex,
    Writer,
    WriterByName,
)
from ig_assets.files import from_home
from ig_assets.settings import Settings
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets.wiring.models import (
    base_model,
    embedding_space,
    lora_folder,
    make_batch_embedder,
    make_embedder,
    make_embedder_of,
    make_hook_encoder,
    make_writer,
    polish_model,
    writers_in_flight,
)
from ig_assets.wiring.social import make_social
from ig_assets.wiring.stores import (
    make_clock,
    make_index,
    make_ledger,
    make_library,
    make_money_clock,
    make_warehouse,
    receipts_of,
)
from ig_assets.wiring.trainers import make_trainers

if TYPE_CHECKING:  # most commands need none of them, and they load half of the core
    from ig_assets.core.fine_tuning.pipeline import FineTuning
    from ig_assets.core.forgetting.steps import Forgetting
    from ig_assets.core.generation.pipeline import GenerationContext


def make_generation_context(
    settings: Settings,
    clock: Clock,
    warehouse: Warehouse,
    ledger: Ledger,
    embedder: Embedder,
    index: VectorIndex,
    writers: WriterByName,
) -> GenerationContext:
    """Return what writing a month's scripts needs."""
    from ig_assets.core.generation.pipeline import GenerationContext, GenerationOptions

    return GenerationContext(
        clock=clock,
        warehouse=warehouse,
        ledger=ledger,
        embedder=embedder,
        index=index,
        writers=writers,
        embedder_of=partial(make_embedder_of, settings),
        base=base_model(settings),
        polisher=polish_model(settings),
        options=GenerationOptions(
            seed=settings.seed,
            arms=settings.arms,
            temperature=settings.temperature,
            retrieved_scripts=settings.retrieved_scripts,
            least_relevance=settings.least_relevance,
            novelty_floor=settings.novelty_floor,
            banned_words=settings.banned_words,
            regenerations=settings.regenerations,
            max_in_flight=writers_in_flight(settings),
            hooks=settings.hooks_per_topic if settings.ranker == "choose" else 0,
        ),
    )


def make_fine_tuning(
    settings: Settings,
    clock: Clock,
    warehouse: Warehouse,
    ledger: Ledger,
    trainers: Sequence[Trainer],
) -> FineTuning:
    """Return what the fine-tune of a month needs."""
    from ig_assets.core.corpus.embedding.spaces import Space
    from ig_assets.core.fine_tuning.pipeline import FineTuning

    return FineTuning(
        clock=clock,
        warehouse=warehouse,
        ledger=ledger,
        trainers=tuple(trainers),
        base=base_model(settings),
        space=Space(*embedding_space(settings)),
        folder=settings.data_dir / "datasets",
        seed=settings.seed,
        with_ads=settings.train_on_ads,
        evaluation_topics=settings.evaluation_topics,
        half_life_months=settings.recency_half_life_months,
    )


def make_forgetting(
    settings: Settings, clock: Clock, warehouse: Warehouse, index: VectorIndex
) -> Forgetting:
    """Return what forgetting scripts needs.

    All files of the data folder are searched for words, and those of Dagster's home and
    of the warehouse's folder if they lie elsewhere.
    """
    from ig_assets.adapters.dagster_words import forget_in_events
    from ig_assets.adapters.lora.forgetting import forget_examples
    from ig_assets.core.forgetting.traces.copies import Bounds
    from ig_assets.core.forgetting.steps import Forgetting
    from ig_assets.core.generation.gates.gates import Gates

    file = warehouse.path
    elsewhere = [Path(os.environ["DAGSTER_HOME"])] if _has_own_dagster_home() else []
    homes = (settings.data_dir / "dagster", *elsewhere)
    if file is not None and not file.is_relative_to(settings.data_dir):
        elsewhere.append(file.parent)
    local = settings.library.removeprefix("file://")
    return Forgetting(
        clock=clock,
        machine_clock=make_money_clock(),
        warehouse=warehouse,
        index=index,
        batches=lambda: make_batch_embedder(settings),
        receipts=receipts_of(settings, file),
        datasets=settings.data_dir / "datasets",
        searched=(settings.data_dir, *elsewhere),
        library=None if "://" in local else from_home(Path(local)),
        bounds=Bounds(
            settings.novelty_floor, Gates(settings.novelty_floor).most_copied_words
        ),
        rolls_back=settings.tainted_active == "rollback",
        seed=settings.seed,
        base_model=base_model(settings).name,
        forget_training=partial(forget_examples, lora_folder(settings)),
        forget_events=partial(forget_in_events, homes),
    )


def _has_own_dagster_home() -> bool:
    home = os.environ.get("DAGSTER_HOME")
    return bool(home) and Path(str(home)).is_dir()  # set to nothing is not set


@dataclass(frozen=True)
class Services:
    """All ports of the settings for the CLI; each is made at first use."""

    settings: Settings

    @cached_property
    def clock(self) -> Clock:
        """Return the clock."""
        return make_clock(self.settings)

    @cached_property
    def warehouse(self) -> Warehouse:
        """Return the warehouse."""
        return make_warehouse(self.settings, self.clock)

    @cached_property
    def ledger(self) -> Ledger:
        """Return the ledger."""
        return make_ledger(self.settings, self.warehouse, self.clock)

    @cached_property
    def library(self) -> LibraryStore:
        """Return the library of script files."""
        return make_library(self.settings)

    @cached_property
    def embedder(self) -> Embedder:
        """Return the embedder."""
        return make_embedder(self.settings)

    @cached_property
    def hook_encoder(self) -> HookEncoder:
        """Return the encoder that turns hooks into features of the ranker."""
        return make_hook_encoder(self.settings)

    def embedder_of(self, model: str, dimensions: int) -> Embedder:
        """Return the embedder of a space, which may be an old one."""
        return make_embedder_of(self.settings, model, dimensions)

    @cached_property
    def index(self) -> VectorIndex:
        """Return the vector index."""
        return make_index(self.settings)

    @cached_property
    def social(self) -> SocialPlatform:
        """Return the social platform."""
        return make_social(self.settings)

    @cached_property
    def trainers(self) -> tuple[Trainer, ...]:
        """Return the trainers, in the order in which they are tried."""
        return make_trainers(self.settings, self.warehouse)

    @cached_property
    def fine_tuning(self) -> FineTuning:
        """Return what the fine-tune of a month needs."""
        return make_fine_tuning(
            self.settings, self.clock, self.warehouse, self.ledger, self.trainers
        )

    @cached_property
    def forgetting(self) -> Forgetting:
        """Return what forgetting scripts needs."""
        return make_forgetting(self.settings, self.clock, self.warehouse, self.index)

    def writer(self, name: str) -> Writer:
        """Return the writer for a model, by the name under which it is called.

        Each name has one writer, which spreads its calls over the local servers.
        Several writers would all use the first server.
        """
        return self._writers(name)

    @cached_property
    def _writers(self) -> WriterByName:
        return cache(partial(make_writer, self.settings))

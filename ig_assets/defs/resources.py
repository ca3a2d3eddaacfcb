"""Dagster resources: each provides the adapter of a port that the settings choose.

The UI lists a resource's kind and model; keys stay in the settings.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import dagster as dg

from ig_assets import wiring
from ig_assets.core.costs.ledger.ledger import Ledger
from ig_assets.core.fine_tuning.pipeline import FineTuning
from ig_assets.core.generation.pipeline import GenerationContext
from ig_assets.core.ports import (
    BatchEmbedder,
    Clock,
    Embedder,
    HookEncoder,
    LibraryStore,
    SocialPlatform,
    Trainer,
    VectorIndex,
    WriterByName,
)
from ig_assets.settings import Settings, load_settings
from ig_assets.warehouse.warehouse import Warehouse

SENSOR_WAIT_S = 10.0  # Dagster gives a sensor's tick 60 s in all
Trainers = tuple[Trainer, ...]
OpenBatches = Callable[[], BatchEmbedder]


class SettingsResource(dg.ConfigurableResource[Any]):
    """Every setting, read from the environment and `.env` when a run starts."""

    def create_resource(self, context: dg.InitResourceContext) -> Settings:
        """The validated settings."""
        return load_settings()


class ClockResource(dg.ConfigurableResource[Any]):
    """The present: the system's time, or the data folder's simulated time."""

    kind: str

    def create_resource(self, context: dg.InitResourceContext) -> Clock:
        """The clock."""
        return wiring.make_clock(load_settings())


class MoneyClockResource(dg.ConfigurableResource[Any]):
    """The billing clock: budgets count the system's days and months."""

    def create_resource(self, context: dg.InitResourceContext) -> Clock:
        """The clock."""
        return wiring.make_money_clock()


class WarehouseResource(dg.ConfigurableResource[Any]):
    """The warehouse, which holds all tables."""

    kind: str

    def create_resource(self, context: dg.InitResourceContext) -> Warehouse:
        """The warehouse; a sensor waits for it less long than a run does."""
        settings = load_settings()
        clock = wiring.make_clock(settings)
        if context.run is None:
            return wiring.make_warehouse(settings, clock, SENSOR_WAIT_S)
        return wiring.make_warehouse(settings, clock)


class LibraryResource(dg.ConfigurableResource[Any]):
    """The folder or URL with the script files."""

    location: str

    def create_resource(self, context: dg.InitResourceContext) -> LibraryStore:
        """The library."""
        return wiring.make_library(load_settings())


class LedgerResource(dg.ConfigurableResource[Any]):
    """The ledger, which reserves and settles every paid call."""

    def create_resource(self, context: dg.InitResourceContext) -> Ledger:
        """The ledger."""
        settings = load_settings()
        clock = wiring.make_clock(settings)
        return wiring.make_ledger(
            settings, wiring.make_warehouse(settings, clock), clock
        )


class EmbedderResource(dg.ConfigurableResource[Any]):
    """The embedder, which turns texts into vectors."""

    provider: str
    model: str
    dimensions: int

    def create_resource(self, context: dg.InitResourceContext) -> Embedder:
        """The embedder."""
        return wiring.make_embedder(load_settings())


class HookEncoderResource(dg.ConfigurableResource[Any]):
    """The encoder that makes the ranker's features from hooks, on this machine."""

    model: str

    def create_resource(self, context: dg.InitResourceContext) -> HookEncoder:
        """The encoder."""
        return wiring.make_hook_encoder(load_settings())


class BatchesResource(dg.ConfigurableResource[Any]):
    """The batch embedder; made only when a batch exists, since it needs a key."""

    provider: str

    def create_resource(self, context: dg.InitResourceContext) -> OpenBatches:
        """A function that returns the batch embedder."""
        settings = load_settings()
        return cache(lambda: wiring.make_batch_embedder(settings))


class WriterResource(dg.ConfigurableResource[Any]):
    """Writers, by the name of a model."""

    provider: str
    base_model: str

    def create_resource(self, context: dg.InitResourceContext) -> WriterByName:
        """A function from a model's name to a writer."""
        settings = load_settings()
        return cache(lambda name: wiring.make_writer(settings, name))


class IndexResource(dg.ConfigurableResource[Any]):
    """The vector index."""

    kind: str

    def create_resource(self, context: dg.InitResourceContext) -> VectorIndex:
        """The vector index."""
        return wiring.make_index(load_settings())


class SocialResource(dg.ConfigurableResource[Any]):
    """The platform that posts go to and engagement comes from."""

    kind: str

    def create_resource(self, context: dg.InitResourceContext) -> SocialPlatform:
        """The social platform."""
        return wiring.make_social(load_settings())


class TrainersResource(dg.ConfigurableResource[Any]):
    """The trainers, which make models from training sets, tried in this order."""

    kind: str

    def create_resource(self, context: dg.InitResourceContext) -> Trainers:
        """The trainers."""
        settings = load_settings()
        clock = wiring.make_clock(settings)
        return wiring.make_trainers(settings, wiring.make_warehouse(settings, clock))


@dg.resource(
    required_resource_keys={
        *("settings", "clock", "warehouse", "ledger", "embedder", "index", "writers")
    },
    description="What the writing of a month needs: ports and the settings' values.",
)
def generation_resource(context: dg.InitResourceContext) -> GenerationContext:
    """The context, made of the other resources."""
    ports = context.resources
    return wiring.make_generation_context(
        ports.settings,
        ports.clock,
        ports.warehouse,
        ports.ledger,
        ports.embedder,
        ports.index,
        ports.writers,
    )


@dg.resource(
    required_resource_keys={"settings", "clock", "warehouse", "ledger", "trainers"},
    description="What the fine-tune of a month needs: ports and the settings' values.",
)
def fine_tuning_resource(context: dg.InitResourceContext) -> FineTuning:
    """The context, made of the other resources."""
    ports = context.resources
    return wiring.make_fine_tuning(
        ports.settings, ports.clock, ports.warehouse, ports.ledger, ports.trainers
    )


def resources(settings: Settings) -> dict[str, object]:
    """Return {parameter of the assets: resource}."""
    base = wiring.base_model(settings)
    model, dimensions = wiring.embedding_space(settings)
    home = settings.warehouse_location.split(":", 1)[0]
    return {
        "settings": SettingsResource(),
        "money_clock": MoneyClockResource(),
        "clock": ClockResource(
            kind="simulated" if settings.uses_simulated_clock else "system"
        ),
        "warehouse": WarehouseResource(kind=home),
        "library": LibraryResource(location=wiring.make_library(settings).location),
        "ledger": LedgerResource(),
        "embedder": EmbedderResource(
            provider=settings.embedder, model=model, dimensions=dimensions
        ),
        "hook_encoder": HookEncoderResource(model="MiniLM, layer 4"),
        "batches": BatchesResource(provider="openai"),
        "writers": WriterResource(provider=base.provider, base_model=base.name),
        "index": IndexResource(kind=settings.index),
        "social": SocialResource(kind=settings.social),
        "trainers": TrainersResource(kind=", ".join(settings.trainers)),
        "generation": generation_resource,
        "fine_tuning": fine_tuning_resource,
    }

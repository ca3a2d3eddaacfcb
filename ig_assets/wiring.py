"""Chooses the adapter of each port by the settings; no other module does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from ig_assets.adapters.local_models.files import Progress
from ig_assets.adapters.local_models.registry import MODEL_FILES, WRITERS
from ig_assets.adapters.simulated.clocks import SimulatedClock, SystemClock
from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.costs.ledger.ledger import Ledger
from ig_assets.core.costs.usage import price_warning
from ig_assets.core.experiments.engagement.columns import parse_columns
from ig_assets.core.fine_tuning.pipeline import FineTuning
from ig_assets.core.generation.pipeline import GenerationContext, GenerationOptions
from ig_assets.core.models.registry import ModelName, ModelRow
from ig_assets.core.ports import (
    AdStudies,
    BatchEmbedder,
    Clock,
    Embedder,
    LibraryStore,
    SocialPlatform,
    Trainer,
    VectorIndex,
    Writer,
    WriterByName,
)
from ig_assets.errors import SettingsError
from ig_assets.settings import Settings, variable_name
from ig_assets.warehouse.warehouse import LOCK_TIMEOUT_S, Warehouse

if TYPE_CHECKING:
    from ig_assets.adapters.instagram.client import GraphClient
    from ig_assets.adapters.instagram.social_platform import Instagram

OPENAI_POLISH_MODEL = "gpt-5-nano"
INDEX_NAME = "scripts"


def base_model(settings: Settings) -> ModelName:
    """The provider and name of the frozen base model."""
    if settings.writer == "openai":
        return ModelName("openai", settings.openai_model)
    return ModelName("local", WRITERS[settings.local_model])


def polish_model(settings: Settings) -> ModelName:
    """The provider and name of the model that polishes.

    OpenAI's cheapest that writes well; on a server of another vendor, which may not
    have it, and on the machine the base model itself.
    """
    base = base_model(settings)
    if settings.writer != "openai":
        return base
    if settings.polish_model is None and settings.openai_base_url is not None:
        return base
    return ModelName(base.provider, settings.polish_model or OPENAI_POLISH_MODEL)


def make_clock(settings: Settings) -> Clock:
    """The machine's clock, or the simulated one of this data folder."""
    if not settings.uses_simulated_clock:
        return SystemClock()
    start = datetime.strptime(settings.first_month, "%Y-%m")
    return SimulatedClock(settings.data_dir / "clock.json", start)


def make_warehouse(
    settings: Settings, clock: Clock, lock_timeout_s: float = LOCK_TIMEOUT_S
) -> Warehouse:
    """The warehouse that `IG_WAREHOUSE_URL` names."""
    return Warehouse(settings.warehouse_location, clock.now, lock_timeout_s)


def make_ledger(settings: Settings, warehouse: Warehouse, clock: Clock) -> Ledger:
    """The ledger with the project's budgets."""
    return Ledger(
        warehouse, clock, settings.all_budgets, money_clock=make_money_clock()
    )


def model_price_warning(settings: Settings, model: ModelRow) -> str | None:
    """Why every call to a model would be refused under the budgets, or None."""
    provider = base_model(settings).provider
    return price_warning(settings.all_budgets, provider, model.base_model)


def make_money_clock() -> Clock:
    """The billing clock: the system's, by whose days and months budgets count."""
    return SystemClock()


def make_library(settings: Settings) -> LibraryStore:
    """The folder or the URL that `IG_LIBRARY` names."""
    location = settings.library.removeprefix("file://")
    if "://" in location:
        from ig_assets.adapters.script_library.url import UrlLibrary

        return UrlLibrary(location)
    from ig_assets.adapters.script_library.folder import FolderLibrary

    return FolderLibrary(location)


def make_embedder(settings: Settings, progress: Progress | None = None) -> Embedder:
    """MiniLM on this machine, or OpenAI embeddings. May download model files."""
    return make_embedder_of(settings, *embedding_space(settings), progress=progress)


def make_embedder_of(
    settings: Settings, model: str, dimensions: int, progress: Progress | None = None
) -> Embedder:
    """The embedder of a space, also of one that the settings no longer name.

    Raises SettingsError where its vendor's key is missing.
    """
    from ig_assets.adapters.local_models.embedder import LocalEmbedder

    if (model, dimensions) != (LocalEmbedder.model, LocalEmbedder.dimensions):
        if settings.openai_api_key is None:
            raise SettingsError(
                f"the model {model} needs OPENAI_API_KEY; set it until the new index "
                "is complete."
            )
        from ig_assets.adapters.openai.embedder import OpenAIEmbedder

        return OpenAIEmbedder(
            api_key=_secret(settings),
            model=model,
            dimensions=dimensions,
            base_url=settings.openai_base_url,
        )
    from ig_assets.adapters.local_models.files import fetch_model_file

    cache = settings.model_cache
    return LocalEmbedder(
        fetch_model_file("minilm-int8", cache, progress=progress),
        fetch_model_file("minilm-tokenizer", cache, progress=progress),
        threads=settings.local_threads,
    )


def make_batch_embedder(settings: Settings) -> BatchEmbedder:
    """OpenAI's Batch API, also where the settings have changed since a batch was sent.

    Raises SettingsError without a key.
    """
    if settings.openai_api_key is None:
        raise SettingsError(
            "an embedding batch is under way and its results need OPENAI_API_KEY; set "
            "it until they are collected."
        )
    from ig_assets.adapters.openai.batch import OpenAIBatches

    return OpenAIBatches(
        api_key=_secret(settings),
        model=settings.openai_embedding_model,
        dimensions=settings.openai_embedding_dimensions,
        base_url=settings.openai_base_url,
    )


def embedding_space(settings: Settings) -> tuple[str, int]:
    """The (model, dimensions) of the vectors, without loading a model."""
    if settings.embedder == "openai":
        return settings.openai_embedding_model, settings.openai_embedding_dimensions
    from ig_assets.adapters.local_models.embedder import LocalEmbedder

    return LocalEmbedder.model, LocalEmbedder.dimensions


def make_writer(settings: Settings, name: str) -> Writer:
    """A writer for a model of the base model's provider, by its name."""
    if settings.writer == "openai":
        from ig_assets.adapters.openai.writer import OpenAIWriter

        return OpenAIWriter(
            name, api_key=_secret(settings), base_url=settings.openai_base_url
        )
    from ig_assets.adapters.local_models.pool import WriterPool
    from ig_assets.adapters.local_models.writer import LocalWriter

    servers = writers_in_flight(settings)
    file = MODEL_FILES[WRITERS[settings.local_model]]
    return WriterPool(
        [
            LocalWriter(
                settings.data_dir / "local_model" / str(number),
                lambda: writer_file(settings),
                name,
                served=f"{file.name}@sha256:{file.sha256[:12]}",
                threads=settings.local_threads,
                idle_s=settings.local_idle_s,
                prompt_threads=2 if servers == 1 else 1,
            )
            for number in range(1, servers + 1)
        ]
    )


def writers_in_flight(settings: Settings) -> int:
    """Concurrent requests to the writer: `IG_MAX_IN_FLIGHT`, or one a local server."""
    if settings.writer != "local":
        return settings.max_in_flight
    if settings.local_servers is not None:
        return settings.local_servers
    from ig_assets.adapters.local_models.pool import default_servers

    return default_servers()


def writer_file(settings: Settings, progress: Progress | None = None) -> Path:
    """The local writer's verified weights, downloaded if they are missing."""
    from ig_assets.adapters.local_models.files import fetch_model_file

    return fetch_model_file(
        WRITERS[settings.local_model],
        settings.model_cache,
        local_path=settings.model_path,
        progress=progress,
    )


def make_index(settings: Settings) -> VectorIndex:
    """The vector index of the settings."""
    if settings.index == "pinecone":
        from ig_assets.adapters.pinecone.client import PineconeAccount
        from ig_assets.adapters.pinecone.index import PineconeIndex

        assert settings.pinecone_api_key is not None, "load_settings() has checked it"
        account = PineconeAccount(
            api_key=settings.pinecone_api_key.get_secret_value(),
            host=settings.pinecone_host,
            index_name=settings.pinecone_index,
            cloud=settings.pinecone_cloud,
            region=settings.pinecone_region,
        )
        return PineconeIndex(account, INDEX_NAME)
    from ig_assets.adapters.faiss.index import FaissIndex

    return FaissIndex(settings.data_dir / "faiss", INDEX_NAME)


def make_social(settings: Settings) -> SocialPlatform:
    """The social platform of the settings."""
    if settings.social == "replay":
        from ig_assets.adapters.simulated.replay import ReplayedHistory

        assert settings.replay_file is not None, "load_settings() has checked it"
        return ReplayedHistory(
            settings.replay_file.expanduser(),
            settings.data_dir / "replayed_history.sqlite",
            settings.seed,
            parse_columns(settings.replay_columns),
        )
    if settings.social == "instagram":
        return make_instagram(settings)
    from ig_assets.adapters.simulated.audience import SimulatedAudience

    store = settings.data_dir / "simulated_audience.sqlite"
    return SimulatedAudience(store, settings.seed, make_clock(settings).now)


def make_instagram(settings: Settings) -> Instagram:
    """The account of the settings. Raises SettingsError where there is none."""
    from ig_assets.adapters.instagram.social_platform import Instagram
    from ig_assets.core.experiments.posts.containers import ContainerStore

    client, account = _graph_client(settings), settings.instagram_account
    assert account, "load_settings() has checked it"
    clock = make_clock(settings)
    book = ContainerStore(make_warehouse(settings, clock))
    return Instagram(client, account, book, clock)


def make_ad_studies(settings: Settings) -> AdStudies:
    """Meta's ad studies. Raises SettingsError, naming what is missing."""
    from ig_assets.adapters.instagram.ad_studies import Advertiser, InstagramAdStudies
    from ig_assets.adapters.instagram.client import INSTAGRAM_URL

    client = _graph_client(settings)
    for name in ("ad_account", "business", "facebook_page"):
        if getattr(settings, name) is None:
            raise SettingsError(
                f"a split test needs {variable_name(name)}; set it in the environment "
                "or .env."
            )
    if client.url == INSTAGRAM_URL:
        raise SettingsError(
            "a split test needs a token of Facebook Login in IG_INSTAGRAM_TOKEN, since "
            "one of Instagram Login may not advertise."
        )
    return InstagramAdStudies(
        client,
        Advertiser(
            ad_account=str(settings.ad_account),
            business=str(settings.business),
            page=str(settings.facebook_page),
            instagram_account=str(settings.instagram_account),
        ),
    )


def _graph_client(settings: Settings) -> GraphClient:
    if settings.social != "instagram":
        raise SettingsError(
            "this needs IG_SOCIAL=instagram; the simulated audience has no account."
        )
    from ig_assets.adapters.instagram.access_token import TokenProvider, renewal
    from ig_assets.adapters.instagram.client import GraphClient, home_of

    token, secret = settings.instagram_token, settings.meta_app_secret
    assert token and secret, "load_settings() has checked it"
    given, app_secret = token.get_secret_value(), secret.get_secret_value()
    clock = make_clock(settings)
    renew = renewal(settings.instagram_url, app_secret, clock)
    keeper = TokenProvider(token_store(settings), given, clock, renew)
    url = settings.instagram_url or home_of(given)
    return GraphClient(keeper.current, app_secret, url)


def token_store(settings: Settings) -> Path:
    """The file of the token, once it was renewed."""
    return settings.data_dir / "instagram_token.json"


def token_expires_at(settings: Settings) -> datetime | None:
    """When Instagram's token expires, as far as known; None: never, or no token."""
    if settings.instagram_token is None:
        return None
    from ig_assets.adapters.instagram.access_token import stored_token

    given = settings.instagram_token.get_secret_value()
    return stored_token(token_store(settings), given, make_clock(settings)).expires_at


def make_trainer(settings: Settings, warehouse: Warehouse) -> Trainer:
    """The trainer of the settings."""
    from ig_assets.adapters.simulated.few_shot_trainer import FewShotTrainer
    from ig_assets.core.models.few_shot import choose_for_month

    model, dimensions = embedding_space(settings)
    return FewShotTrainer(
        settings.data_dir / "few_shot_trainer",
        lambda request: choose_for_month(
            warehouse, request.month, settings.few_shot_examples, model, dimensions
        ),
    )


def make_generation_context(
    settings: Settings,
    clock: Clock,
    warehouse: Warehouse,
    ledger: Ledger,
    embedder: Embedder,
    index: VectorIndex,
    writers: WriterByName,
) -> GenerationContext:
    """What the writing of a month needs."""
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
            novelty_floor=settings.novelty_floor,
            banned_words=settings.banned_words,
            regenerations=settings.regenerations,
            max_in_flight=writers_in_flight(settings),
        ),
    )


def make_fine_tuning(
    settings: Settings, clock: Clock, warehouse: Warehouse, trainer: Trainer
) -> FineTuning:
    """What the fine-tune of a month needs."""
    return FineTuning(
        clock=clock,
        warehouse=warehouse,
        trainer=trainer,
        base=base_model(settings),
        space=Space(*embedding_space(settings)),
        folder=settings.data_dir / "datasets",
        seed=settings.seed,
        with_ads=settings.train_on_ads,
        evaluation_topics=settings.evaluation_topics,
    )


@dataclass(frozen=True)
class Services:
    """All ports of the settings for the CLI, each made at first use."""

    settings: Settings

    @cached_property
    def clock(self) -> Clock:
        """The clock."""
        return make_clock(self.settings)

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse."""
        return make_warehouse(self.settings, self.clock)

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger."""
        return make_ledger(self.settings, self.warehouse, self.clock)

    @cached_property
    def library(self) -> LibraryStore:
        """Where the script files lie."""
        return make_library(self.settings)

    @cached_property
    def embedder(self) -> Embedder:
        """The embedder."""
        return make_embedder(self.settings)

    def embedder_of(self, model: str, dimensions: int) -> Embedder:
        """The embedder of a space that may be an old one."""
        return make_embedder_of(self.settings, model, dimensions)

    @cached_property
    def index(self) -> VectorIndex:
        """The vector index."""
        return make_index(self.settings)

    @cached_property
    def social(self) -> SocialPlatform:
        """The social platform."""
        return make_social(self.settings)

    @cached_property
    def trainer(self) -> Trainer:
        """The trainer."""
        return make_trainer(self.settings, self.warehouse)

    @cached_property
    def fine_tuning(self) -> FineTuning:
        """What the fine-tune of a month needs."""
        return make_fine_tuning(self.settings, self.clock, self.warehouse, self.trainer)

    def writer(self, name: str) -> Writer:
        """A writer by the name of a model of the base model's provider."""
        return make_writer(self.settings, name)


def _secret(settings: Settings) -> str:
    key = settings.openai_api_key
    assert key is not None, "load_settings() has checked it"
    return key.get_secret_value()

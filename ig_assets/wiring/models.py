"""Choose the models that embed and write, by name and by adapter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ig_assets.adapters.fireworks.trainer import INFERENCE_URL as FIREWORKS_URL
from ig_assets.adapters.local_models.registry import (
    EMBEDDING_SPACE,
    MODEL_FILES,
    WRITERS,
)
from ig_assets.adapters.lora.adapter_file import PREFIX as LORA_PREFIX
from ig_assets.adapters.together.trainer import INFERENCE_URL as TOGETHER_URL
from ig_assets.core.costs.usage import price_warning
from ig_assets.core.models.registry import ModelName, ModelRow, asked_provider
from ig_assets.core.ports import BatchEmbedder, Embedder, HookEncoder, Writer
from ig_assets.errors import SettingsError
from ig_assets.settings import Settings

if TYPE_CHECKING:
    from ig_assets.adapters.local_models.files import Progress

OPENAI_POLISH_MODEL = "gpt-5-nano"

# The value of IG_LOCAL_MODEL that names any GGUF file of the user's.
OWN_FILE = "file"


def base_model(settings: Settings) -> ModelName:
    """Return the provider and name of the frozen base model."""
    if settings.writer == "openai":
        return ModelName("openai", settings.openai_model)
    return ModelName("local", _local_writer(settings)[0])


def polish_model(settings: Settings) -> ModelName:
    """Return the provider and name of the model that polishes.

    With OpenAI it is the model of `IG_POLISH_MODEL`, by default the cheapest one that
    writes well. On this machine it is the base model. It is also the base model on a
    server of another vendor, which may not have OpenAI's, unless `IG_POLISH_MODEL` is
    set.
    """
    base = base_model(settings)
    if settings.writer != "openai":
        return base
    if settings.polish_model is None and settings.openai_base_url is not None:
        return base
    return ModelName(base.provider, settings.polish_model or OPENAI_POLISH_MODEL)


def advised(settings: Settings) -> tuple[str, int, bool]:
    """Return (cheaper polish model, dimensions of vectors, whether Pinecone is used).

    The advice on costs needs these.
    """
    _, dimensions = embedding_space(settings)
    return OPENAI_POLISH_MODEL, dimensions, settings.index == "pinecone"


def model_price_warning(settings: Settings, model: ModelRow) -> str | None:
    """Return why budgets would refuse every call to a model, else None."""
    provider = base_model(settings).provider
    if model.provider in settings.known_trainers:
        provider = asked_provider(model.provider, provider)
    called = model.called.removeprefix(f"{provider}/")
    return price_warning(settings.all_budgets, provider, called)


def embedding_space(settings: Settings) -> tuple[str, int]:
    """Return the (model, dimensions) of the vectors, without loading a model."""
    if settings.embedder == "openai":
        return settings.openai_embedding_model, settings.openai_embedding_dimensions
    return EMBEDDING_SPACE


def make_embedder(settings: Settings, progress: Progress | None = None) -> Embedder:
    """Return the embedder of the settings: MiniLM on this machine, or OpenAI's.

    It may download model files.
    """
    return make_embedder_of(settings, *embedding_space(settings), progress=progress)


def make_embedder_of(
    settings: Settings, model: str, dimensions: int, progress: Progress | None = None
) -> Embedder:
    """Return the embedder of a space, which the settings may no longer name.

    Raises SettingsError if its vendor's key is missing.
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
            next_key=_next_secret(settings),
        )
    from ig_assets.adapters.local_models.files import fetch_model_file

    cache = settings.model_cache
    return LocalEmbedder(
        fetch_model_file("minilm-int8", cache, progress=progress),
        fetch_model_file("minilm-tokenizer", cache, progress=progress),
        threads=settings.local_threads,
    )


def make_hook_encoder(
    settings: Settings, progress: Progress | None = None
) -> HookEncoder:
    """Return the encoder of hooks: the middle layer of MiniLM, with any embedder.

    Its first use may download model files.
    """
    from ig_assets.adapters.local_models.files import fetch_model_file
    from ig_assets.adapters.local_models.layer_encoder import (
        LayerEncoder,
        OnDemandEncoder,
    )

    cache = settings.model_cache
    return OnDemandEncoder(
        lambda: LayerEncoder(
            fetch_model_file("minilm-int8", cache, progress=progress),
            fetch_model_file("minilm-tokenizer", cache, progress=progress),
            threads=settings.local_threads,
        )
    )


def make_batch_embedder(settings: Settings) -> BatchEmbedder:
    """Return OpenAI's Batch API, even if the settings changed since a batch was sent.

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
        next_key=_next_secret(settings),
    )


def make_writer(settings: Settings, name: str) -> Writer:
    """Return the writer for a model of the base model's provider, or a fine-tuned one.

    Raises SettingsError if the key of the model's vendor is missing.
    """
    hosted = _hosted_writer(settings, name)
    if hosted is not None:
        return hosted
    if name.startswith(LORA_PREFIX):
        return _writer_on_this_machine(settings, name)
    if settings.writer == "openai" or name.startswith("ft:"):
        if settings.openai_api_key is None:
            raise _no_key(name, "OPENAI_API_KEY")
        from ig_assets.adapters.openai.writer import OpenAIWriter

        return OpenAIWriter(
            name,
            api_key=_secret(settings),
            base_url=settings.openai_base_url,
            next_key=_next_secret(settings),
        )
    return _writer_on_this_machine(settings, name)


def _writer_on_this_machine(settings: Settings, name: str) -> Writer:
    """Return the model on this machine, with the adapter that its name has, if any."""
    from ig_assets.adapters.local_models.pool import WriterPool
    from ig_assets.adapters.local_models.writer import LocalWriter
    from ig_assets.adapters.lora.adapter_file import find_adapter, split_name

    base, digits = split_name(name) or (None, None)
    if base is None:
        _, served = _local_writer(settings)
    elif base in WRITERS.values():
        file = MODEL_FILES[base]
        served = f"{file.name}@sha256:{file.sha256[:12]}"
    else:
        raise SettingsError(
            f"the base model of {name} is not one of {', '.join(WRITERS.values())}; "
            "roll back with `ig-assets models rollback --reason …`."
        )
    adapters = lora_folder(settings) / "adapters"
    servers = writers_in_flight(settings)
    return WriterPool(
        [
            LocalWriter(
                settings.data_dir / "local_model" / str(number),
                lambda: writer_file(settings, base=base),
                name,
                served=served if digits is None else f"{served}+lora@sha256:{digits}",
                threads=settings.local_threads,
                idle_s=settings.local_idle_s,
                prompt_threads=2 if servers == 1 else 1,
                adapter_file=(
                    None if digits is None else lambda: find_adapter(adapters, name)
                ),
            )
            for number in range(1, servers + 1)
        ]
    )


def lora_folder(settings: Settings) -> Path:
    """Return the folder in which the trainer `lora` keeps its jobs and adapters."""
    return settings.data_dir / "lora"


def writers_in_flight(settings: Settings) -> int:
    """Return the number of concurrent requests to the writer.

    It is `IG_MAX_IN_FLIGHT`, or one per local server.
    """
    if settings.writer != "local":
        return settings.max_in_flight
    if settings.local_servers is not None:
        return settings.local_servers
    from ig_assets.adapters.local_models.pool import default_servers

    return default_servers()


def writer_file(
    settings: Settings, progress: Progress | None = None, base: str | None = None
) -> Path:
    """Return the file of the local writer's verified weights; download it if missing.

    `base` names another model than that of the settings, such as an adapter's base.
    """
    from ig_assets.adapters.local_models.files import fetch_model_file

    own = settings.local_model == OWN_FILE
    if own and base is None:
        from ig_assets.adapters.local_models.own_model import own_model

        return own_model(settings.model_path, settings.model_cache).path
    name = None if own else WRITERS[settings.local_model]
    wanted = base or name
    assert wanted is not None
    return fetch_model_file(
        wanted,
        settings.model_cache,
        local_path=settings.model_path if wanted == name else None,
        progress=progress,
    )


def _local_writer(settings: Settings) -> tuple[str, str]:
    """Return (model name, model name with the hash of its file) of the local writer.

    For a file of the user's own both are the same. Raises ModelFileError if that file
    cannot be used.
    """
    if settings.local_model == OWN_FILE:
        from ig_assets.adapters.local_models.own_model import own_model

        name = own_model(settings.model_path, settings.model_cache).name
        return name, name
    file = MODEL_FILES[WRITERS[settings.local_model]]
    return file.name, f"{file.name}@sha256:{file.sha256[:12]}"


def _hosted_writer(settings: Settings, name: str) -> Writer | None:
    """Return a writer for a model that Together or Fireworks trained, else None."""
    from ig_assets.adapters.openai.writer import OpenAIWriter

    for provider, url, key in (
        ("together", TOGETHER_URL, settings.together_api_key),
        ("fireworks", FIREWORKS_URL, settings.fireworks_api_key),
    ):
        if name.startswith(f"{provider}/"):
            if key is None:
                raise _no_key(name, f"{provider.upper()}_API_KEY")
            return OpenAIWriter(
                name.removeprefix(f"{provider}/"),
                api_key=key.get_secret_value(),
                base_url=url,
                provider=provider,
            )
    return None


def _no_key(model: str, variable: str) -> SettingsError:
    return SettingsError(
        f"the model {model} needs {variable}; set it, or roll back with `ig-assets "
        "models rollback --reason …`."
    )


def _secret(settings: Settings) -> str:
    key = settings.openai_api_key
    assert key is not None, "load_settings() has checked it"
    return key.get_secret_value()


def _next_secret(settings: Settings) -> str | None:
    key = settings.openai_api_key_next
    return None if key is None else key.get_secret_value()

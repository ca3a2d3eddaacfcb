"""What settings are called, and which of them needs which other one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import AliasChoices, Field


def outside_name(name: str) -> Any:
    """Return a field that is read from a vendor's own variable, without our prefix."""
    return Field(default=None, validation_alias=AliasChoices(name, name.lower()))


OUTSIDE = (
    "openai_api_key",
    "openai_api_key_next",
    "openai_base_url",
    "pinecone_api_key",
    "pinecone_api_key_next",
    "pinecone_host",
    "together_api_key",
    "fireworks_api_key",
    "fireworks_account_id",
)
KEYS = (*(name for name in OUTSIDE if "_api_key" in name), "instagram_token")

# Each trainer, and the settings that it needs.
TRAINERS: Mapping[str, tuple[str, ...]] = {
    "openai": ("openai_api_key",),
    "together": ("together_api_key",),
    "fireworks": ("fireworks_api_key", "fireworks_account_id"),
    "lora": (),
    "few_shot": (),
}
RANKER = "ranker"
"""The name in `IG_TRAINER` of the ranker; the other names train the writer's model."""

# A setting, a value of it, the settings that this value needs, and the default.
NEEDS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("writer", "openai", ("openai_api_key",), "the model on this machine"),
    ("embedder", "openai", ("openai_api_key",), "the model on this machine"),
    ("index", "pinecone", ("pinecone_api_key",), "FAISS on this machine"),
    ("social", "replay", ("replay_file",), "the simulated audience"),
    (
        "social",
        "instagram",
        ("instagram_account", "instagram_token", "meta_app_secret"),
        "the simulated audience",
    ),
)


def listed_names(value: str) -> tuple[str, ...]:
    """Return the names in a value that lists them with commas."""
    return tuple(filter(None, (name.strip() for name in value.split(","))))


def variable_name(field: str) -> str:
    """Return the environment variable of a field."""
    return field.upper() if field.lower() in OUTSIDE else f"IG_{field.upper()}"


class GivenSettings(Protocol):
    """The settings that `check_needs` looks at, beside those of `NEEDS`."""

    @property
    def trainer(self) -> str: ...

    @property
    def trainers(self) -> tuple[str, ...]: ...

    @property
    def local_model(self) -> str: ...

    @property
    def batch(self) -> bool: ...

    @property
    def embedder(self) -> str: ...

    @property
    def executor(self) -> str: ...

    @property
    def warehouse_location(self) -> str: ...

    @property
    def celery_broker(self) -> object: ...

    @property
    def publish(self) -> bool: ...

    @property
    def social(self) -> str: ...


def check_needs(settings: GivenSettings) -> None:
    """Raise ValueError with a full sentence if a setting needs another one."""
    for field, value, needed, default in NEEDS:
        missing = [name for name in needed if getattr(settings, name) is None]
        if getattr(settings, field) == value and missing:
            name = variable_name(field)
            raise ValueError(
                f"{name}={value} needs {variable_name(missing[0])}; set it in the "
                f"environment or .env, or remove {name} to use {default}."
            )
    for trainer in settings.trainers:
        for needed_by in TRAINERS[trainer]:
            if getattr(settings, needed_by) is None:
                raise ValueError(
                    f"IG_TRAINER={settings.trainer} needs {variable_name(needed_by)}; "
                    "set it in the environment or .env, or leave out "
                    f"{trainer}."
                )
    if "lora" in settings.trainers and settings.local_model == "file":
        raise ValueError(
            "IG_TRAINER=lora trains the registered models only; set "
            "IG_LOCAL_MODEL to 1.5b or 0.5b, or leave out lora."
        )
    if settings.batch and settings.embedder != "openai":
        raise ValueError(
            "IG_BATCH=1 needs IG_EMBEDDER=openai, since only OpenAI's Batch API "
            "takes batches; set it too, or remove IG_BATCH."
        )
    if settings.executor == "k8s" and settings.warehouse_location.startswith("duckdb:"):
        raise ValueError(
            "IG_EXECUTOR=k8s needs IG_WAREHOUSE_URL=postgres:… or ducklake:…, "
            "since pods cannot share a DuckDB file; set it too, or remove "
            "IG_EXECUTOR."
        )
    if settings.executor == "celery" and settings.celery_broker is None:
        raise ValueError(
            "IG_EXECUTOR=celery needs IG_CELERY_BROKER=redis://HOST:6379/0, where "
            "the steps wait for a worker; set it too, or remove IG_EXECUTOR."
        )
    if settings.publish and settings.social != "instagram":
        raise ValueError(
            "IG_PUBLISH=1 needs IG_SOCIAL=instagram, since only real posts are "
            "held back; set it too, or remove IG_PUBLISH."
        )

"""All settings, validated once; the environment wins over `.env`.

With nothing set everything runs on this machine: no key, no server, and no network
once the model files are downloaded. `.env.example` explains each setting.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from difflib import get_close_matches
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from ig_assets.core.corpus.search.limits import LEAST_RELEVANCE
from ig_assets.core.costs.budget import Budget, parse_budgets
from ig_assets.core.costs.prices import parse_prices, use_prices
from ig_assets.core.costs.training_prices import parse_training_prices
from ig_assets.core.fine_tuning.evaluation.trial import TRIAL
from ig_assets.core.operations.redaction import know_secrets
from ig_assets.errors import InputError, SettingsError
from ig_assets.files import from_home
from ig_assets.setting_needs import (
    KEYS,
    RANKER,
    TRAINERS,
    check_needs,
    listed_names,
    outside_name,
    variable_name as variable_name,
)
from ig_assets.setting_values import (
    HostAndPort,
    MailAddress,
    MailAddresses,
    MetaNumber,
    Owners,
    Share,
    Time,
    WebAddress,
    MOST_DAYS,
    check_key,
    check_web_address,
    fault_sentence,
)
from ig_assets.workspace import WORKSPACE

_PASSWORD = re.compile(r"(?:\bpassword=|://[^/@\s:]*:)([^@\s&]+)")


class Settings(BaseSettings):
    """All settings in one validated object; read it with `load_settings()`."""

    model_config = SettingsConfigDict(
        env_prefix="IG_", env_file=".env", env_ignore_empty=True, extra="ignore"
    )

    # Where things are
    data_dir: Path = WORKSPACE / "data"
    library: str = Field(
        default=str(WORKSPACE / "library" / "scripts"), repr=False
    )  # a URL may hold a password
    calendar: Path = WORKSPACE / "library" / "calendar"
    warehouse_url: str = Field(default="", repr=False)  # may hold a password
    model_cache: Path = Path.home() / ".cache" / "ig_assets" / "models"
    model_path: Path | None = None

    # Which vendor fulfils which port
    embedder: Literal["local", "openai"] = "local"
    writer: Literal["local", "openai"] = "local"
    index: Literal["faiss", "pinecone"] = "faiss"
    social: Literal["simulated", "instagram", "replay"] = "simulated"
    trainer: str = "few_shot"
    ranker: Literal["off", "fit", "choose"] = "off"
    clock: Literal["auto", "system", "simulated"] = "auto"

    # The recording that is replayed
    replay_file: Path | None = None
    replay_columns: str = ""

    # Local models
    local_model: Literal["1.5b", "0.5b", "file"] = "1.5b"
    local_threads: Annotated[int, Field(ge=1, le=64)] = 1
    local_servers: Annotated[int, Field(ge=1, le=16)] | None = None
    local_idle_s: Annotated[int, Field(ge=10)] = 300

    # Vendors' models
    openai_model: str = "gpt-5-mini"
    polish_model: str | None = None
    recency_half_life_months: Annotated[float, Field(ge=0.1)] | None = None
    train_method: Literal["sft", "dpo"] = "sft"
    openai_train_model: str = "gpt-4.1-mini-2025-04-14"
    together_train_model: str = "Qwen/Qwen2.5-7B-Instruct"
    fireworks_train_model: str = "accounts/fireworks/models/qwen2p5-7b-instruct"
    openai_embedding_model: str = "text-embedding-3-small"
    openai_embedding_dimensions: Annotated[int, Field(ge=1, le=3072)] = 1536

    # The vector store's
    pinecone_index: Annotated[
        str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")
    ] = "ig-scripts"
    pinecone_cloud: Literal["aws", "gcp", "azure"] = "aws"
    pinecone_region: str = "us-east-1"

    # The loop
    first_month: Annotated[str, Field(pattern=r"^(19|20)\d{2}-(0[1-9]|1[0-2])$")] = (
        "2026-01"
    )
    topics_per_month: Annotated[int, Field(ge=1)] | None = None
    arms: Annotated[int, Field(ge=2, le=3)] = 2
    hooks_per_topic: Annotated[int, Field(ge=4, le=20)] = 6
    retrieved_scripts: Annotated[int, Field(ge=0, le=20)] = 2
    least_relevance: Share = LEAST_RELEVANCE
    seed: int = 7
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 0.7
    canary_share: Share = 0.34
    canary_days: Annotated[int, Field(ge=1)] = TRIAL.days
    tainted_active: Literal["rollback", "keep"] = "rollback"
    control_share: Share = 0.1
    aa_share: Share = 0.0
    approval: Literal["auto", "manual"] = "auto"
    sigma: Annotated[float, Field(ge=0.0, le=2.0)] | Literal["pairs"] = 0.2
    provisional_lift: Annotated[float, Field(ge=0.0)] = 0.05
    novelty_floor: Share = 0.5
    banned_words: Path = WORKSPACE / "library" / "banned_words.txt"
    regenerations: Annotated[int, Field(ge=0, le=5)] = 1
    evaluation_topics: Annotated[int, Field(ge=1, le=100)] = 1
    few_shot_examples: Annotated[int, Field(ge=1, le=20)] = 2

    # Instagram
    publish: bool = False
    instagram_account: MetaNumber | None = None
    instagram_token: SecretStr | None = None
    meta_app_secret: SecretStr | None = None
    instagram_url: str | None = None

    # Split tests by Meta's ad studies
    ad_account: MetaNumber | None = None
    business: MetaNumber | None = None
    facebook_page: MetaNumber | None = None
    ad_payer: str | None = None
    split_max_budget: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 0.0
    train_on_ads: bool = False

    # Money and pace
    max_in_flight: Annotated[int, Field(ge=1, le=256)] = 8
    embed_batch: Annotated[int, Field(ge=1, le=2048)] = 100
    batch: bool = False
    budget_usd: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] | None = None
    budgets: str = ""
    prices: str = ""
    training_prices: str = ""

    # The log
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    # Monitoring and alerts
    datadog: HostAndPort | None = None
    alert_webhook: SecretStr | None = None
    alert_email: MailAddresses | None = None
    smtp: HostAndPort = "localhost:25"
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    alert_from: MailAddress | None = None
    ui_url: WebAddress | None = None

    # Dagster
    executor: Literal["in_process", "multiprocess", "k8s", "celery"] = "in_process"
    celery_broker: SecretStr | None = None
    celery_results: SecretStr | None = None
    keep_days: Annotated[int, Field(ge=1, le=MOST_DAYS)] | None = None
    backups: Path | None = None
    keep_backups: Annotated[int, Field(ge=1)] = 14
    maintenance_at: Time = "02:15"
    owners: Owners = "team:content-data"
    code_url: WebAddress | None = None

    # Vendors' own names
    openai_api_key: SecretStr | None = outside_name("OPENAI_API_KEY")
    openai_api_key_next: SecretStr | None = outside_name("OPENAI_API_KEY_NEXT")
    openai_base_url: str | None = outside_name("OPENAI_BASE_URL")
    pinecone_api_key: SecretStr | None = outside_name("PINECONE_API_KEY")
    pinecone_api_key_next: SecretStr | None = outside_name("PINECONE_API_KEY_NEXT")
    pinecone_host: str | None = outside_name("PINECONE_HOST")
    together_api_key: SecretStr | None = outside_name("TOGETHER_API_KEY")
    fireworks_api_key: SecretStr | None = outside_name("FIREWORKS_API_KEY")
    fireworks_account_id: str | None = outside_name("FIREWORKS_ACCOUNT_ID")

    @field_validator(
        *("data_dir", "calendar", "model_cache", "banned_words", "backups"),
        *("replay_file", "model_path"),
        mode="after",
    )
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        try:
            return value and from_home(value)
        except InputError:
            raise ValueError(
                f"{value} is in the home folder of a user whom this machine does not "
                "know"
            ) from None

    @field_validator("budgets", mode="after")
    @classmethod
    def _budgets_are_rules(cls, value: str) -> str:
        parse_budgets(value)
        return value

    @field_validator("prices", mode="after")
    @classmethod
    def _prices_are_rules(cls, value: str) -> str:
        parse_prices(value)
        return value

    @field_validator("training_prices", mode="after")
    @classmethod
    def _training_prices_are_rules(cls, value: str) -> str:
        parse_training_prices(value)
        return value

    @field_validator("trainer", mode="after")
    @classmethod
    def _trainers_are_known(cls, value: str) -> str:
        names = listed_names(value)
        wrong = [name for name in names if name not in (*TRAINERS, RANKER)]
        if names == (RANKER,):
            raise ValueError(
                "the ranker learns which hooks do well and writes none; name what "
                "makes the writer's model beside it, as in IG_TRAINER=ranker,few_shot"
            )
        if wrong or not names:
            raise ValueError(
                f"{(wrong or [value])[0]!r} is no trainer; there are "
                f"{', '.join((*TRAINERS, RANKER))}, tried in the order in which they "
                "are listed"
            )
        if len(set(names)) < len(names):
            raise ValueError("a trainer is listed twice")
        return value

    @field_validator("replay_columns", mode="after")
    @classmethod
    def _columns_are_known(cls, value: str) -> str:
        if value:  # the default is validated too, and the import takes 0.1 s
            from ig_assets.core.experiments.engagement.columns import parse_columns

            parse_columns(value)
        return value

    @field_validator(*KEYS, mode="after")
    @classmethod
    def _can_be_sent(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_key(value)
        return value

    @field_validator("openai_base_url", "instagram_url", "alert_webhook", mode="after")
    @classmethod
    def _is_http(cls, value: str | SecretStr | None) -> str | SecretStr | None:
        if value is not None:
            check_web_address(value)
        return value

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Settings:
        """Raise ValueError with a full sentence if a setting needs another one."""
        check_needs(self)
        return self

    @property
    def known_trainers(self) -> tuple[str, ...]:
        """Return all trainers that `IG_TRAINER` may name."""
        return tuple(TRAINERS)

    @property
    def trainers(self) -> tuple[str, ...]:
        """Return the trainers of `IG_TRAINER`, in the order in which they are tried.

        The ranker is left out, since it is fitted to experiments and not to a training
        set.
        """
        return tuple(name for name in listed_names(self.trainer) if name != RANKER)

    @property
    def canary_trial(self) -> timedelta:
        """Return the longest time that a canary is on trial."""
        return timedelta(days=self.canary_days)

    @cached_property
    def all_budgets(self) -> tuple[Budget, ...]:
        """Return the budgets of `IG_BUDGET_USD` and `IG_BUDGETS`."""
        ever = () if self.budget_usd is None else (self.budget_usd,)
        total = tuple(Budget("ever", "usd", limit) for limit in ever)
        return total + parse_budgets(self.budgets)

    @cached_property
    def warehouse_location(self) -> str:
        """Return `IG_WAREHOUSE_URL`, or the URL of the data folder's DuckDB file."""
        return self.warehouse_url or f"duckdb:///{self.data_dir / 'warehouse.duckdb'}"

    @property
    def asset_owners(self) -> tuple[str, ...]:
        """Return who answers for the assets: teams (`team:…`) and e-mail addresses."""
        return tuple(owner.strip() for owner in self.owners.split(","))

    @cached_property
    def publishes(self) -> bool:
        """Return whether approved posts are published automatically.

        Posts on Instagram are published only if `IG_PUBLISH` is set.
        """
        return self.social != "instagram" or self.publish

    @cached_property
    def approves_automatically(self) -> bool:
        """Return whether planned posts are approved automatically.

        Posts on Instagram are approved by people, since each waits for its video.
        """
        return self.approval == "auto" and self.social != "instagram"

    @cached_property
    def fits_ranker(self) -> bool:
        """Return whether a ranker is fitted each month."""
        return self.ranker != "off" or RANKER in listed_names(self.trainer)

    @cached_property
    def uses_simulated_clock(self) -> bool:
        """Return whether the clock is the simulated one, instead of the system's."""
        if self.clock == "auto":
            return self.social == "simulated"
        return self.clock == "simulated"


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; `overrides` (field names) win over the environment.

    Raises SettingsError with one sentence per wrong value, naming its variable. A
    variable that begins with IG_ and is not a setting counts as a typing error. The
    prices of `IG_PRICES` apply in this process from then on.
    """
    settings = _validated(**overrides) if overrides else _remembered(_environment())
    use_prices(parse_prices(settings.prices))
    know_secrets(_secret_values(settings))
    return settings


def _secret_values(settings: Settings) -> Iterator[str]:
    """Yield what must not be logged: keys, tokens, and passwords within addresses."""
    for field in Settings.model_fields:
        value = getattr(settings, field)
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
    for address in (settings.warehouse_url, settings.library):
        yield from filter(None, (found[1] for found in _PASSWORD.finditer(address)))


def _validated(**overrides: Any) -> Settings:
    _check_names()
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(" ".join(map(_sentence, error.errors()))) from None


def _sentence(problem: Any) -> str:
    if not problem["loc"]:  # of settings together, which have their own sentence
        return str(problem["ctx"]["error"])
    field = str(problem["loc"][0])
    setting = Settings.model_fields.get(field.lower())
    return fault_sentence(problem, variable_name(field), setting)


@lru_cache(maxsize=1)  # each step reads them once per resource, for 10 ms of CPU
def _remembered(environment: tuple[object, ...]) -> Settings:
    return _validated()


def _environment() -> tuple[object, ...]:
    """Return all that settings depend on: the variables, and the content of `.env`."""
    env_file = Path(str(Settings.model_config.get("env_file")))
    content = env_file.read_bytes() if env_file.is_file() else None
    return env_file.absolute(), content, tuple(sorted(os.environ.items()))


def _check_names() -> None:
    known = {variable_name(field) for field in Settings.model_fields}
    env_file = Path(str(Settings.model_config.get("env_file")))
    given = {*os.environ, *dotenv_values(env_file)}
    unknown = sorted(n for n in given if n.startswith("IG_") and n not in known)
    if not unknown:
        return
    near = get_close_matches(unknown[0], known, n=1)
    hint = f"did you mean {near[0]}?" if near else "see .env.example for all there are."
    raise SettingsError(f"{unknown[0]} is not a setting of ig_assets; {hint}")

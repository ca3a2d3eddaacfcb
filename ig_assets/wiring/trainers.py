"""Choose the trainers, in the order of `IG_TRAINER`."""

from __future__ import annotations

from pydantic import SecretStr

from ig_assets.core.costs.training_prices import parse_training_prices
from ig_assets.core.ports import Trainer
from ig_assets.settings import Settings
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets.wiring.models import (
    base_model,
    embedding_space,
    lora_folder,
    writer_file,
)


def make_trainers(settings: Settings, warehouse: Warehouse) -> tuple[Trainer, ...]:
    """Return the trainers of the settings, in their order."""
    return tuple(_trainer(name, settings, warehouse) for name in settings.trainers)


def _trainer(name: str, settings: Settings, warehouse: Warehouse) -> Trainer:
    if name == "openai":
        from ig_assets.adapters.openai.trainer import OpenAITrainer

        return OpenAITrainer(
            _secret(settings.openai_api_key),
            settings.openai_train_model,
            parse_training_prices(settings.training_prices),
            base_url=settings.openai_base_url,
            method=settings.train_method,
        )
    if name == "together":
        from ig_assets.adapters.together.trainer import TogetherTrainer

        return TogetherTrainer(
            _secret(settings.together_api_key),
            settings.together_train_model,
            method=settings.train_method,
        )
    if name == "fireworks":
        from ig_assets.adapters.fireworks.trainer import FireworksTrainer

        return FireworksTrainer(
            _secret(settings.fireworks_api_key),
            settings.fireworks_account_id or "",
            settings.fireworks_train_model,
            parse_training_prices(settings.training_prices),
            method=settings.train_method,
        )
    if name == "lora":
        return _lora(settings)
    return _few_shot(settings, warehouse)


def _lora(settings: Settings) -> Trainer:
    from ig_assets.adapters.local_models.registry import WRITERS
    from ig_assets.adapters.lora.trainer import LoraTrainer

    return LoraTrainer(
        lora_folder(settings),
        WRITERS[settings.local_model],
        lambda: writer_file(settings),
    )


def _few_shot(settings: Settings, warehouse: Warehouse) -> Trainer:
    from ig_assets.adapters.simulated.few_shot_trainer import FewShotTrainer
    from ig_assets.core.models.few_shot import choose_for_month

    model, dimensions = embedding_space(settings)
    return FewShotTrainer(
        settings.data_dir / "few_shot_trainer",
        lambda request: choose_for_month(
            warehouse, request.month, settings.few_shot_examples, model, dimensions
        ),
        base_model(settings).name,
    )


def _secret(key: SecretStr | None) -> str:
    assert key is not None, "load_settings() has checked it"
    return key.get_secret_value()

"""Choose the adapter of each port by the settings; no other package does this."""

from __future__ import annotations

from ig_assets.wiring.alerts import alert_channels, make_alerts
from ig_assets.wiring.models import (
    OPENAI_POLISH_MODEL,
    advised,
    base_model,
    embedding_space,
    make_batch_embedder,
    make_embedder,
    make_embedder_of,
    make_hook_encoder,
    make_writer,
    model_price_warning,
    polish_model,
    writer_file,
    writers_in_flight,
)
from ig_assets.wiring.services import (
    Services,
    make_fine_tuning,
    make_forgetting,
    make_generation_context,
)
from ig_assets.wiring.social import (
    make_ad_studies,
    make_instagram,
    make_social,
    token_expires_at,
    token_store,
)
from ig_assets.wiring.stores import (
    INDEX_NAME,
    make_clock,
    make_index,
    make_ledger,
    make_library,
    make_money_clock,
    make_warehouse,
    receipts_of,
)

from ig_assets.wiring.trainers import make_trainers

__all__ = [
    "INDEX_NAME",
    "OPENAI_POLISH_MODEL",
    "Services",
    "alert_channels",
    "advised",
    "base_model",
    "embedding_space",
    "make_ad_studies",
    "make_alerts",
    "make_batch_embedder",
    "make_clock",
    "make_embedder",
    "make_embedder_of",
    "make_fine_tuning",
    "make_forgetting",
    "make_generation_context",
    "make_hook_encoder",
    "make_index",
    "make_instagram",
    "make_ledger",
    "make_library",
    "make_money_clock",
    "make_social",
    "make_trainers",
    "make_warehouse",
    "make_writer",
    "model_price_warning",
    "polish_model",
    "receipts_of",
    "token_expires_at",
    "token_store",
    "writer_file",
    "writers_in_flight",
]

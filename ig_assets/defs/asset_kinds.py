"""Dagster's `kinds` tags for the configured vendors, read once at import."""

from ig_assets.settings import load_settings

_SETTINGS = load_settings()

WRITER = "openai" if _SETTINGS.writer == "openai" else "llamacpp"
EMBEDDER = "openai" if _SETTINGS.embedder == "openai" else "onnx"
INDEX = _SETTINGS.index
PLATFORM = _SETTINGS.social

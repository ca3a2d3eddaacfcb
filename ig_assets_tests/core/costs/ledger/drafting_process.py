"""A process that drafts through OpenAI's stand-in, to be killed at any moment."""

from __future__ import annotations

from multiprocessing.process import BaseProcess
from pathlib import Path

import jinja2  # noqa: F401
import openai  # noqa: F401

from ig_assets.adapters.openai.client import count_tokens
from ig_assets.core.costs.prices import call_cost_usd
from ig_assets.core.ports import TokenUsage
from ig_assets_tests.core.generation.generation_factory import BASE, GenerationFactory
from ig_assets_tests.factories.processes import started

IN_FLIGHT = 3
TOPICS = [f"topic {n}" for n in range(10)]

# Loaded once, by the server that the processes are forked from.
_WARM = (
    call_cost_usd("openai", BASE.name, TokenUsage(1, 1)),
    count_tokens("o200k_base", "warm"),
)


def draft_all(folder: Path, base_url: str, run_id: str) -> None:
    """Write every arm of the topics that has no draft yet."""
    env = GenerationFactory(folder, base_url)
    env.draft(env.arms(), run_id, in_flight=IN_FLIGHT)


def start_drafting(folder: Path, base_url: str, run_id: str) -> BaseProcess:
    """The same in a process of its own."""
    return started(draft_all, folder, base_url, run_id)

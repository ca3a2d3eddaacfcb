"""How a variant is compared with its siblings, and by whose bounds it is measured."""

from __future__ import annotations

import pytest

from ig_assets_tests.core.generation.generation_factory import GenerationFactory
from ig_assets_tests.core.generation.polishing.test_polish import (
    FRESH,
    VARIANTS,
    answer_of,
    draft,
)
from ig_assets_tests.stand_ins.openai_server import OpenAIStandIn

ALIKE = FRESH.replace("late", "later")


@pytest.mark.parametrize(
    ("second", "is_kept"), [("b", False), ("canary", True), ("control", True)]
)
def test_siblings_must_differ_but_a_pair_of_models_may_be_alike(
    env: GenerationFactory, server: OpenAIStandIn, second: str, is_kept: bool
) -> None:
    env.topics("bread")
    draft(env, "a", FRESH)
    draft(env, second, ALIKE)
    server.fail(answer_of(FRESH), answer_of(ALIKE))
    env.polish(ceiling=0.8)
    _, other = env.read(VARIANTS)
    assert (other["rejection"] is None) is is_kept
    if not is_kept:
        assert "sibling" in other["rejection"] and other["sibling_similarity"] > 0.8


@pytest.mark.parametrize(("second", "is_kept"), [("canary", False), ("control", True)])
def test_a_canary_with_the_words_of_its_sibling_is_rejected(
    env: GenerationFactory, server: OpenAIStandIn, second: str, is_kept: bool
) -> None:
    env.topics("bread")
    draft(env, "a", FRESH)
    draft(env, second, FRESH)
    server.fail(answer_of(FRESH), answer_of(FRESH))
    env.polish()
    _, other = env.read(VARIANTS)
    assert (other["rejection"] is None) is is_kept
    if not is_kept:
        assert "the words are those of arm a" in other["rejection"]


@pytest.mark.parametrize(
    ("provider", "is_kept"), [("openai", True), ("few_shot", True), ("lora", False)]
)
def test_added_words_are_bounded_for_the_model_that_was_asked(
    env: GenerationFactory, server: OpenAIStandIn, provider: str, is_kept: bool
) -> None:
    env.topics("bread", brief="Fold paper, tie the string, run.")
    draft(env, "a", FRESH, provider=provider)
    server.fail(answer_of(FRESH))
    env.polish()
    (made,) = env.read(VARIANTS)
    assert (made["rejection"] is None) is is_kept
    if not is_kept:
        assert "words that the brief does not have" in made["rejection"]

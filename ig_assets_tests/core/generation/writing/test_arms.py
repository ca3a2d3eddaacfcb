"""What is held equal between the arms of a topic, and what differs."""

from __future__ import annotations

from ig_assets.core.generation import prompts
from ig_assets.core.generation.writing.arms import PlannedArm, Topic, plan_arms
from ig_assets.core.generation.writing.draft import arm_seed, draft_prompt
from ig_assets.core.generation.writing.schema import HOOK_STYLES
from ig_assets_tests.core.generation.generation_factory import (
    BASE,
    EXAMPLE,
    MONTH,
    TUNED,
)


def topic(name: str, is_control: bool = False, is_canary: bool = False) -> Topic:
    return Topic(MONTH, name, name, "", "", "en", "", is_control, is_canary)


def by_label(planned: list[PlannedArm]) -> dict[str, PlannedArm]:
    return {arm.arm: arm for arm in planned}


BOTH = topic("kites", is_control=True, is_canary=True)


def test_the_canary_differs_from_arm_a_in_the_model_alone() -> None:
    arms = by_label(plan_arms([BOTH], 2, 7, BASE, TUNED, BASE))
    a, canary = arms["a"], arms["canary"]
    assert canary.model == TUNED and a.model == BASE
    assert canary.hook_style == a.hook_style
    assert arm_seed(7, canary) == arm_seed(7, a) != arm_seed(7, arms["b"])
    assert draft_prompt(canary, ["ref"], []) == draft_prompt(a, ["ref"], [])
    assert canary.variant_id != a.variant_id
    assert canary.is_canary and not canary.is_control


def test_the_control_has_the_base_model_and_the_first_prompt() -> None:
    arms = by_label(plan_arms([BOTH], 2, 7, TUNED, None, BASE))
    control = arms["control"]
    assert control.model == BASE and arms["a"].model == TUNED
    assert control.hook_style == arms["a"].hook_style
    first = prompts.render(
        "draft.v1.j2",
        "draft.instructions.v1.j2",
        topic="kites",
        brief="",
        audience="",
        brand_voice="",
        language_name="English",
        hook_style=control.hook_style,
        hook_hint=HOOK_STYLES[control.hook_style],
        references=["ref"],
        examples=[],
    )
    assert draft_prompt(control, ["ref"], []) == first


def test_siblings_have_different_styles_and_only_a_drawn_topic_has_more_arms() -> None:
    planned = plan_arms(
        [topic("one"), topic("two", is_canary=True), topic("three", is_control=True)],
        3,
        7,
        BASE,
        TUNED,
        BASE,
    )
    labels: dict[str, list[str]] = {}
    for arm in planned:
        labels.setdefault(arm.topic.topic_id, []).append(arm.arm)
    assert labels == {
        "one": ["a", "b", "c"],
        "two": ["a", "b", "c", "canary"],
        "three": ["a", "b", "c", "control"],
    }
    styles = [arm.hook_style for arm in planned if arm.topic.topic_id == "one"]
    assert len(set(styles)) == 3


def test_a_canary_topic_without_a_candidate_has_no_canary_arm() -> None:
    assert "canary" not in by_label(plan_arms([BOTH], 2, 7, BASE, None, BASE))


def test_ids_and_styles_do_not_depend_on_the_other_topics() -> None:
    alone = plan_arms([BOTH], 2, 7, BASE, TUNED, BASE)
    among = plan_arms([topic("x"), BOTH, topic("y")], 2, 7, BASE, TUNED, BASE)
    assert [arm for arm in among if arm.topic == BOTH] == alone


def test_styles_differ_between_topics() -> None:
    planned = plan_arms([topic(f"t{n}") for n in range(60)], 2, 7, BASE, None, BASE)
    assert {arm.hook_style for arm in planned} == set(HOOK_STYLES)


def test_examples_and_references_are_in_the_prompt_apart() -> None:
    [arm, _] = plan_arms([topic("kites")], 2, 7, BASE, None, BASE)
    prompt = draft_prompt(arm, ["a reference"], [EXAMPLE]).prompt
    assert f"<example>\n{EXAMPLE}\n</example>" in prompt
    assert "<script>\na reference\n</script>" in prompt
